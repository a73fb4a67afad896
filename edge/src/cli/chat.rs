//! `chat`: a conversation, on a terminal or line by line from a script.
//!
//! On a terminal an error ends the turn; in a script it ends the program, for the
//! answers that follow would stand beside the wrong questions. Ctrl-C stops the answer
//! on a terminal, and ends a script.

mod slash;

use anyhow::Context as _;
use shared::id::SessionId;
use shared::redact::Redactor;

use crate::assistant::Assistant;
use crate::cli::background::Reembedding;
use crate::cli::failure::Failure;
use crate::cli::shown::count;
use crate::cli::{App, history, load, report, sessions, talk};
use crate::memory::Memory;
use crate::memory::episode::Source;
use crate::models::NANO;
use crate::ui::Ui;
use crate::ui::editor::{Editor, Entered};

/// What stands before the line a person types.
const PROMPT: &str = "> ";
/// The title of a conversation: none, for its first words tell it.
const UNTITLED: &str = "";

/// Talk; without a terminal, answer standard input line by line
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Go on with this conversation, or with the newest
    #[arg(long, value_name = "ID", num_args = 0..=1)]
    resume: Option<Option<String>>,
    #[command(flatten)]
    talk: talk::Args,
}

impl Args {
    pub(super) fn settings(&self) -> Vec<String> {
        self.talk.settings()
    }
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let session = match &args.resume {
        None => None,
        Some(name) => Some(sessions::find(&*app.memory()?, name.as_deref())?),
    };
    start(session, app, ui)
}

/// Talks in `session`, or in a new one.
pub(super) fn start(session: Option<SessionId>, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let memory = app.conversation_memory()?;
    let session = match session {
        Some(_) if !app.config().memory.enabled => return Err(Failure::MemoryOff.into()),
        Some(session) => session,
        None => memory.new_session(UNTITLED)?,
    };
    let assistant = app.assistant(&memory, session, Source::Chat)?;
    app.tell_notes(ui)?;
    let mut chat = Chat {
        memory: &memory,
        session,
        assistant,
        app,
    };
    let work = Reembedding::start(&memory);
    let talked = if app.input().is_terminal() {
        chat.on_a_terminal(ui)
    } else {
        chat.in_a_script(ui)
    };
    chat.leave()?;
    work.stop(ui)?;
    talked
}

/// Whether the conversation goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Line,
    Quit,
}

/// A conversation that is going on.
struct Chat<'a> {
    memory: &'a Memory,
    session: SessionId,
    assistant: Assistant,
    app: &'a App,
}

impl Chat<'_> {
    fn in_a_script(&mut self, ui: &mut Ui) -> anyhow::Result<()> {
        loop {
            let line = self.app.input().line()?;
            let Some(line) = line else {
                return Ok(());
            };
            if self.line(&line, ui)? == Next::Quit {
                return Ok(());
            }
        }
    }

    fn on_a_terminal(&mut self, ui: &mut Ui) -> anyhow::Result<()> {
        self.greet(ui)?;
        let interrupt = self.app.interrupt();
        let redactor = Redactor::new(&self.app.config().redact)?;
        let mut editor = Editor::open(&self.app.history_file()?)?;
        loop {
            match editor.line(PROMPT)? {
                Entered::End => break,
                Entered::Cleared => ui.note("/quit or Ctrl-D ends the conversation")?,
                Entered::Line(line) => {
                    history::keep(&line, &redactor, &mut editor)?;
                    match interrupt.listen(|| self.line(&line, ui)) {
                        Ok(Next::Line) => {}
                        Ok(Next::Quit) => break,
                        Err(error) => report::tell(&error, ui),
                    }
                }
            }
        }
        Ok(editor.save()?)
    }

    /// One line: nothing, a command or words.
    fn line(&mut self, line: &str, ui: &mut Ui) -> anyhow::Result<Next> {
        let line = line.trim();
        if line.is_empty() {
            return Ok(Next::Line);
        }
        if line.starts_with('/') {
            return slash::run(self, line, ui);
        }
        talk::turn(&mut self.assistant, line, self.memory, self.app, ui)?;
        Ok(Next::Line)
    }

    /// A conversation in which nothing was said is not kept.
    fn leave(&self) -> anyhow::Result<()> {
        if self.memory.session_episodes(self.session)?.is_empty() {
            self.memory.delete_session(self.session)?;
        }
        Ok(())
    }

    fn greet(&self, ui: &mut Ui) -> anyhow::Result<()> {
        let stats = self.memory.stats().context("cannot count memories")?;
        ui.note(&format!(
            "{}, {}, offline. /help lists commands.",
            self.assistant.model().name,
            count(stats.memories, "memory", "memories")
        ))?;
        if load::model_name(self.app)? == NANO {
            ui.note(
                "nano is a small demonstration model: it answers from what you tell it and \
                 knows little else.\nA real one: `edge model pull hf:OWNER/REPOSITORY:FILE.gguf` \
                 or `edge model add FILE.gguf`.",
            )?;
        }
        if !self.app.config().memory.enabled {
            ui.note("nothing of this conversation is recalled or kept")?;
        }
        Ok(())
    }
}
