//! Measures recall through the same calls that a conversation makes.
//!
//! [`conversations`] appends dated turns, each conversation to a memory of its own, asks
//! questions of each and names the turns that come back, best first. [`synthetic`] fills
//! one memory with made-up notes and measures time.
//!
//! Turns are JSON lines of `conversation_id`, `turn_id`, `session`, `session_date`,
//! `speaker`, `text` and perhaps `image_caption`; questions are lines of `question_id`,
//! `conversation_id` and `question`.
//!
//! # Invariants
//! - Only public calls of [`Memory`] are made: what is measured is what people get.
//! - A question sees its own conversation only, and never an answer.
//!
//! Units: times in milliseconds, speeds in episodes a second.

pub mod synthetic;

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared::clock::{Clock, Timestamp};
use shared::id::EpisodeId;

use super::embedder::Embedder;
use super::episode::{NewEpisode, Source};
use super::query::{Query, SearchPath};
use super::{Memory, MemoryError, Options};

/// So many turns are named for a question, if as many come back.
const ANSWERS: usize = 30;
/// How `session_date` is written: "1:56 pm on 8 May, 2023".
const DATE_FORMAT: &str = "%I:%M %p on %d %B, %Y";
/// Questions are asked so long after the last turn.
const AFTERWARDS_MS: i64 = 24 * 60 * 60 * 1_000;

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// A line could not be read.
    #[error("cannot read line {line}")]
    Read {
        /// Which line, from 1.
        line: usize,
        /// What the system says.
        source: io::Error,
    },
    /// A line is not what it should be.
    #[error("line {line} is not of the expected form")]
    Form {
        /// Which line, from 1.
        line: usize,
        /// What the decoder says.
        source: serde_json::Error,
    },
    /// A date is of another form.
    #[error("cannot read the date {text:?}")]
    Date {
        /// The date.
        text: String,
        /// What the decoder says.
        source: jiff::Error,
    },
    /// The memory failed.
    #[error("the memory under test failed")]
    Memory {
        /// What it says.
        #[from]
        source: MemoryError,
    },
    /// An answer could not be written, or the folder not be emptied.
    #[error("cannot write")]
    Write {
        /// What the system says.
        #[from]
        source: io::Error,
    },
}

/// One turn of a conversation.
#[derive(Clone, Debug, Deserialize)]
pub struct Turn {
    conversation_id: String,
    turn_id: String,
    session: u32,
    session_date: String,
    speaker: String,
    text: String,
    #[serde(default)]
    image_caption: Option<String>,
}

/// One question about a conversation.
#[derive(Clone, Debug, Deserialize)]
pub struct Question {
    question_id: String,
    conversation_id: String,
    question: String,
}

/// What came back for a question.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The question.
    pub question_id: String,
    /// Turns, best first.
    pub retrieved: Vec<String>,
    /// How surely any fits.
    pub confidence: f32,
}

/// What a memory under test is made of.
pub struct Setup<'a> {
    /// A folder that may be filled, and is emptied again.
    pub dir: PathBuf,
    /// The embedder to measure with.
    pub embedder: Arc<dyn Embedder>,
    /// The clock of the memory.
    pub clock: Arc<dyn Clock>,
    /// Time since any fixed moment.
    pub elapsed: &'a dyn Fn() -> Duration,
    /// Told how much is done, and of how much.
    pub progress: &'a dyn Fn(u64, u64),
}

impl Setup<'_> {
    fn memory(&self, name: &str) -> Result<Memory, BenchError> {
        let embedder = Arc::clone(&self.embedder);
        let clock = Arc::clone(&self.clock);
        Ok(Memory::open(
            &self.dir.join(name),
            embedder,
            clock,
            Options::default(),
        )?)
    }

    fn timed<T>(&self, into: &mut Vec<Duration>, work: impl FnOnce() -> T) -> T {
        let before = (self.elapsed)();
        let done = work();
        into.push((self.elapsed)().saturating_sub(before));
        done
    }
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// The embedder.
    pub embedder: String,
    /// Episodes appended.
    pub episodes: usize,
    /// Appended in batches, with embedding.
    pub batched_per_s: f64,
    /// Appended one at a time, each on the disk when the call returned; `None`: not tried.
    pub single_per_s: Option<f64>,
    /// Questions asked.
    pub questions: usize,
    /// Half of the questions took no longer, embedding included.
    pub recall_p50_ms: f64,
    /// All but one in a hundred took no longer.
    pub recall_p99_ms: f64,
    /// How the vectors were searched.
    pub path: SearchPath,
}

