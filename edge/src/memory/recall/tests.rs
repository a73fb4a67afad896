//! Ranking small worlds: texts in, order and confidence out.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::memory::embedder::{Embedder as _, HashedWords, Purpose};
use crate::memory::lexicon::Analyser;

const DIMENSIONS: usize = 64;

/// Passages with their texts, one session for each group.
#[derive(Default)]
struct World {
    texts: Vec<String>,
    passages: Vec<Passage>,
}

/// Exact vectors of a fake embedder.
struct Vectors {
    question: Vec<f32>,
    rows: Vec<Vec<f32>>,
    nearest: Vec<(u32, f32)>,
}

impl Nearness for Vectors {
    fn nearest(&self) -> &[(u32, f32)] {
        &self.nearest
    }

    fn blend(&self, parts: &[(u32, f32)]) -> f32 {
        let mut sum = vec![0.0; DIMENSIONS];
        for (row, weight) in parts {
            for (into, value) in sum.iter_mut().zip(&self.rows[*row as usize]) {
                *into += weight * value;
            }
        }
        crate::memory::embedder::normalise(&mut sum);
        sum.iter().zip(&self.question).map(|(a, b)| a * b).sum()
    }
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000)
}

impl World {
    fn session(mut self, days_ago: i64, texts: &[&str]) -> Self {
        let first = self.texts.len();
        let last = first + texts.len() - 1;
        for (at, text) in (first..=last).zip(texts) {
            self.texts.push((*text).to_owned());
            self.passages.push(Passage {
                previous: (at > first).then(|| at as u32 - 1),
                next: (at < last).then_some(at as u32 + 1),
                said_at: now().plus_millis(-days_ago * DAY_MS),
                role: Role::User,
                asks: Asks::of(text),
                importance: 0.5,
            });
        }
        self
    }

    fn vectors(&self, question: &str) -> Vectors {
        let embedder = HashedWords::new(DIMENSIONS);
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        let rows = embedder.embed(Purpose::Passage, &texts).unwrap();
        let question = embedder
            .embed(Purpose::Query, &[question])
            .unwrap()
            .remove(0);
        let near = |row: &Vec<f32>| row.iter().zip(&question).map(|(a, b)| a * b).sum();
        let nearest = rows.iter().map(near).enumerate();
        Vectors {
            nearest: nearest.map(|(row, near)| (row as u32, near)).collect(),
            question,
            rows,
        }
    }

    fn ask(
        &self,
        text: &str,
        nearness: Option<&dyn Nearness>,
        allowed: &dyn Fn(u32) -> bool,
    ) -> Ranking {
        let analyser = Analyser::new();
        let question = Question::read(text, &analyser, now(), &TimeZone::UTC);
        let cut: Vec<_> = self.texts.iter().map(|text| analyser.terms(text)).collect();
        let find = |key: &str| {
            let rows = cut.iter().enumerate().filter_map(|(row, terms)| {
                let count = terms.counts.iter().find(|(term, _)| term == key)?.1;
                Some(Posting {
                    row: row as u32,
                    count,
                    length: terms.length,
                })
            });
            rows.collect::<Vec<_>>()
        };
        let postings: Vec<TermPostings> = question
            .terms
            .iter()
            .map(|term| TermPostings {
                word: find(&term.term),
                label: find(&term.label),
            })
            .collect();
        let input = Input {
            postings: &postings,
            collection: Collection {
                passages: self.texts.len() as u32,
                terms: cut.iter().map(|terms| u64::from(terms.length)).sum(),
            },
            passages: &self.passages,
            nearness,
            allowed,
            now: now(),
        };
        rank(&question, &input)
    }

    fn best(&self, text: &str) -> &str {
        let ranking = self.ask(text, None, &|_| true);
        ranking
            .passages
            .first()
            .map_or("", |best| &self.texts[best.row as usize])
    }
}

fn owner() -> World {
    World::default()
        .session(
            40,
            &["My sister Maya lives in Lisbon", "She has a dog called Rex"],
        )
        .session(9, &["My bike lock code is 4711"])
        .session(
            1,
            &[
                "Which tea do you like?",
                "Sencha, the green one",
                "Nice weather",
            ],
        )
}

#[test]
fn the_passage_with_the_words_of_the_question_comes_first() {
    assert_eq!(
        owner().best("Where does Maya live?"),
        "My sister Maya lives in Lisbon"
    );
    assert_eq!(
        owner().best("What is my lock code?"),
        "My bike lock code is 4711"
    );
}

#[test]
fn an_answer_is_found_by_the_question_before_it() {
    assert_eq!(owner().best("Which tea is liked?"), "Sencha, the green one");
}

#[test]
fn what_is_not_known_has_no_confidence() {
    let world = owner();
    let known = world
        .ask("What is my lock code?", None, &|_| true)
        .confidence;
    assert!(known > 0.6, "{known}");
    for text in [
        "Do I need an umbrella for the concert?",
        "",
        "What is it?",
        "Thanks!",
    ] {
        let unknown = world.ask(text, None, &|_| true).confidence;
        assert!(unknown < 0.3, "{text}: {unknown}");
    }
}

#[test]
fn turns_of_a_named_speaker_are_preferred() {
    let world = World::default().session(
        3,
        &[
            "Ann: I adopted a puppy",
            "Bob: I adopted a puppy",
            "Ann: so sweet",
            "Bob: it is",
            "Ann: lovely",
            "Bob: thanks",
        ],
    );
    assert_eq!(world.best("What did Bob adopt?"), "Bob: I adopted a puppy");
    assert_eq!(world.best("What did Ann adopt?"), "Ann: I adopted a puppy");
}

#[test]
fn a_time_in_the_question_finds_what_was_said_then() {
    assert_eq!(
        owner().best("What did I say 9 days ago?"),
        "My bike lock code is 4711"
    );
}

#[test]
fn only_allowed_passages_are_ranked_whatever_finds_them() {
    let world = owner();
    let vectors = world.vectors("Maya in Lisbon");
    let ranking = world.ask("Maya in Lisbon yesterday", Some(&vectors), &|row| row == 2);
    let rows: Vec<u32> = ranking.passages.iter().map(|p| p.row).collect();
    assert!(rows.iter().all(|row| *row == 2), "{rows:?}");
}

proptest! {
    #[test]
    fn parts_add_up_and_better_comes_first(
        texts in prop::collection::vec("[a-d]{1,2}( [a-d]{1,2}){0,6}[?]?", 1..30),
        question in "[a-d]{1,2}( [a-d]{1,2}){0,3}",
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let world = World::default().session(3, &texts);
        let vectors = world.vectors(&question);
        let ranking = world.ask(&question, Some(&vectors), &|_| true);
        prop_assert!(ranking.passages.is_sorted_by(|a, b| a.score >= b.score));
        prop_assert!((0.0..=1.0).contains(&ranking.confidence));
        for passage in &ranking.passages {
            prop_assert!(passage.score.is_finite());
            prop_assert!(passage.why.neighbour >= 0.0 && passage.why.dense >= 0.0);
        }
    }
}
