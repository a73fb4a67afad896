//! Secrets in so many words: "my wifi password is …", "код от домофона 4711".
//!
//! Found to mark a text as sensitive, never to change it: this is what a person wants
//! remembered. A noun (password, PIN, code of a lock) must be followed by a value in
//! the same sentence; "the password is wrong" and "error code 404" hold none.

use std::ops::Range;

use aho_corasick::{AhoCorasick, BuildError};

use super::Finding;
use super::shape::begins_word;

/// How far behind the noun its value may stand, in bytes.
const REACH: usize = 120;

/// What a noun asks of its value and its surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Any word that is no adjective.
    Word,
    /// A value with a digit.
    Digit,
    /// A value with a digit, and a lock or a door near by.
    Lock,
}

struct Noun {
    text: &'static str,
    need: Need,
    kind: &'static str,
    /// Whether the noun is a stem that endings follow.
    stem: bool,
}

const fn noun(text: &'static str, need: Need, kind: &'static str) -> Noun {
    Noun {
        text,
        need,
        kind,
        stem: false,
    }
}

const fn stem(text: &'static str, need: Need, kind: &'static str) -> Noun {
    Noun {
        stem: true,
        ..noun(text, need, kind)
    }
}

const NOUNS: &[Noun] = &[
    noun("password", Need::Word, "spoken-password"),
    noun("passphrase", Need::Word, "spoken-password"),
    noun("passcode", Need::Word, "spoken-password"),
    noun("pass code", Need::Word, "spoken-password"),
    noun("wifi key", Need::Word, "spoken-password"),
    noun("wi-fi key", Need::Word, "spoken-password"),
    noun("safe word", Need::Word, "spoken-password"),
    noun("secret word", Need::Word, "spoken-password"),
    noun("security answer", Need::Word, "spoken-password"),
    noun("pin", Need::Digit, "spoken-code"),
    noun("pin code", Need::Digit, "spoken-code"),
    noun("pin number", Need::Digit, "spoken-code"),
    noun("code", Need::Lock, "spoken-code"),
    noun("combination", Need::Lock, "spoken-code"),
    noun("cvv", Need::Digit, "spoken-number"),
    noun("cvc", Need::Digit, "spoken-number"),
    noun("ssn", Need::Digit, "spoken-number"),
    noun("social security number", Need::Digit, "spoken-number"),
    noun("national insurance number", Need::Digit, "spoken-number"),
    noun("passport number", Need::Digit, "spoken-number"),
    noun("account number", Need::Digit, "spoken-number"),
    noun("card number", Need::Digit, "spoken-number"),
    noun("licence number", Need::Digit, "spoken-number"),
    noun("license number", Need::Digit, "spoken-number"),
    noun("iban", Need::Digit, "spoken-number"),
    noun("sort code", Need::Digit, "spoken-number"),
    stem("парол", Need::Word, "spoken-password"),
    stem("Парол", Need::Word, "spoken-password"),
    stem("пин-код", Need::Digit, "spoken-code"),
    stem("Пин-код", Need::Digit, "spoken-code"),
    noun("пин", Need::Digit, "spoken-code"),
    noun("Пин", Need::Digit, "spoken-code"),
    noun("ПИН", Need::Digit, "spoken-code"),
    noun("код", Need::Lock, "spoken-code"),
    noun("Код", Need::Lock, "spoken-code"),
    noun("номер паспорта", Need::Digit, "spoken-number"),
    noun("Номер паспорта", Need::Digit, "spoken-number"),
    noun("номер карты", Need::Digit, "spoken-number"),
    noun("Номер карты", Need::Digit, "spoken-number"),
];

/// What a code may open; beginnings of words.
const LOCKS: &str = "\
    door gate lock alarm entry entrance safe bike bicycle garage building flat apartment \
    access security unlock keypad key room suitcase luggage phone voicemail sim puk shed \
    gym office lift elevator cabin box padlock intercom двер домофон подъезд сейф замк \
    замок калитк ворот сигнализац гараж чемодан доступ велосипед квартир офис";

/// Whose code it is; enough where the code is then said to be something.
const OWNERS: &str = "my our мой наш";

/// What stands between a noun and its value; the last need a digit to be believed.
const JOINTS: &[&str] = &[
    " is ", " is: ", "'s ", "’s ", ": ", ":", " = ", "=", " - ", " — ", " – ", " это ", " are ",
];
const WEAK_JOINTS: &[&str] = &[" to ", " на ", " "];

/// No value, whatever stands before it.
const ADJECTIVES: &str = "\
    wrong weak strong expired secure insecure safe required correct incorrect long short \
    old new here there missing invalid lost what empty unknown changed set reset hidden \
    protected optional needed it this that same default broken secret private written \
    stored saved encrypted hashed неверный верный старый новый слабый нужен какой \
    правильный неправильный истёк истек сменился потерян";

/// Words before a value that are not the value.
const FILLERS: &str = "now still actually just currently теперь сейчас это";

/// Listens for spoken secrets.
#[derive(Debug)]
pub(super) struct Listener {
    nouns: AhoCorasick,
}

impl Listener {
    pub(super) fn new() -> Result<Self, BuildError> {
        let nouns = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(NOUNS.iter().map(|noun| noun.text))?;
        Ok(Self { nouns })
    }

