//! Secrets become typed placeholders before anything is written.
//!
//! One pass of an Aho-Corasick automaton finds the anchors of every built-in rule
//! (prefixes of the services' tokens, telling words, `://`, names of tools); what
//! stands at an anchor is then checked by hand-written rules. Texts without anchors
//! cost one table look-up per byte.
//!
//! A text is cut at the placeholders in it, and each piece is judged by itself until
//! nothing more is found. So what one call leaves, the next call leaves too.
//!
//! # Invariants
//! - `redact(redact(x)) == redact(x)`, whatever the user's rules.
//! - Findings are in order, never overlap, and begin and end between characters.
//! - Time grows with the length of the text: each check looks a bounded way around.
//!
//! Units: offsets in bytes. Sources: the services' own documentation of their token
//! formats; ISO/IEC 7812 for card numbers; RFC 7468, 7519, 7617 and 3986.
//!
//! ```
//! use shared::redact::{Redactor, Rules};
//! let redactor = Redactor::new(&Rules::default())?;
//! let redacted = redactor.redact("DATABASE_URL=postgres://ana:tiger7@db.local/shop");
//! assert_eq!(redacted.text, "DATABASE_URL=postgres://ana:[redacted:url-password]@db.local/shop");
//! assert_eq!(redacted.found[0].kind, "url-password");
//! # Ok::<(), shared::redact::RuleError>(())
//! ```

use std::borrow::Cow;
use std::ops::Range;

use aho_corasick::AhoCorasick;
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

mod assignment;
mod card;
mod command;
mod document;
mod name;
mod scan;
mod shape;
mod spoken;
mod token;

use scan::{Hit, Scanner};

/// What a placeholder begins with; the kind and `]` follow.
const OPENING: &str = "[redacted:";

/// The longest name of a rule.
const MAX_NAME: usize = 40;

/// The most memory one of the user's patterns may take when compiled, in bytes.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// How often the pieces around a finding are judged anew before they are taken whole.
const MAX_DEPTH: usize = 32;

/// What a user adds to the rules, and takes from them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Further patterns that are secret.
    pub extra: Vec<UserRule>,
    /// Texts that stay although a rule would take them, or a part of them.
    pub allow: Vec<String>,
}

/// A pattern of the user's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserRule {
    /// What stands in the placeholder: lower-case letters, digits and dashes, 40 at most.
    pub name: String,
    /// A regular expression; what it matches is replaced.
    pub pattern: String,
}

/// Something secret in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is: `github-token`, `card-number`, the name of a user's rule.
    pub kind: String,
    /// Where it begins, in bytes of the text given.
    pub start: usize,
    /// Where it ends, in bytes of the text given.
    pub end: usize,
}

/// A text without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted<'a> {
    /// The text with placeholders; borrowed where nothing was found.
    pub text: Cow<'a, str>,
    /// What was replaced, in order.
    pub found: Vec<Finding>,
}

/// Why rules cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// A user's rule has a name that cannot stand in a placeholder.
    #[error("rule name {name:?} is not 1 to 40 lower-case letters, digits and dashes")]
    Name {
        /// The name given.
        name: String,
    },
    /// A user's pattern is no regular expression, or too large a one.
    #[error("rule {name} has a pattern that cannot be used")]
    Pattern {
        /// The rule's name.
        name: String,
        /// What the regex compiler says.
        source: regex::Error,
    },
    /// The automaton over the built-in anchors or the allowed texts grows too large.
    #[error("redaction rules cannot be compiled")]
    Automaton {
        /// What the automaton's builder says.
        source: aho_corasick::BuildError,
    },
}

/// Finds secrets in texts; made once, used for every text.
#[derive(Debug)]
pub struct Redactor {
    scanner: Scanner,
    spoken: spoken::Listener,
    extra: Vec<(String, Regex)>,
    allow: Option<AhoCorasick>,
}

impl Redactor {
    /// A redactor with the built-in rules and the user's.
    ///
    /// # Errors
    /// [`RuleError`] if a rule of the user's cannot be used.
    pub fn new(rules: &Rules) -> Result<Self, RuleError> {
        let automaton = |source| RuleError::Automaton { source };
        let allow: Vec<&String> = rules.allow.iter().filter(|text| !text.is_empty()).collect();
        Ok(Self {
            scanner: Scanner::new().map_err(automaton)?,
            spoken: spoken::Listener::new().map_err(automaton)?,
            extra: rules.extra.iter().map(compile).collect::<Result<_, _>>()?,
            allow: match allow.is_empty() {
                true => None,
                false => Some(AhoCorasick::new(allow).map_err(automaton)?),
            },
        })
    }