/// Asks every question of its conversation; `on_answer` gets what comes back.
///
/// # Errors
/// [`BenchError`] for the first line, date or call that fails.
pub fn conversations(
    turns: impl BufRead,
    questions: impl BufRead,
    setup: &Setup<'_>,
    on_answer: &mut dyn FnMut(&Answer) -> io::Result<()>,
) -> Result<Measured, BenchError> {
    let turns: Vec<Turn> = lines(turns)?;
    let questions: Vec<Question> = lines(questions)?;
    let mut run = Run::default();
    for group in turns.chunk_by(|a, b| a.conversation_id == b.conversation_id) {
        let name = &group[0].conversation_id;
        let asked: Vec<&Question> = questions
            .iter()
            .filter(|question| question.conversation_id == *name)
            .collect();
        (setup.progress)(run.recalls.len() as u64, questions.len() as u64);
        let folder = format!("conversation-{}", run.conversations);
        let memory = setup.memory(&folder)?;
        let told = run.tell(memory, group, setup)?;
        for question in asked {
            on_answer(&run.ask(&told, question, setup)?)?;
        }
        drop(told);
        remove(&setup.dir.join(&folder))?;
    }
    Ok(run.measured(setup))
}

/// A conversation in a memory of its own.
struct Told<'a> {
    memory: Memory,
    /// Which turn an episode was.
    names: HashMap<EpisodeId, &'a str>,
    asked_at: Timestamp,
}

#[derive(Default)]
struct Run {
    conversations: usize,
    episodes: usize,
    appends: Vec<Duration>,
    recalls: Vec<Duration>,
    path: Option<SearchPath>,
}

impl Run {
    fn tell<'a>(
        &mut self,
        memory: Memory,
        turns: &'a [Turn],
        setup: &Setup<'_>,
    ) -> Result<Told<'a>, BenchError> {
        let mut names = HashMap::new();
        let mut last = Timestamp::from_millis(0);
        for session in turns.chunk_by(|a, b| a.session == b.session) {
            last = said_at(&session[0].session_date)?;
            let id = memory.new_session(&format!("session {}", session[0].session))?;
            let episodes = session.iter().map(|turn| NewEpisode {
                said_at: Some(last),
                ..NewEpisode::said(id, Source::Import, words(turn))
            });
            let episodes = episodes.collect();
            let appended = setup.timed(&mut self.appends, || memory.append_all(episodes))?;
            for (done, turn) in appended.iter().zip(session) {
                names.insert(done.episode, turn.turn_id.as_str());
            }
        }
        self.conversations += 1;
        self.episodes += turns.len();
        Ok(Told {
            memory,
            names,
            asked_at: last.plus_millis(AFTERWARDS_MS),
        })
    }

    fn ask(
        &mut self,
        told: &Told<'_>,
        question: &Question,
        setup: &Setup<'_>,
    ) -> Result<Answer, BenchError> {
        let query = Query {
            limit: ANSWERS,
            ..Query::new(&question.question, told.asked_at)
        };
        let recall = setup.timed(&mut self.recalls, || told.memory.recall(&query))?;
        self.path = Some(recall.path);
        let retrieved = recall
            .hits
            .iter()
            .filter_map(|hit| told.names.get(&hit.episode));
        Ok(Answer {
            question_id: question.question_id.clone(),
            retrieved: retrieved.map(|name| (*name).to_owned()).collect(),
            confidence: recall.confidence,
        })
    }

    fn measured(self, setup: &Setup<'_>) -> Measured {
        let appending: Duration = self.appends.iter().sum();
        Measured {
            embedder: setup.embedder.id().to_owned(),
            episodes: self.episodes,
            batched_per_s: per_second(self.episodes, appending),
            single_per_s: None,
            questions: self.recalls.len(),
            recall_p50_ms: percentile_ms(&self.recalls, 0.50),
            recall_p99_ms: percentile_ms(&self.recalls, 0.99),
            path: self.path.unwrap_or(SearchPath::Lexical),
        }
    }
}

/// A turn as it would be imported: who speaks, then the words.
fn words(turn: &Turn) -> String {
    let mut text = format!("{}: {}", turn.speaker, turn.text);
    if let Some(caption) = &turn.image_caption {
        text.push_str(&format!(" [image: {caption}]"));
    }
    text
}

