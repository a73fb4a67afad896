//! `sessions`: conversations.

use anyhow::Context as _;
use serde::Serialize;
use shared::id::SessionId;

use crate::cli::failure::Failure;
use crate::cli::shown::item::{EpisodeList, EpisodeView};
use crate::cli::shown::{At, ReceiptView, day, glance, short};
use crate::cli::{App, chat, history};
use crate::memory::Memory;
use crate::memory::episode::SessionSummary;
use crate::ui::table::Table;
use crate::ui::{Ui, View, WriteError};

/// List, show, resume and delete conversations
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List conversations, newest first
    List,
    /// Show what was said in one
    Show {
        /// Its identifier, or an ending of it
        id: String,
    },
    /// Go on with one
    Resume(Resume),
    /// Delete one, and what was learnt in it
    Delete {
        /// Its identifier, or an ending of it
        id: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Resume {
    /// Its identifier, or an ending of it; the newest if there is none
    id: Option<String>,
    #[command(flatten)]
    talk: crate::cli::talk::Args,
}

impl Args {
    pub(super) fn settings(&self) -> Vec<String> {
        match &self.command {
            Command::Resume(resume) => resume.talk.settings(),
            _ => Vec::new(),
        }
    }
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    match &args.command {
        Command::List => ui.show(&list(&*app.memory()?, app)?)?,
        Command::Show { id } => show(id, app, ui)?,
        Command::Resume(resume) => {
            let session = find(&*app.memory()?, resume.id.as_deref())?;
            chat::start(Some(session), app, ui)?;
        }
        Command::Delete { id, yes } => delete(id, *yes, app, ui)?,
    }
    Ok(())
}

/// The conversation called `name`, or the newest.
pub(super) fn find(memory: &Memory, name: Option<&str>) -> anyhow::Result<SessionId> {
    let sessions = memory.sessions().context("cannot list conversations")?;
    let ids = sessions.iter().map(|session| session.id);
    let Some(name) = name else {
        return Ok(ids.max().ok_or(Failure::NoAnswer)?);
    };
    let ending = name.to_uppercase();
    let fitting: Vec<SessionId> = ids
        .filter(|id| !ending.is_empty() && id.to_string().ends_with(&ending))
        .collect();
    match fitting.as_slice() {
        [id] => Ok(*id),
        several => Err(Failure::Session {
            name: name.to_owned(),
            found: several.len(),
        }
        .into()),
    }
}

fn show(id: &str, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let memory = app.memory()?;
    let episodes = memory.session_episodes(find(&memory, Some(id))?);
    let episodes = episodes.context("cannot read the conversation")?;
    let zone = app.zone();
    let turns = episodes.iter().map(|e| EpisodeView::new(e, &zone));
    ui.show(&EpisodeList(turns.collect()))?;
    Ok(())
}

fn delete(id: &str, yes: bool, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let memory = app.memory()?;
    let session = find(&memory, Some(id))?;
    let sessions = memory.sessions()?;
    if let Some(summary) = sessions.iter().find(|s| s.id == session) {
        ui.note(&format!("{} ({} turns)", summary.title, summary.turns))?;
    }
    app.confirm(yes, "Delete this conversation for good?", ui)?;
    let said = memory.session_texts(session)?;
    let receipt = memory.delete_session(session);
    let receipt = receipt.context("cannot delete the conversation")?;
    let typed = history::forget(&said, app)?;
    app.forget_read()?;
    Ok(ui.show(&ReceiptView { receipt, typed })?)
}

/// Conversations, newest first.
pub(super) fn list(memory: &Memory, app: &App) -> anyhow::Result<SessionList> {
    let sessions = memory.sessions().context("cannot list conversations")?;
    let views = sessions.iter().map(|summary| {
        Ok(SessionView {
            id: summary.id.to_string(),
            started: At(summary.started),
            last: At(summary.last),
            turns: summary.turns,
            title: title(summary, memory)?,
            day: day(summary.last, &app.zone()),
        })
    });
    Ok(SessionList(views.collect::<anyhow::Result<_>>()?))
}

/// Its title, or else its first words.
fn title(summary: &SessionSummary, memory: &Memory) -> anyhow::Result<String> {
    if !summary.title.is_empty() {
        return Ok(summary.title.clone());
    }
    let episodes = memory.session_episodes(summary.id)?;
    Ok(episodes
        .first()
        .map_or_else(String::new, |first| glance(&first.text)))
}

#[derive(Serialize)]
struct SessionView {
    id: String,
    started: At,
    last: At,
    turns: u64,
    title: String,
    #[serde(skip)]
    day: String,
}

/// Conversations, newest first.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct SessionList(Vec<SessionView>);

impl View for SessionList {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let mut table = Table::new(["id", "last", "turns", "title"]);
        for session in &self.0 {
            table.row([
                &short(&session.id),
                &session.day,
                &session.turns.to_string(),
                &glance(&session.title),
            ]);
        }
        ui.table(&table, "there are no conversations yet")
    }
}
