//! What a pattern is, and how a clause is read by the first that fits.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{Kind, english, russian, when};

/// What a statement does to older ones about the same slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It stands beside them: one likes many things.
    Adds,
    /// It takes their place: one lives in one place.
    Replaces,
    /// It takes the place of the same value under this attribute: to hate is not to like.
    Contradicts(&'static str),
    /// It says that they hold no longer.
    Ends,
}

/// What a value or subject must be for a pattern to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// Anything that is said of somebody or something.
    Any,
    /// One to three words, each with a capital.
    Name,
    /// A time.
    Time,
    /// No time.
    Place,
    /// A value that could be secret.
    Secret,
    /// A thing one can own.
    Thing,
    /// Something one can like: no mood of the moment.
    Taste,
    /// How a thing is: a few words, no mood.
    Trait,
    /// What a thing is: no praise.
    Term,
    /// Who somebody is to the person.
    Role,
}

/// One way to say something.
///
/// In `form`, `{who}` stands for a subject (group `s`, its determiner in `d`), `{i}` for
/// the speaker, `{v}` for the value to the end, `{a}` for an attribute (group `a`).
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) kind: Kind,
    /// The attribute; `{a}` in it is what the group holds.
    pub(super) attribute: &'static str,
    pub(super) effect: Effect,
    pub(super) check: Check,
    pub(super) form: &'static str,
}

/// A row of a table of patterns.
pub(super) const fn row(
    kind: Kind,
    attribute: &'static str,
    effect: Effect,
    check: Check,
    form: &'static str,
) -> Pattern {
    Pattern {
        kind,
        attribute,
        effect,
        check,
        form,
    }
}

/// What a clause says.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) kind: Kind,
    pub(super) subject: String,
    pub(super) attribute: String,
    pub(super) value: String,
    pub(super) effect: Effect,
}

/// A word: letters, digits, and the marks within names.
const WORD: &str = r"[\p{L}0-9][\p{L}0-9.'’_/+-]*";

struct Compiled {
    pattern: &'static Pattern,
    regex: Regex,
}

static COMPILED: LazyLock<Vec<Compiled>> = LazyLock::new(|| {
    let tables = [english::PATTERNS, russian::PATTERNS];
    tables.into_iter().flatten().filter_map(compile).collect()
});

fn compile(pattern: &'static Pattern) -> Option<Compiled> {
    let who = format!(
        "(?:(?P<d>{}) )?(?P<s>{WORD}(?:,? {WORD}){{0,3}}?),?",
        [english::OWNING, russian::OWNING].join("|")
    );
    let form = pattern
        .form
        .replace("{who}", &who)
        .replace("{i}", english::SPEAKER)
        .replace("{a}", &format!("(?P<a>{WORD}(?: {WORD}){{0,2}}?)"))
        .replace("{v}", "(?P<v>.+)");
    let regex = Regex::new(&format!("(?i)^(?:{form})$")).ok()?;
    Some(Compiled { pattern, regex })
}

/// Reads a clause by the first pattern that fits.
pub(super) fn read(core: &str) -> Option<Reading> {
    COMPILED.iter().find_map(|compiled| {
        let captures = compiled.regex.captures(core)?;
        compiled.pattern.reading(&captures)
    })
}

impl Pattern {
    fn reading(&self, captures: &Captures<'_>) -> Option<Reading> {
        let group = |name| captures.name(name).map(|found| found.as_str());
        let spoken = without_tail(first_part(group("v").unwrap_or_default()));
        let value = normal(spoken);
        let subject = match group("s") {
            Some(subject) => named_subject(subject, group("d").is_some(), self.kind)?,
            None => "i".to_owned(),
        };
        if value.is_empty() || !self.check.accepts(spoken, &value) {
            return None;
        }
        let attribute = self
            .attribute
            .replace("{a}", &normal(group("a").unwrap_or_default()));
        Some(Reading {
            kind: self.kind,
            subject,
            attribute,
            value,
            effect: self.effect,
        })
    }
}