    /// The text with each secret replaced by `[redacted:kind]`.
    pub fn redact<'a>(&self, text: &'a str) -> Redacted<'a> {
        let mut found = Vec::new();
        for piece in pieces(text) {
            self.judge(text, piece, 0, &mut found);
        }
        if found.is_empty() {
            return Redacted {
                text: Cow::Borrowed(text),
                found,
            };
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for finding in &found {
            out.push_str(&text[at..finding.start]);
            out.push_str(OPENING);
            out.push_str(&finding.kind);
            out.push(']');
            at = finding.end;
        }
        out.push_str(&text[at..]);
        Redacted {
            text: Cow::Owned(out),
            found,
        }
    }

    /// What a person tells their assistant in so many words: "my wifi password is …".
    ///
    /// It is kept, for it was said to be remembered; the text that holds it is
    /// sensitive. English and Russian.
    pub fn spoken_secrets(&self, text: &str) -> Vec<Finding> {
        self.spoken.listen(text)
    }

    /// Adds what is secret in one piece; what is left around a finding is a piece again.
    fn judge(&self, text: &str, piece: Range<usize>, depth: usize, found: &mut Vec<Finding>) {
        let hits = self.hits(&text[piece.clone()]);
        if hits.is_empty() {
            return;
        }
        let finding = |hit: &Hit<'_>| Finding {
            kind: hit.kind.to_owned(),
            start: piece.start + hit.start,
            end: piece.start + hit.end,
        };
        if depth == MAX_DEPTH {
            found.push(Finding {
                start: piece.start,
                end: piece.end,
                ..finding(&hits[0])
            });
            return;
        }
        let mut at = piece.start;
        for hit in &hits {
            let finding = finding(hit);
            self.judge(text, at..finding.start, depth + 1, found);
            at = finding.end;
            found.push(finding);
        }
        self.judge(text, at..piece.end, depth + 1, found);
    }

    /// The secrets of one piece: in order, none overlapping, none empty.
    fn hits<'r>(&'r self, piece: &str) -> Vec<Hit<'r>> {
        let mut hits = self.scanner.scan(piece);
        for (name, pattern) in &self.extra {
            hits.extend(
                pattern
                    .find_iter(piece)
                    .map(|m| Hit::new(m.range(), scan::RANK_USER, name)),
            );
        }
        hits.retain(|hit| hit.start < hit.end);
        if let Some(allow) = self.allow.as_ref().filter(|_| !hits.is_empty()) {
            let spans: Vec<_> = allow.find_iter(piece).map(|m| m.range()).collect();
            hits.retain(|hit| {
                !spans
                    .iter()
                    .any(|span| span.start <= hit.start && hit.end <= span.end)
            });
        }
        merge(hits)
    }
}

/// Joins overlapping hits; the most telling kind gives its name to the whole.
fn merge(mut hits: Vec<Hit<'_>>) -> Vec<Hit<'_>> {
    hits.sort_by_key(|hit| (hit.start, hit.rank, hit.end));
    let mut merged: Vec<Hit<'_>> = Vec::with_capacity(hits.len());
    for hit in hits {
        match merged.last_mut() {
            Some(last) if hit.start < last.end => {
                last.end = last.end.max(hit.end);
                if hit.rank < last.rank {
                    (last.rank, last.kind) = (hit.rank, hit.kind);
                }
            }
            _ => merged.push(hit),
        }
    }
    merged
}

/// The parts of a text that are no placeholder.
fn pieces(text: &str) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let (mut at, mut from) = (0, 0);
    while let Some(found) = text[from..].find(OPENING) {
        let name = from + found + OPENING.len();
        let length = text.as_bytes()[name..]
            .iter()
            .take(MAX_NAME + 1)
            .take_while(|byte| is_name_byte(**byte))
            .count();
        from = name;
        if (1..=MAX_NAME).contains(&length) && text.as_bytes().get(name + length) == Some(&b']') {
            pieces.push(at..name - OPENING.len());
            at = name + length + 1;
            from = at;
        }
    }
    pieces.push(at..text.len());
    pieces
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

fn compile(rule: &UserRule) -> Result<(String, Regex), RuleError> {
    let name = rule.name.clone();
    if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(is_name_byte) {
        return Err(RuleError::Name { name });
    }
    let compiled = RegexBuilder::new(&rule.pattern)
        .size_limit(MAX_PATTERN_BYTES)
        .dfa_size_limit(MAX_PATTERN_BYTES)
        .build();
    match compiled {
        Ok(pattern) => Ok((name, pattern)),
        Err(source) => Err(RuleError::Pattern { name, source }),
    }
}

#[cfg(test)]
mod tests;
