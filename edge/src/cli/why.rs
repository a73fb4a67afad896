//! `why`: which memories an answer was given.

use anyhow::Context as _;
use serde::Serialize;
use shared::id::SessionId;

use crate::cli::App;
use crate::cli::failure::Failure;
use crate::cli::sessions;
use crate::cli::shown::hit::parts;
use crate::cli::shown::item::{EpisodeView, ItemView};
use crate::cli::shown::{glance, short};
use crate::memory::Memory;
use crate::memory::episode::{Episode, Given};
use crate::memory::query::Why;
use crate::ui::{Ui, View, WriteError};

/// Show which memories the last answer was given, with scores and evidence
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The last answer of this conversation
    #[arg(long, value_name = "ID")]
    session: Option<String>,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let memory = app.memory()?;
    let session = args.session.as_deref();
    let session = session.map(|name| sessions::find(&memory, Some(name)));
    explain(session.transpose()?, &memory, app, ui)
}

/// Shows what the last answer, of `session` or at all, was made from.
pub(super) fn explain(
    session: Option<SessionId>,
    memory: &Memory,
    app: &App,
    ui: &mut Ui,
) -> anyhow::Result<()> {
    let answer = last_answer(memory, session)?;
    let zone = app.zone();
    let given = answer
        .given
        .iter()
        .map(|given| Shown::find(memory, given, app));
    ui.show(&Explained {
        given: given.collect::<anyhow::Result<_>>()?,
        answer: EpisodeView::new(&answer, &zone),
    })?;
    Ok(())
}

/// The last answer, of `session` or at all.
pub(super) fn last_answer(memory: &Memory, session: Option<SessionId>) -> anyhow::Result<Episode> {
    let answer = memory.last_answer(session);
    let answer = answer.context("cannot look for the last answer")?;
    Ok(answer.ok_or(Failure::NoAnswer)?)
}

#[derive(Serialize)]
struct Shown {
    score: f32,
    why: Why,
    /// `None` where it was forgotten since.
    item: Option<ItemView>,
}

impl Shown {
    fn find(memory: &Memory, given: &Given, app: &App) -> anyhow::Result<Self> {
        Ok(Self {
            score: given.score,
            why: given.why,
            item: ItemView::find(memory, given.item, &app.zone())?,
        })
    }
}

#[derive(Serialize)]
struct Explained {
    answer: EpisodeView,
    given: Vec<Shown>,
}

impl View for Explained {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        ui.line(&format!("answer: {}", glance(self.answer.text())))?;
        if self.given.is_empty() {
            return ui.line("no memories were given: nothing fitted the question");
        }
        for shown in &self.given {
            let Some(item) = &shown.item else {
                ui.line(&format!("{:.3}  (forgotten since)", shown.score))?;
                continue;
            };
            let text = glance(item.text());
            ui.line(&format!("{:.3}  {} {text}", shown.score, item.day()))?;
            ui.line(&format!("       because: {}", parts(&shown.why)))?;
            for said in item.said() {
                let words = glance(said.text());
                ui.line(&format!("       said: {words} ({})", short(said.id())))?;
            }
        }
        Ok(())
    }
}
