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

const PASSWORDS: &str = "password passwd passphrase passcode passwort";
const SHORT_PASSWORDS: &str = "pass pwd";
const SECRETS: &str = "\
    secret secretkey apikey apitoken apisecret accesskey accesstoken authtoken authkey \
    refreshtoken bottoken sessiontoken idtoken privatekey privatetoken encryptionkey \
    signingkey masterkey accountkey sharedkey deploykey servicekey credential \
    credentials";
const HEADERS: &str = "authorization";
const PERHAPS: &str = "token key auth";
/// Words before "key" and "token" that make them secret, where a space stands between.
const QUALIFIERS: &str = "\
    api access secret private auth bot refresh signing encryption session bearer \
    personal";

/// The class of the name at `range`, if it tells anything.
pub(super) fn classify(bytes: &[u8], range: &Range<usize>) -> Option<Class> {
    let name = &bytes[range.clone()];
    let ends = |all: &str| all.split(' ').any(|end| folded_ends(name, end));
    let is_working_directory = name.eq_ignore_ascii_case(b"pwd") || name == b"OLDPWD";
    if ends(HEADERS) {
        Some(Class::Header)
    } else if ends(PASSWORDS)
        || (!is_working_directory
            && SHORT_PASSWORDS
                .split(' ')
                .any(|end| ends_as_word(name, end)))
    {
        Some(Class::Password)
    } else if ends(SECRETS) || (ends(PERHAPS) && is_qualified(bytes, range.start)) {
        Some(Class::Secret)
    } else if PERHAPS.split(' ').any(|end| ends_as_word(name, end)) {
        Some(Class::Perhaps)
    } else {
        None
    }
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

fn is_qualified(bytes: &[u8], start: usize) -> bool {
    if before(bytes, start) != Some(b' ') {
        return false;
    }
    let length = run_back(bytes, start - 1, 12, |byte| byte.is_ascii_alphabetic());
    let word = &bytes[start - 1 - length..start - 1];
    is_listed(QUALIFIERS, word)
}
