//! Passwords on command lines: the short flags of tools known to take one.

use std::ops::Range;

use super::scan::{Hit, RANK_PLACE};
use super::shape::{begins_word, is_reference, run};
use Style::{Attached, Separate, UserAndPassword};

/// How far a command is read, in words.
const MAX_WORDS: usize = 64;

/// How a tool takes its password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// `-pSECRET`, in one word.
    Attached,
    /// `-p SECRET`, in two.
    Separate,
    /// `-u user:SECRET`.
    UserAndPassword,
}

/// A tool, and the flags that take its password.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    flags: &'static [(&'static str, Style)],
}

const fn tool(name: &'static str, flags: &'static [(&'static str, Style)]) -> Tool {
    Tool { name, flags }
}

pub(super) const TOOLS: &[Tool] = &[
    tool("mysql", &[("-p", Attached)]),
    tool("mysqldump", &[("-p", Attached)]),
    tool("mysqladmin", &[("-p", Attached)]),
    tool("mariadb", &[("-p", Attached)]),
    tool("mariadb-dump", &[("-p", Attached)]),
    tool("sshpass", &[("-p", Attached), ("-p", Separate)]),
    tool(
        "curl",
        &[("-u", UserAndPassword), ("--user", UserAndPassword)],
    ),
    tool("redis-cli", &[("-a", Separate)]),
    tool("docker login", &[("-p", Separate)]),
    tool("podman login", &[("-p", Separate)]),
    tool("unzip", &[("-P", Separate)]),
    tool("7z", &[("-p", Attached)]),
    tool("mongosh", &[("-p", Separate)]),
    tool("sqlcmd", &[("-P", Separate)]),
    tool("ldapsearch", &[("-w", Separate)]),
];

impl Tool {
    /// Reads the command whose name stands at `at`.
    pub(super) fn check(&self, bytes: &[u8], at: usize, hits: &mut Vec<Hit<'static>>) {
        let mut next = at + self.name.len();
        let case = bytes.get(at..next) == Some(self.name.as_bytes());
        if !case || !begins_word(bytes, at) || bytes.get(next) != Some(&b' ') {
            return;
        }
        let mut waiting = None;
        for _ in 0..MAX_WORDS {
            next += blanks(bytes, next);
            let Some(found) = word(bytes, next) else {
                return;
            };
            next = found.outer.end;
            let value = match waiting.take() {
                Some(style) => secret_part(bytes, &found, style),
                None => self.flag(bytes, &found, &mut waiting),
            };
            if let Some(value) = value.filter(|range| !is_reference(&bytes[range.clone()])) {
                hits.push(Hit::new(value, RANK_PLACE, "password"));
            }
        }
    }

    /// The secret attached to a flag, or that the next word is one.
    fn flag(
        &self,
        bytes: &[u8],
        found: &Word,
        waiting: &mut Option<Style>,
    ) -> Option<Range<usize>> {
        let text = &bytes[found.outer.clone()];
        for (name, style) in self.flags {
            let attached = text.strip_prefix(name.as_bytes());
            match (style, attached) {
                (Attached, Some([_, ..])) => {
                    let inner = word(bytes, found.outer.start + name.len())?.inner;
                    return (!inner.is_empty()).then_some(inner);
                }
                (Separate | UserAndPassword, Some([])) => *waiting = Some(*style),
                _ => {}
            }
        }
        None
    }
}

fn secret_part(bytes: &[u8], found: &Word, style: Style) -> Option<Range<usize>> {
    let inner = found.inner.clone();
    if style != UserAndPassword {
        let is_flag = bytes[inner.clone()].starts_with(b"-");
        return (!inner.is_empty() && !is_flag).then_some(inner);
    }
    let colon = bytes[inner.clone()].iter().position(|byte| *byte == b':')?;
    let password = inner.start + colon + 1..inner.end;
    (!password.is_empty()).then_some(password)
}

/// Spaces, and line breaks behind a backslash.
fn blanks(bytes: &[u8], at: usize) -> usize {
    let mut length = 0;
    loop {
        length += run(bytes, at + length, 64, |byte| byte == b' ' || byte == b'\t');
        if !bytes[at + length..].starts_with(b"\\\n") || length > 256 {
            return length;
        }
        length += 2;
    }
}

/// One word of a shell command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// All of it, quotes included.
    pub(super) outer: Range<usize>,
    /// Without the quotes, where it is quoted as a whole.
    pub(super) inner: Range<usize>,
}

/// The word at `at`; none at the end of the command, or where a quote never closes.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<Word> {
    const MAX_WORD: usize = 512;
    let first = *bytes.get(at)?;
    if b"\"'".contains(&first) {
        let length = run(bytes, at + 1, MAX_WORD, |byte| {
            byte != first && byte != b'\n'
        });
        let close = at + 1 + length;
        return (bytes.get(close) == Some(&first)).then_some(Word {
            outer: at..close + 1,
            inner: at + 1..close,
        });
    }
    let length = run(bytes, at, MAX_WORD, |byte| {
        !byte.is_ascii_whitespace() && !b"|;&<>`".contains(&byte)
    });
    let end = at + length;
    (length > 0 && length < MAX_WORD).then_some(Word {
        outer: at..end,
        inner: at..end,
    })
}
