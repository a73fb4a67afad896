//! Which memories to keep when the budget is full.
//!
//! Pure: memories and an instant in, a [`Plan`] out; the store carries it out.
//! Strength is importance, and halves with every [`Policy::half_life_days`] that pass
//! without use.
//!
//! # Invariants
//! - A pinned item is never dropped.
//! - Equal inputs give equal plans, whatever their order: ties drop the older id.
//! - A plan ends within the policy, or says by how much it cannot.
//!
//! Units: strength `0.0..=1.0`, sizes in bytes, ages in days.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shared::clock::Timestamp;

use super::extract::Draft;
use super::record::{Kind, Pin};

/// How much to keep, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The most bytes of text and vectors kept.
    pub max_bytes: u64,
    /// The most items kept.
    pub max_items: u64,
    /// Days without use after which strength has halved.
    pub half_life_days: f64,
    /// What is weaker than this is dropped even where there is room.
    pub min_strength: f64,
    /// Nothing younger than this is dropped for being weak.
    pub min_age_days: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_bytes: 4 << 30,
            max_items: 1_000_000,
            half_life_days: 180.0,
            min_strength: 0.0,
            min_age_days: 7.0,
        }
    }
}

/// What a plan knows of one memory or episode.
#[derive(Clone, Debug, PartialEq)]
pub struct Item<Id> {
    /// Its identifier; the lesser is the older.
    pub id: Id,
    /// What dropping it frees, in bytes.
    pub bytes: u64,
    /// `0.0..=1.0`, as [`importance`] gives it.
    pub importance: f32,
    /// How often it was recalled.
    pub uses: u32,
    /// When it was said.
    pub said_at: Timestamp,
    /// When it was last recalled.
    pub last_use: Option<Timestamp>,
    /// Whether it is pinned.
    pub pin: Pin,
}

/// Why an item goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Its strength fell below [`Policy::min_strength`].
    Faded,
    /// It is among the weakest, and there is no room.
    NoRoom,
}

/// What is to be dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan<Id> {
    /// What goes and why, weakest first.
    pub drop: Vec<(Id, Reason)>,
    /// How many items stay.
    pub kept: u64,
    /// How many bytes stay.
    pub kept_bytes: u64,
    /// How many bytes are freed.
    pub freed_bytes: u64,
    /// Bytes still above [`Policy::max_bytes`], for want of anything that may go.
    pub over_bytes: u64,
    /// Items still above [`Policy::max_items`].
    pub over_items: u64,
}

/// How strongly an item is remembered at `now`, `0.0..=1.0`.
///
/// Each use takes a fifth off the distance to full importance; each half-life since the
/// last use (or the saying) halves what is left. An instant before that counts as none.
pub fn strength<Id>(item: &Item<Id>, policy: &Policy, now: Timestamp) -> f64 {
    let importance = f64::from(item.importance);
    let importance = if importance.is_finite() {
        importance.clamp(0.0, 1.0)
    } else {
        0.0
    };
    let uses = i32::try_from(item.uses.min(64)).unwrap_or(64);
    let learnt = 1.0 - (1.0 - importance) * 0.8_f64.powi(uses);
    let touched = item
        .last_use
        .map_or(item.said_at, |at| at.max(item.said_at));
    let half_life = policy.half_life_days.max(f64::MIN_POSITIVE);
    learnt * (-age_days(touched, now) / half_life).exp2()
}

/// Which items go, so that what stays is worth its room.
///
/// First what has faded, then the weakest until sizes fit; what is younger than
/// [`Policy::min_age_days`] goes only once nothing older may.
pub fn plan<Id: Copy + Ord>(policy: &Policy, items: &[Item<Id>], now: Timestamp) -> Plan<Id> {
    let mut plan = Plan {
        drop: Vec::new(),
        kept: items.len() as u64,
        kept_bytes: items.iter().fold(0, |sum, i| sum.saturating_add(i.bytes)),
        freed_bytes: 0,
        over_bytes: 0,
        over_items: 0,
    };
    for (young, strength, item) in weakest_first(policy, items, now) {
        let excess =
            plan.kept > policy.max_items || (plan.kept_bytes > policy.max_bytes && item.bytes > 0);
        if !young && strength < policy.min_strength {
            plan.take(item, Reason::Faded);
        } else if excess {
            plan.take(item, Reason::NoRoom);
        }
    }
    plan.over_bytes = plan.kept_bytes.saturating_sub(policy.max_bytes);
    plan.over_items = plan.kept.saturating_sub(policy.max_items);
    plan
}

impl<Id: Copy> Plan<Id> {
    fn take(&mut self, item: &Item<Id>, reason: Reason) {
        self.drop.push((item.id, reason));
        self.kept = self.kept.saturating_sub(1);
        self.kept_bytes = self.kept_bytes.saturating_sub(item.bytes);
        self.freed_bytes = self.freed_bytes.saturating_add(item.bytes);
    }
}

/// What may go, in the order it goes: old before young, weak before strong, older id first.
fn weakest_first<'a, Id: Copy + Ord>(
    policy: &Policy,
    items: &'a [Item<Id>],
    now: Timestamp,
) -> Vec<(bool, f64, &'a Item<Id>)> {
    let mut order: Vec<_> = items
        .iter()
        .filter(|item| item.pin == Pin::Off)
        .map(|item| {
            let young = age_days(item.said_at, now) < policy.min_age_days;
            (young, strength(item, policy, now), item)
        })
        .collect();
    order.sort_by(|a, b| {
        (a.0.cmp(&b.0))
            .then(a.1.total_cmp(&b.1))
            .then(a.2.id.cmp(&b.2.id))
    });
    order
}

fn age_days(since: Timestamp, now: Timestamp) -> f64 {
    now.since(since).as_secs_f64() / 86_400.0
}

/// How important a new memory is before it has ever been used, `0.0..=1.0`.
pub fn importance(draft: &Draft) -> f32 {
    let kind: f32 = match draft.kind {
        Kind::Identity | Kind::Secret => 0.8,
        Kind::Relation | Kind::Place | Kind::Date => 0.7,
        Kind::Preference | Kind::Belonging | Kind::Note => 0.6,
        Kind::Definition => 0.5,
    };
    if draft.asked { kind.max(0.9) } else { kind }
}

/// How important an episode is, `0.0..=1.0`: what says much, was built upon, and taught something.
///
/// Counts distinct words of more than three letters as topics (32 are as good as any
/// more), answers that were made from it, and the memories derived from it.
pub fn episode_importance(text: &str, follow_ups: usize, memories: usize) -> f32 {
    let topics: BTreeSet<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().nth(3).is_some())
        .take(256)
        .collect();
    let share = |count: usize, full: u8| {
        let count = u8::try_from(count).map_or(full, |n| n.min(full));
        f32::from(count) / f32::from(full)
    };
    0.1 + 0.3 * share(topics.len(), 32) + 0.2 * share(follow_ups, 4) + 0.4 * share(memories, 2)
}

#[cfg(test)]
mod tests;
