//! `feedback`: say what an answer was worth.

use anyhow::Context as _;
use serde::Serialize;
use shared::id::EpisodeId;

use crate::cli::App;
use crate::cli::{sessions, why};
use crate::memory::episode::{Feedback, ItemId};
use crate::memory::{Memory, MemoryError};
use crate::ui::{Ui, View, WriteError};

/// Say what an answer was worth; the next training learns from it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    /// The answer, instead of the last one
    #[arg(long, value_name = "ID", global = true)]
    answer: Option<String>,
    /// The last answer of this conversation
    #[arg(long, value_name = "ID", global = true, conflicts_with = "answer")]
    session: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// It was good
    Good,
    /// It was bad
    Bad,
    /// It was worth so much
    Rate {
        /// From 1 (bad) to 5 (good)
        #[arg(value_parser = clap::value_parser!(u8).range(1..=5))]
        rating: u8,
    },
    /// It should have been this
    Correct {
        /// The better answer
        #[arg(required = true)]
        words: Vec<String>,
    },
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let memory = app.memory()?;
    let answer = answer(args, &memory)?;
    let feedback = match &args.command {
        Command::Good => Feedback::Good,
        Command::Bad => Feedback::Bad,
        Command::Rate { rating } => Feedback::Rating(*rating),
        Command::Correct { words } => Feedback::Correction(words.join(" ")),
    };
    give(answer, feedback, &memory, ui)
}

/// Notes feedback on an answer and says so.
pub(super) fn give(
    answer: EpisodeId,
    feedback: Feedback,
    memory: &Memory,
    ui: &mut Ui,
) -> anyhow::Result<()> {
    let noted = match &feedback {
        Feedback::Good => "good".to_owned(),
        Feedback::Bad => "bad".to_owned(),
        Feedback::Rating(n) => format!("rated {n} of 5"),
        Feedback::Correction(text) => format!("corrected to: {text}"),
    };
    let done = memory.feedback(answer, feedback);
    done.context("cannot note the feedback")?;
    ui.show(&Noted {
        answer: answer.to_string(),
        noted,
    })?;
    Ok(())
}

fn answer(args: &Args, memory: &Memory) -> anyhow::Result<EpisodeId> {
    if let Some(name) = &args.answer {
        return match memory.find(name)? {
            ItemId::Episode(id) => Ok(id),
            ItemId::Memory(_) => Err(MemoryError::Unknown { name: name.clone() }.into()),
        };
    }
    let session = args.session.as_deref();
    let session = session.map(|name| sessions::find(memory, Some(name)));
    Ok(why::last_answer(memory, session.transpose()?)?.id)
}

#[derive(Serialize)]
struct Noted {
    answer: String,
    noted: String,
}

impl View for Noted {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        ui.line(&format!("noted: {}", self.noted))
    }
}
