//! How telling a name is, judged by how it ends: separators and case aside.

use std::ops::Range;

use super::shape::{before, is_listed, run_back};

/// How sure a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Its value is chosen by people: anything may be it.
    Password,
    /// Its value is made by machines.
    Secret,
    /// It may be secret, if it looks random.
    Perhaps,
    /// An HTTP header.
    Header,
}

/// Last words of names; the first that fits decides, so the longer stand first.
const ENDS: &[(&str, Class)] = &[
    ("authorization", Class::Header),
    ("password", Class::Password),
    ("passwd", Class::Password),
    ("passphrase", Class::Password),
    ("passcode", Class::Password),
    ("passwort", Class::Password),
    ("pass", Class::Password),
    ("pwd", Class::Password),
    ("secret", Class::Secret),
    ("credential", Class::Secret),
    ("credentials", Class::Secret),
    ("token", Class::Perhaps),
    ("key", Class::Perhaps),
    ("auth", Class::Perhaps),
];

/// Words that a name needs before its end, for these are parts of other words too.
const SHORT: &str = "pass pwd token key auth";

/// What makes a key or a token a secret one, within the name or before it.
const QUALIFIERS: &str = "\
    api access secret private auth bot refresh signing encryption session bearer personal \
    master account shared deploy service id";

/// The class of the name at `range`, if it tells anything.
pub(super) fn classify(bytes: &[u8], range: &Range<usize>) -> Option<Class> {
    let name = &bytes[range.clone()];
    let (end, class) = ENDS.iter().find(|(end, _)| folded_ends(name, end))?;
    if *class == Class::Perhaps && is_qualified(bytes, range, end) {
        return Some(Class::Secret);
    }
    let is_working_directory = name.eq_ignore_ascii_case(b"pwd") || name == b"OLDPWD";
    let is_part = SHORT.split(' ').any(|short| short == *end) && !ends_as_word(name, end);
    (!is_part && !is_working_directory).then_some(*class)
}

/// Whether `name` ends with `end`, `-`, `_` and case aside.
pub(super) fn folded_ends(name: &[u8], end: &str) -> bool {
    let mut folded = name.iter().rev().filter(|byte| !b"-_".contains(byte));
    end.bytes().rev().all(|wanted| {
        folded
            .next()
            .is_some_and(|byte| byte.eq_ignore_ascii_case(&wanted))
    })
}

/// Whether the last word of `name` is `end`: `DB_PASS` and `dbPass`, not `bypass`.
fn ends_as_word(name: &[u8], end: &str) -> bool {
    let Some(at) = name.len().checked_sub(end.len()) else {
        return false;
    };
    let (head, tail) = name.split_at(at);
    let capital = tail[0].is_ascii_uppercase();
    tail.eq_ignore_ascii_case(end.as_bytes())
        && head.last().is_none_or(|byte| {
            b"-_".contains(byte) || byte.is_ascii_digit() || (capital && byte.is_ascii_lowercase())
        })
}

/// Whether `api`, `access` and the like stand right before the last word of a name.
fn is_qualified(bytes: &[u8], range: &Range<usize>, end: &str) -> bool {
    let head = &bytes[range.start..range.end - end.len()];
    if !head.is_empty() {
        return QUALIFIERS.split(' ').any(|word| folded_ends(head, word));
    }
    if before(bytes, range.start) != Some(b' ') {
        return false;
    }
    let space = range.start - 1;
    let length = run_back(bytes, space, 12, |byte| byte.is_ascii_alphabetic());
    is_listed(QUALIFIERS, &bytes[space - length..space])
}
