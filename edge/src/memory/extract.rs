//! Memories from what was said, by pattern: no model, no clock, no store.
//!
//! A statement of a person becomes a [`Draft`]: the sentence as it was said, and a
//! [`Slot`] that says what it is about (`sister maya`, `lives in`, `lisbon`), so that a
//! later sentence about the same slot can close it. Questions, suppositions, quotations
//! and code say nothing about their author and yield nothing. English and Russian.
//!
//! # Invariants
//! - A draft's text is a substring of the input; nothing is ever made up.
//! - A sentence (or a clause joined by "and I", "but my") yields one draft at most.
//! - Only a person's words are read: what a model said is never remembered as a fact.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use shared::chat::Role;
use shared::clock::Timestamp;

use super::record::Kind;

mod english;
mod pattern;
mod russian;
mod sentence;
mod when;

use pattern::{Effect, Reading};

/// What a statement is about: the place of a fact, and what it says there.
///
/// All three are in lower case, without articles and final marks. The person who
/// speaks is `i`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slot {
    /// Of whom or what: `i`, `sister maya`, `bike`.
    pub subject: String,
    /// Which property: `lives in`, `name`, `favourite colour`.
    pub attribute: String,
    /// Its value; empty where a slot stands for every value.
    pub value: String,
}

/// A memory that a sentence yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What it is about.
    pub kind: Kind,
    /// Whose property: `i`, `sister maya`, `bike`.
    pub subject: String,
    /// Which property: `lives in`, `name`.
    pub attribute: String,
    /// What it is, in lower case; days told relative to the saying are dates.
    pub value: String,
    /// The sentence, verbatim, without a leading "remember that".
    pub text: String,
    /// Whether only its owner may see it.
    pub sensitive: bool,
    /// Whether the person asked to have it remembered.
    pub asked: bool,
    /// What no longer holds now; an empty value closes every other one.
    pub supersedes: Option<Slot>,
}

/// Who says it, when, and where the days begin.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who speaks: only [`Role::User`] is listened to.
    pub role: Role,
    /// When it was said: what "tomorrow" counts from.
    pub said_at: Timestamp,
    /// The owner's time zone.
    pub zone: TimeZone,
}

/// What the person's words say that is worth keeping, in the order said.
///
/// ```
/// use edge::memory::extract::{Context, Slot, extract, supersedes};
/// use edge::memory::record::Kind;
/// let context = Context {
///     role: shared::chat::Role::User,
///     said_at: shared::clock::Timestamp::from_millis(0),
///     zone: jiff::tz::TimeZone::UTC,
/// };
/// let drafts = extract("Guess what? Maya moved to Porto!", &context);
/// assert_eq!(drafts[0].text, "Maya moved to Porto!");
/// assert_eq!(drafts[0].kind, Kind::Place);
/// let old = Slot { subject: "sister maya".into(), attribute: "lives in".into(), value: "lisbon".into() };
/// assert!(supersedes(&drafts[0], &old));
/// ```
pub fn extract(text: &str, context: &Context) -> Vec<Draft> {
    if context.role != Role::User {
        return Vec::new();
    }
    let today = context.said_at.date(&context.zone);
    sentence::clauses(text)
        .into_iter()
        .filter_map(|clause| draft(clause, today))
        .collect()
}

/// Whether `new` closes the older fact `old`.
pub fn supersedes(new: &Draft, old: &Slot) -> bool {
    let Some(closed) = &new.supersedes else {
        return false;
    };
    let fits = if closed.value.is_empty() {
        old.value != new.value
    } else {
        old.value == closed.value
    };
    fits && closed.attribute == old.attribute && is_same_subject(&closed.subject, &old.subject)
}

/// Whether `new` says what `old` says already: further evidence, not a further memory.
pub fn repeats(new: &Draft, old: &Slot) -> bool {
    !new.value.is_empty()
        && new.value == old.value
        && new.attribute == old.attribute
        && is_same_subject(&new.subject, &old.subject)
}

fn draft(clause: &str, today: jiff::civil::Date) -> Option<Draft> {
    let (text, asked) = sentence::request(clause);
    if text.is_empty() || (!asked && sentence::is_question(clause)) || sentence::is_question(text) {
        return None;
    }
    let reading = match sentence::is_assertion(text) {
        true => pattern::read(sentence::core(text)),
        false => None,
    };
    match reading {
        Some(reading) => Some(reading.into_draft(text, asked, today)),
        None => (asked && text.contains(' ')).then(|| note(text)),
    }
}

/// Words that fit no pattern, kept because the person asked.
fn note(text: &str) -> Draft {
    Draft {
        kind: Kind::Note,
        subject: String::new(),
        attribute: "note".to_owned(),
        value: pattern::normal(text),
        text: text.to_owned(),
        sensitive: false,
        asked: true,
        supersedes: None,
    }
}

impl Reading {
    fn into_draft(self, text: &str, asked: bool, today: jiff::civil::Date) -> Draft {
        let slot = |attribute: &str, value: &str| {
            Some(Slot {
                subject: self.subject.clone(),
                attribute: attribute.to_owned(),
                value: value.to_owned(),
            })
        };
        let value = match self.kind {
            Kind::Date => when::absolute(&self.value, today),
            _ => self.value.clone(),
        };
        let (attribute, supersedes) = match self.effect {
            Effect::Adds => (self.attribute.clone(), None),
            Effect::Replaces => (self.attribute.clone(), slot(&self.attribute, "")),
            Effect::Contradicts(other) => (self.attribute.clone(), slot(other, &value)),
            Effect::Ends => (
                format!("no longer {}", self.attribute),
                slot(&self.attribute, &value),
            ),
        };
        Draft {
            kind: self.kind,
            sensitive: self.kind == Kind::Secret,
            subject: self.subject,
            attribute,
            value,
            text: text.to_owned(),
            asked,
            supersedes,
        }
    }
}

/// Whether two subjects are one: `maya` and `sister` are both `sister maya`.
///
/// Only people and animals are known by two names; `door` and `garage door` are two.
fn is_same_subject(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let (short, long) = if one.len() < other.len() {
        (one, other)
    } else {
        (other, one)
    };
    let Some((role, name)) = long.rsplit_once(' ') else {
        return false;
    };
    let known = role.split(' ').any(is_role);
    !short.is_empty() && known && (short == name || short == role)
}

/// Whether a word says who somebody is to the person.
fn is_role(word: &str) -> bool {
    english::ROLES
        .split(' ')
        .chain(russian::ROLES.split(' '))
        .any(|role| role == word)
}

#[cfg(test)]
mod tests;