    /// The secrets spoken in `text`, in order.
    pub(super) fn listen(&self, text: &str) -> Vec<Finding> {
        let mut found: Vec<Finding> = Vec::new();
        for hit in self.nouns.find_overlapping_iter(text) {
            let noun = &NOUNS[hit.pattern().as_usize()];
            let Some(value) = noun.value(text, hit.range()) else {
                continue;
            };
            if found
                .iter()
                .all(|known| known.end <= value.start || value.end <= known.start)
            {
                found.push(Finding {
                    kind: noun.kind.to_owned(),
                    start: value.start,
                    end: value.end,
                });
            }
        }
        found.sort_by_key(|finding| finding.start);
        found
    }
}

impl Noun {
    /// Where the value of this noun, found at `at`, stands.
    fn value(&self, text: &str, at: Range<usize>) -> Option<Range<usize>> {
        if !begins_word(text.as_bytes(), at.start) {
            return None;
        }
        let tail = &text[at.end..];
        let ending = tail.len() - tail.trim_start_matches(char::is_alphabetic).len();
        if ending > if self.stem { 6 } else { 0 } {
            return None;
        }
        let rest = sentence_tail(&tail[ending..]);
        let start = at.end + ending;
        let locked = self.need != Need::Lock || names_lock(&text[..at.start], rest);
        if !locked && !names_owner(&text[..at.start]) {
            return None;
        }
        joints(rest, self.need)
            .into_iter()
            .filter(|(_, weak)| locked || !weak)
            .find_map(|(end, weak)| self.accept(rest, end, weak))
            .map(|value| start + value.start..start + value.end)
    }

    fn accept(&self, rest: &str, at: usize, weak: bool) -> Option<Range<usize>> {
        let (start, mut value) = next_word(rest, at)?;
        let mut start = start;
        if is_word_of(FILLERS, value) {
            (start, value) = next_word(rest, start + value.len())?;
        }
        let digits = value.bytes().filter(u8::is_ascii_digit).count();
        let mark = value
            .chars()
            .any(|c| !c.is_alphanumeric() && !"'’-".contains(c));
        let last = rest[start + value.len()..].trim_end_matches(|c: char| !c.is_alphanumeric());
        let word = last.is_empty() && value.chars().count() >= 3 && !is_word_of(ADJECTIVES, value);
        let fits = match self.need {
            Need::Word if weak => digits > 0 && value.len() > 3,
            Need::Word => digits > 0 || mark || word,
            Need::Digit | Need::Lock => digits >= 3 || (digits > 0 && !weak),
        };
        fits.then(|| start..start + value.len())
    }
}

/// What follows up to the end of the sentence, and no further than [`REACH`].
fn sentence_tail(rest: &str) -> &str {
    let mut end = 0;
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let ends = ".!?;".contains(c) && chars.peek().is_none_or(|(_, next)| next.is_whitespace());
        if c == '\n' || ends || at > REACH {
            break;
        }
        end = at + c.len_utf8();
    }
    &rest[..end]
}

/// Where values may begin, nearest first, and whether the joint is a weak one.
fn joints(rest: &str, need: Need) -> Vec<(usize, bool)> {
    // A number may stand some words behind its noun: "code of the door 4711".
    const WORDS_BETWEEN: usize = 6;
    let spaces = if need == Need::Word { 1 } else { WORDS_BETWEEN };
    let mut found = Vec::new();
    for (all, weak) in [(JOINTS, false), (WEAK_JOINTS, true)] {
        for joint in all {
            let joints = rest
                .match_indices(joint)
                .map(|(at, _)| (at + joint.len(), weak));
            if *joint == " " {
                found.extend(
                    joints
                        .take(spaces)
                        .filter(|(end, _)| need != Need::Word || *end == 1),
                );
            } else {
                found.extend(joints);
            }
        }
    }
    found.sort_unstable();
    found
}

/// The word at or behind `at`, without quotes and closing marks.
fn next_word(rest: &str, at: usize) -> Option<(usize, &str)> {
    let is_edge = |c: char| c.is_whitespace() || "\"'`«»“”„()".contains(c);
    let tail = &rest[at..];
    let start = at + (tail.len() - tail.trim_start_matches(is_edge).len());
    let word = rest[start..].split_whitespace().next()?;
    let word = word.trim_end_matches(|c: char| is_edge(c) || ".,!?;:".contains(c));
    (!word.is_empty()).then_some((start, word))
}

/// Whether a lock or a door is named right before or behind a code.
fn names_lock(head: &str, rest: &str) -> bool {
    let is_lock = |word: &str| {
        let word = bare(word);
        LOCKS
            .split(' ')
            .any(|lock| (lock.len() > 3 && word.starts_with(lock)) || word == lock)
    };
    sentence_head(head)
        .split_whitespace()
        .rev()
        .take(3)
        .any(is_lock)
        || rest.split_whitespace().take(6).any(is_lock)
}

fn names_owner(head: &str) -> bool {
    let mut words = sentence_head(head).split_whitespace().rev().take(3);
    words.any(|word| is_word_of(OWNERS, word))
}

/// The beginning of the sentence that ends with `head`, as far back as matters.
fn sentence_head(head: &str) -> &str {
    let near = head.floor_char_boundary(head.len().saturating_sub(REACH));
    head[near..]
        .rsplit(['.', '!', '?', '\n'])
        .next()
        .unwrap_or_default()
}

fn bare(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase()
}

fn is_word_of(words: &str, word: &str) -> bool {
    let word = bare(word);
    words.split(' ').any(|known| word == known)
}
