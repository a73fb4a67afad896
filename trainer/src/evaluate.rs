//! How well a model answers held-out questions, on the very program a device runs.
//!
//! The model is asked through an `edge` process, greedily, so that quantisation,
//! template and tokenizer are measured too. Scoring is pure: [`Score::of`].

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::dataset::questions::{self, Question};

/// Longest answer that is waited for, in tokens.
const ANSWER_TOKENS: usize = 64;
/// Questions that are answered at once.
const SLOTS: &str = "4";
/// What `edge` calls an answer that ended by itself.
const ENDED: &str = "end";

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// The program did not start.
    #[error("cannot run {program}")]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Talking to the program failed.
    #[error("the connection to {program} broke")]
    Talk {
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The program ended with an error.
    #[error("{program} ended with {status}")]
    Status {
        /// The program.
        program: PathBuf,
        /// Its exit status.
        status: std::process::ExitStatus,
    },
    /// The program said something that is no answer.
    #[error("line {line} of the program's output is no answer")]
    Answer {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Not every question was answered.
    #[error("question {id} was not answered")]
    Missing {
        /// The question.
        id: String,
    },
}

/// A rate that is lower than it must be.
#[derive(Debug, thiserror::Error)]
#[error("{what} is {found:.3}, below the {required:.3} that is required")]
pub struct Below {
    /// The rate.
    pub what: &'static str,
    /// What was measured.
    pub found: f64,
    /// What was required.
    pub required: f64,
}

/// One answer, as `edge complete --jsonl` writes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Answer {
    /// The question's id.
    pub id: String,
    /// What the model said.
    pub text: String,
    /// Why it ended.
    pub stop: String,
}

/// How many of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// How many did it.
    pub good: usize,
    /// How many could have.
    pub of: usize,
}

impl Share {
    /// The share as a fraction; all of none is 1.
    pub fn rate(self) -> f64 {
        if self.of == 0 {
            1.0
        } else {
            self.good as f64 / self.of as f64
        }
    }

    fn count(&mut self, good: bool) {
        self.of += 1;
        self.good += usize::from(good);
    }
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Score {
    /// Answerable questions answered with the exact value.
    pub answered: Share,
    /// Unanswerable questions declined.
    pub declined: Share,
    /// Answers that ended by themselves.
    pub stopped: Share,
    /// Questions that were answered wrongly, with what was said.
    pub wrong: Vec<Wrong>,
}

/// A wrong answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// The question's id.
    pub id: String,
    /// The question with its memories.
    pub question: String,
    /// The value that was asked for; empty if it was to decline.
    pub expected: String,
    /// What the model said.
    pub said: String,
}

/// The held-out questions of one seed.
pub fn held_out(seed: u64, answerable: usize, unanswerable: usize) -> Vec<Question> {
    let mut all = questions::answerable(seed, answerable);
    all.extend(questions::unanswerable(seed, unanswerable));
    all
}

impl Score {
    /// Judges the answers to `questions`.
    ///
    /// # Errors
    /// [`EvaluateError::Missing`] if a question has no answer.
    pub fn of(questions: &[Question], answers: &[Answer]) -> Result<Self, EvaluateError> {
        let by_id: HashMap<&str, &Answer> = answers.iter().map(|a| (&a.id[..], a)).collect();
        let mut score = Self::default();
        for question in questions {
            let answer = by_id.get(&question.id[..]);
            let answer = answer.ok_or_else(|| EvaluateError::Missing {
                id: question.id.clone(),
            })?;
            score.stopped.count(answer.stop == ENDED);
            let right = if question.answer.is_empty() {
                let declined = questions::is_decline(&answer.text);
                score.declined.count(declined);
                declined
            } else {
                let exact = questions::matches(&question.answer, &answer.text);
                score.answered.count(exact);
                exact
            };
            if !right {
                score.wrong.push(Wrong::new(question, answer));
            }
        }
        Ok(score)
    }
}

impl Wrong {
    fn new(question: &Question, answer: &Answer) -> Self {
        let asked = question.messages.last();
        Self {
            id: question.id.clone(),
            question: asked.map_or_else(String::new, |m| m.content.clone()),
            expected: question.answer.clone(),
            said: answer.text.clone(),
        }
    }
}