/// The subject in lower case; none where the words are a pronoun or half a sentence.
fn named_subject(words: &str, determined: bool, kind: Kind) -> Option<String> {
    let subject = normal(words);
    let mut count = 0;
    for word in subject.split(' ') {
        let listed = |list: &str| list.split(' ').any(|known| known == word);
        if listed(english::NO_SUBJECT) || listed(russian::NO_SUBJECT) {
            return None;
        }
        count += 1;
    }
    let most = if determined || kind == Kind::Definition {
        4
    } else {
        2
    };
    (count <= most && !subject.is_empty()).then_some(subject)
}

impl Check {
    fn accepts(self, spoken: &str, value: &str) -> bool {
        let words = value.split(' ').count();
        let first = value.split(' ').next().unwrap_or_default();
        let listed = |list: &str| list.split(' ').any(|known| known == first);
        if listed(english::NO_VALUE) || listed(russian::NO_VALUE) {
            return false;
        }
        match self {
            Self::Any => true,
            Self::Name => {
                let capital = |word: &str| word.chars().next().is_some_and(char::is_uppercase);
                words <= 3
                    && spoken.split_whitespace().all(capital)
                    && !english::NO_NAME.split(' ').any(|known| known == first)
            }
            Self::Time => when::is_time(value),
            Self::Place => words <= 8 && !when::is_time(value),
            Self::Secret => {
                let digits = value.bytes().any(|byte| byte.is_ascii_digit());
                words <= 6
                    && (digits
                        || (words <= 3
                            && !listed(english::NO_SECRET)
                            && !listed(russian::NO_SECRET)))
            }
            Self::Thing => !listed(english::NO_THING),
            Self::Taste => !listed(english::NO_TASTE),
            Self::Trait => words <= 6 && !first.ends_with("ing") && !listed(english::NO_TRAIT),
            Self::Term => !listed(english::NO_DEFINITION),
            Self::Role => value.split(' ').any(super::is_role),
        }
    }
}

/// The value up to where a further thought begins.
fn first_part(spoken: &str) -> &str {
    static THOUGHT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(&format!("(?i)(?: [-–] |,? (?:{})\\b)", english::THOUGHT)).ok()
    });
    let end = THOUGHT
        .as_ref()
        .and_then(|thought| thought.find_at(spoken, 0));
    end.map_or(spoken, |found| &spoken[..found.start()])
}

/// The value without "now", "last week" and the like behind it.
fn without_tail(spoken: &str) -> &str {
    static TAIL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(&format!("(?i),? (?:{}|{})$", english::TAIL, russian::TAIL)).ok()
    });
    let mut spoken = spoken.trim();
    while let Some(found) = TAIL.as_ref().and_then(|tail| tail.find(spoken)) {
        spoken = spoken[..found.start()].trim_end();
    }
    spoken
}

/// Lower case, single spaces, no articles before and no marks around.
pub(super) fn normal(text: &str) -> String {
    let lower = text.to_lowercase().replace('’', "'").replace('ё', "е");
    let words: Vec<&str> = lower
        .split_whitespace()
        .map(|word| {
            word.trim_start_matches(|c: char| ",;:\"“«(".contains(c))
                .trim_end_matches(|c: char| ".,;:!?…\"”»)".contains(c))
        })
        .filter(|word| !word.is_empty())
        .collect();
    let articles = words
        .iter()
        .take_while(|word| english::ARTICLES.split(' ').any(|known| known == **word));
    let skip = articles.count().min(words.len().saturating_sub(1));
    words[skip..].join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(
            COMPILED.len(),
            english::PATTERNS.len() + russian::PATTERNS.len()
        );
    }

    #[test]
    fn values_lose_articles_marks_and_times_behind_them() {
        assert_eq!(normal("The  Red “Bike”."), "red bike");
        assert_eq!(without_tail("Porto now"), "Porto");
        assert_eq!(without_tail("Porto, since last year"), "Porto");
    }
}
