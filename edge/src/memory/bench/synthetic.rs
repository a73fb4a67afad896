//! A memory of any size, made up: how long recall and appending take.
//!
//! The notes are few words drawn from short lists, so that every word stands in many of
//! them: for the index of words a harder case than people's notes are.

use std::time::Duration;

use super::{BenchError, Measured, Setup, per_second, percentile_ms, remove};
use crate::memory::episode::{NewEpisode, Source};
use crate::memory::query::Query;

/// Notes in a transaction, and in a session.
const BATCH: usize = 1_000;
/// Notes appended one at a time.
const SINGLES: usize = 200;
/// Questions asked.
const QUESTIONS: usize = 500;

const WHO: [&str; 12] = [
    "sister",
    "brother",
    "neighbour",
    "colleague",
    "friend",
    "cousin",
    "teacher",
    "doctor",
    "landlord",
    "trainer",
    "aunt",
    "grandfather",
];
const NAMES: [&str; 20] = [
    "Maya", "Jonas", "Aiko", "Pedro", "Lena", "Omar", "Ines", "Viktor", "Nadia", "Tom", "Elif",
    "Bruno", "Sofia", "Ravi", "Greta", "Hugo", "Mina", "Pavel", "Clara", "Sam",
];
const DOES: [&str; 12] = [
    "bought",
    "repaired",
    "lost",
    "found",
    "borrowed",
    "sold",
    "painted",
    "ordered",
    "returned",
    "moved",
    "cleaned",
    "photographed",
];
const THINGS: [&str; 24] = [
    "a red bicycle",
    "the kitchen lamp",
    "an old piano",
    "a winter coat",
    "the garden fence",
    "a box of seeds",
    "the coffee machine",
    "a blue tent",
    "the car battery",
    "a wooden table",
    "the spare key",
    "a pair of boots",
    "the washing machine",
    "a violin",
    "the front door",
    "a stack of books",
    "the boiler",
    "a sewing machine",
    "the balcony chairs",
    "a telescope",
    "the passport",
    "a camera lens",
    "the water filter",
    "a chess set",
];
const PLACES: [&str; 16] = [
    "Lisbon", "Porto", "Riga", "Kyoto", "Oslo", "Lima", "Graz", "Ghent", "Cork", "Turin", "Bergen",
    "Malaga", "Quito", "Izmir", "Leeds", "Tartu",
];

/// Fills a memory with so many notes and measures.
///
/// # Errors
/// [`BenchError`] for the first call that fails.
pub fn synthetic(notes: usize, setup: &Setup<'_>) -> Result<Measured, BenchError> {
    let memory = setup.memory("synthetic")?;
    let (mut batches, mut singles, mut recalls) = (Vec::new(), Vec::new(), Vec::new());
    let batched = notes.saturating_sub(SINGLES);
    for from in (0..batched).step_by(BATCH) {
        (setup.progress)(from as u64, notes as u64);
        let session = memory.new_session(&format!("notes from {from}"))?;
        let texts = (from..batched.min(from + BATCH)).map(note);
        let episodes = texts.map(|text| NewEpisode::said(session, Source::Import, text));
        let episodes = episodes.collect();
        setup.timed(&mut batches, || memory.append_all(episodes))?;
    }
    let session = memory.new_session("one at a time")?;
    for number in batched..notes {
        let episode = NewEpisode::said(session, Source::Import, note(number));
        setup.timed(&mut singles, || memory.append(episode))?;
    }
    let now = setup.clock.now();
    let mut path = memory.recall(&Query::new("warm up", now))?.path;
    for number in 0..QUESTIONS {
        let query = Query::new(question(number), now);
        path = setup.timed(&mut recalls, || memory.recall(&query))?.path;
    }
    drop(memory);
    remove(&setup.dir.join("synthetic"))?;
    Ok(Measured {
        embedder: setup.embedder.id().to_owned(),
        episodes: notes,
        batched_per_s: per_second(batched, batches.iter().sum::<Duration>()),
        single_per_s: Some(per_second(singles.len(), singles.iter().sum())),
        questions: recalls.len(),
        recall_p50_ms: percentile_ms(&recalls, 0.50),
        recall_p99_ms: percentile_ms(&recalls, 0.99),
        path,
    })
}

/// The note with this number; no two are alike.
fn note(number: usize) -> String {
    let mut draw = Draw(number);
    format!(
        "My {} {} {} {} in {}, receipt {number}",
        draw.from(&WHO),
        draw.from(&NAMES),
        draw.from(&DOES),
        draw.from(&THINGS),
        draw.from(&PLACES),
    )
}

fn question(number: usize) -> String {
    let mut draw = Draw(number.wrapping_mul(7_919));
    format!(
        "Where did my {} {} put {} {number}?",
        draw.from(&WHO),
        draw.from(&NAMES),
        draw.from(&THINGS),
    )
}

/// Draws from lists, always the same for the same number.
struct Draw(usize);

impl Draw {
    fn from<'a>(&mut self, list: &[&'a str]) -> &'a str {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        list[(self.0 >> 33) % list.len()]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn notes_differ_and_are_the_same_each_time() {
        let notes: HashSet<String> = (0..2_000).map(note).collect();
        assert_eq!(notes.len(), 2_000);
        assert!(notes.contains(&note(1_234)));
        let people: HashSet<String> = (0..200)
            .map(|n| question(n).split(' ').nth(4).unwrap().into())
            .collect();
        assert!(people.len() > NAMES.len() / 2);
    }
}