/// Asks all questions through `edge complete --jsonl`.
///
/// `follow` hears of each answer as it comes.
///
/// # Errors
/// [`EvaluateError`] if the program fails or talks nonsense.
pub fn ask(
    edge: &Path,
    model: &Path,
    questions: &[Question],
    follow: &mut dyn FnMut(&Answer),
) -> Result<Vec<Answer>, EvaluateError> {
    let talk = |source| EvaluateError::Talk {
        program: edge.to_owned(),
        source,
    };
    let arguments: [&OsStr; 6] = [
        "complete".as_ref(),
        "--jsonl".as_ref(),
        "--slots".as_ref(),
        SLOTS.as_ref(),
        "--model".as_ref(),
        model.as_ref(),
    ];
    let mut child = Command::new(edge)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|source| EvaluateError::Spawn {
            program: edge.to_owned(),
            source,
        })?;
    let input = child.stdin.take();
    let output = child.stdout.take();
    // Written beside the reading, or both sides could wait for each other with full pipes.
    let answers = std::thread::scope(|scope| {
        let written = scope.spawn(|| input.map_or(Ok(()), |input| send(input, questions)));
        let answers = output.map_or(Ok(Vec::new()), |output| receive(output, &talk, follow));
        let written = written.join().unwrap_or(Ok(()));
        (written, answers)
    });
    let status = child.wait().map_err(talk)?;
    if !status.success() {
        let program = edge.to_owned();
        return Err(EvaluateError::Status { program, status });
    }
    answers.0.map_err(talk)?;
    answers.1
}

fn send(mut input: impl Write, questions: &[Question]) -> std::io::Result<()> {
    for question in questions {
        let line = serde_json::json!({
            "id": question.id,
            "messages": question.messages,
            "max_tokens": ANSWER_TOKENS,
        });
        writeln!(input, "{line}")?;
    }
    input.flush()
}

fn receive(
    output: impl std::io::Read,
    talk: &dyn Fn(std::io::Error) -> EvaluateError,
    follow: &mut dyn FnMut(&Answer),
) -> Result<Vec<Answer>, EvaluateError> {
    let mut answers = Vec::new();
    for (index, line) in BufReader::new(output).lines().enumerate() {
        let line = line.map_err(talk)?;
        let answer = serde_json::from_str(&line).map_err(|source| EvaluateError::Answer {
            line: index + 1,
            source,
        })?;
        follow(&answer);
        answers.push(answer);
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::{Answer, EvaluateError, Score, Share, held_out};

    fn answers(say: impl Fn(&str) -> String, stop: &str) -> (Vec<super::Question>, Vec<Answer>) {
        let questions = held_out(7, 4, 3);
        let answers = questions
            .iter()
            .map(|q| Answer {
                id: q.id.clone(),
                text: say(&q.answer),
                stop: stop.to_owned(),
            })
            .collect();
        (questions, answers)
    }

    #[test]
    fn right_answers_and_declines_count() {
        let say = |answer: &str| match answer {
            "" => "I don't know that. Shall I remember it?".to_owned(),
            value => format!("It is {value}."),
        };
        let (questions, answers) = answers(say, "end");
        let score = Score::of(&questions, &answers).unwrap();
        assert_eq!(score.answered, Share { good: 4, of: 4 });
        assert_eq!(score.declined, Share { good: 3, of: 3 });
        assert_eq!(score.stopped, Share { good: 7, of: 7 });
        assert!(score.wrong.is_empty());
    }

    #[test]
    fn declining_everything_answers_nothing() {
        let (questions, answers) = answers(|_| "I don't know.".to_owned(), "limit");
        let score = Score::of(&questions, &answers).unwrap();
        assert_eq!(score.answered, Share { good: 0, of: 4 });
        assert_eq!(score.declined, Share { good: 3, of: 3 });
        assert_eq!(score.stopped.good, 0);
        assert_eq!(score.wrong.len(), 4);
    }

    #[test]
    fn lost_answers_are_an_error() {
        let (questions, mut answers) = answers(|_| String::new(), "end");
        answers.pop();
        assert!(matches!(
            Score::of(&questions, &answers),
            Err(EvaluateError::Missing { .. })
        ));
    }
}
