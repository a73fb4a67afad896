//! `memory add`: keep something.

use anyhow::Context as _;

use crate::cli::App;
use crate::cli::failure::Failure;
use crate::cli::input;
use crate::cli::told::Told;
use crate::memory::episode::{Intent, NewEpisode, Source};
use crate::ui::Ui;

/// Remember something, given as words or on standard input
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to remember
    words: Vec<String>,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let text = words(args, app)?;
    let memory = app.memory()?;
    let episode = NewEpisode {
        intent: Intent::Remember,
        ..NewEpisode::said(app.notes_session()?, Source::Command, text)
    };
    let appended = memory.append(episode).context("cannot remember this")?;
    ui.show(&Told::new(&memory, &appended)?)?;
    Ok(())
}

fn words(args: &Args, app: &App) -> anyhow::Result<String> {
    let text = if args.words.is_empty() {
        app.input().rest()?
    } else {
        args.words.join(" ")
    };
    input::check(text.len())?;
    if text.trim().is_empty() {
        return Err(Failure::NoQuestion.into());
    }
    Ok(text)
}
