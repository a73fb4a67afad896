//! Memories from what was said, by pattern: no model, no clock, no store.
//!
//! A statement of a person becomes a [`Draft`]: the sentence as it was said, and a
//! [`Slot`] that says what it is about (`maya`, `lives in`, `lisbon`), so that a later
//! sentence about the same slot can close it. Questions, suppositions, quotations and
//! code say nothing about their author and yield nothing.
//!
//! # Invariants
//! - A draft's text is a substring of the input; nothing is ever made up.
//! - A sentence yields one draft at most.
//! - Only a person's words are read: what a model said is never remembered as a fact.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use shared::chat::Role;
use shared::clock::Timestamp;

use super::record::Kind;

/// What a statement is about: the place of a fact, and what it says there.
///
/// All three are in lower case, without articles and final marks.
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
    /// What it is, in lower case.
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
pub fn extract(text: &str, context: &Context) -> Vec<Draft> {
    let _ = (text, context);
    Vec::new()
}

/// Whether `new` closes the older fact `old`.
pub fn supersedes(new: &Draft, old: &Slot) -> bool {
    let _ = (new, old);
    false
}

/// Whether `new` says what `old` says already: further evidence, not a further memory.
pub fn repeats(new: &Draft, old: &Slot) -> bool {
    let _ = (new, old);
    false
}
