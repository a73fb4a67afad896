//! `ask`: one question, one answer.

use crate::cli::failure::Failure;
use crate::cli::shown::glance;
use crate::cli::{App, talk};
use crate::memory::episode::Source;
use crate::ui::Ui;

/// Ask one question; what comes on standard input belongs to it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The question
    words: Vec<String>,
    #[command(flatten)]
    talk: talk::Args,
}

impl Args {
    pub(super) fn settings(&self) -> Vec<String> {
        self.talk.settings()
    }
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let question = question(&args.words.join(" "), app)?;
    let memory = app.conversation_memory()?;
    let session = memory.new_session(&glance(&question))?;
    let mut assistant = app.assistant(&memory, session, Source::Ask)?;
    app.tell_notes(ui)?;
    talk::turn(&mut assistant, &question, &memory, app, ui)
}

/// The words, then what stands on standard input unless a person would have to type it.
fn question(words: &str, app: &App) -> anyhow::Result<String> {
    let mut input = app.input();
    let rest = if input.is_terminal() && !words.trim().is_empty() {
        String::new()
    } else {
        input.rest()?
    };
    let parts = [words.trim(), rest.trim()];
    let there: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if there.is_empty() {
        return Err(Failure::NoQuestion.into());
    }
    Ok(there.join("\n\n"))
}