fn said_at(text: &str) -> Result<Timestamp, BenchError> {
    let wrong = |source| BenchError::Date {
        text: text.to_owned(),
        source,
    };
    let at = strtime::parse(DATE_FORMAT, text)
        .and_then(|parsed| parsed.to_datetime())
        .and_then(|date| date.to_zoned(TimeZone::UTC))
        .map_err(wrong)?;
    Ok(Timestamp::from_millis(at.timestamp().as_millisecond()))
}

fn lines<T: DeserializeOwned>(from: impl BufRead) -> Result<Vec<T>, BenchError> {
    let mut values = Vec::new();
    for (line, text) in (1..).zip(from.lines()) {
        let text = text.map_err(|source| BenchError::Read { line, source })?;
        if !text.trim().is_empty() {
            let value = serde_json::from_str(&text);
            values.push(value.map_err(|source| BenchError::Form { line, source })?);
        }
    }
    Ok(values)
}

fn remove(dir: &Path) -> Result<(), BenchError> {
    Ok(fs_err::remove_dir_all(dir)?)
}

fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(f64::EPSILON)
}

/// The time that so large a share did not exceed; 0 for none.
fn percentile_ms(times: &[Duration], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = (share * sorted.len() as f64).ceil() as usize;
    let time = sorted.get(at.saturating_sub(1)).copied();
    time.unwrap_or_default().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use shared::clock::ManualClock;

    use super::*;
    use crate::memory::embedder::Lexical;

    const TURNS: &str = r#"
{"conversation_id":"a","turn_id":"D1:1","session":1,"session_date":"1:56 pm on 8 May, 2023","position":0,"speaker":"Ann","text":"I adopted a puppy","image_caption":null}
{"conversation_id":"a","turn_id":"D2:1","session":2,"session_date":"10:01 am on 9 June, 2023","position":0,"speaker":"Bob","text":"The garden needs rain","image_caption":"a dry lawn"}
{"conversation_id":"b","turn_id":"D1:1","session":1,"session_date":"1:56 pm on 8 May, 2023","position":0,"speaker":"Cid","text":"My puppy is called Rex"}
"#;
    const QUESTIONS: &str = r#"
{"question_id":"a/q0","conversation_id":"a","question":"What did Ann adopt?"}
{"question_id":"a/q1","conversation_id":"a","question":"Whose lawn is dry?"}
{"question_id":"b/q0","conversation_id":"b","question":"What is the puppy called?"}
"#;

    fn ask(turns: &str, questions: &str) -> Result<(Vec<Answer>, Measured), BenchError> {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::from_millis(1_795_000_000_000);
        let setup = Setup {
            dir: dir.path().to_owned(),
            embedder: Arc::new(Lexical),
            clock: Arc::new(ManualClock::new(now)),
            elapsed: &|| Duration::ZERO,
            progress: &|_, _| (),
        };
        let mut answers = Vec::new();
        let measured = conversations(
            turns.as_bytes(),
            questions.as_bytes(),
            &setup,
            &mut |answer| {
                answers.push(answer.clone());
                Ok(())
            },
        )?;
        assert_eq!(
            fs_err::read_dir(dir.path()).unwrap().count(),
            0,
            "the folder is emptied"
        );
        Ok((answers, measured))
    }

    #[test]
    fn each_question_is_asked_of_its_own_conversation() {
        let (answers, measured) = ask(TURNS, QUESTIONS).unwrap();
        let best: Vec<_> = answers
            .iter()
            .map(|a| (a.question_id.as_str(), a.retrieved[0].as_str()))
            .collect();
        assert_eq!(best, [("a/q0", "D1:1"), ("a/q1", "D2:1"), ("b/q0", "D1:1")]);
        assert_eq!((measured.episodes, measured.questions), (3, 3));
    }

    #[test]
    fn a_line_of_another_form_is_named() {
        let Err(BenchError::Form { line, .. }) = ask(TURNS, "\n{\"question\":1}") else {
            unreachable!("the second line is no question");
        };
        assert_eq!(line, 2);
        let undated = TURNS.replace("1:56 pm on 8 May, 2023", "in May");
        assert!(matches!(
            ask(&undated, QUESTIONS),
            Err(BenchError::Date { .. })
        ));
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert!((percentile_ms(&times, 0.50) - 50.0).abs() < 1e-9);
        assert!((percentile_ms(&times, 0.99) - 99.0).abs() < 1e-9);
        assert!(percentile_ms(&[], 0.5).abs() < 1e-9);
    }
}
