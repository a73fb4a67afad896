//! What can be done in a conversation besides talking: lines that begin with `/`.

use anyhow::Context as _;

use super::{Chat, Next, UNTITLED};
use crate::cli::failure::Failure;
use crate::cli::memory::forget;
use crate::cli::shown::hit::{HitView, hits};
use crate::cli::shown::item::{MemoryList, MemoryView};
use crate::cli::told::Told;
use crate::cli::{feedback, sessions, why};
use crate::memory::episode::{Feedback, Intent, NewEpisode, Source};
use crate::memory::query::{Filter, Query};
use crate::ui::Ui;
use crate::ui::table::Table;

/// Every command, what it takes and what it does.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("/remember", "WORDS", "keep something"),
    (
        "/forget",
        "ID or WORDS",
        "forget a memory for good, or find what to forget",
    ),
    (
        "/memories",
        "[WORDS]",
        "list what is remembered, or what fits",
    ),
    ("/why", "", "show what the last answer was made from"),
    ("/good", "", "the last answer was good"),
    ("/bad", "", "the last answer was bad"),
    ("/rate", "1-5", "the last answer was worth so much"),
    ("/correct", "WORDS", "the last answer should have been this"),
    ("/new", "", "begin another conversation"),
    ("/sessions", "", "list conversations"),
    ("/model", "", "show the model"),
    ("/help", "", "show this"),
    ("/quit", "", "end"),
];

/// Carries out one line that begins with `/`.
pub(super) fn run(chat: &mut Chat<'_>, line: &str, ui: &mut Ui) -> anyhow::Result<Next> {
    let (command, words) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let words = words.trim();
    match command {
        "/remember" => remember(chat, words, ui)?,
        "/forget" => forget(chat, words, ui)?,
        "/memories" => memories(chat, words, ui)?,
        "/why" => why::explain(Some(chat.session), chat.memory, chat.app, ui)?,
        "/good" => judge(chat, Feedback::Good, ui)?,
        "/bad" => judge(chat, Feedback::Bad, ui)?,
        "/rate" => judge(chat, Feedback::Rating(rating(words)?), ui)?,
        "/correct" => judge(chat, Feedback::Correction(given(words)?.to_owned()), ui)?,
        "/new" => renew(chat, ui)?,
        "/sessions" => ui.show(&sessions::list(chat.memory, chat.app)?)?,
        "/model" => model(chat, ui)?,
        "/help" => help(ui)?,
        "/quit" | "/exit" => return Ok(Next::Quit),
        _ => {
            return Err(Failure::Slash {
                command: command.to_owned(),
            }
            .into());
        }
    }
    Ok(Next::Line)
}

fn given(words: &str) -> Result<&str, Failure> {
    if words.is_empty() {
        return Err(Failure::NoWords);
    }
    Ok(words)
}

fn rating(words: &str) -> Result<u8, Failure> {
    let rating = words.parse().ok().filter(|n| (1..=5).contains(n));
    rating.ok_or_else(|| Failure::NotARating {
        text: words.to_owned(),
    })
}

fn remember(chat: &Chat<'_>, words: &str, ui: &mut Ui) -> anyhow::Result<()> {
    let episode = NewEpisode {
        intent: Intent::Remember,
        ..NewEpisode::said(chat.session, Source::Command, given(words)?)
    };
    let appended = chat.memory.append(episode);
    let appended = appended.context("cannot remember this")?;
    Ok(ui.show(&Told::new(chat.memory, &appended)?)?)
}

/// Forgets what is named exactly; words only show what could be meant.
fn forget(chat: &mut Chat<'_>, words: &str, ui: &mut Ui) -> anyhow::Result<()> {
    if let Ok(item) = chat.memory.find(given(words)?) {
        // What is forgotten may stand in this conversation.
        chat.assistant.stay_off_disk();
        return forget::forget(item, chat.memory, chat.app, ui);
    }
    search(chat, words, ui)?;
    Ok(ui.note("/forget with an identifier of these forgets it")?)
}

fn memories(chat: &Chat<'_>, words: &str, ui: &mut Ui) -> anyhow::Result<()> {
    if !words.is_empty() {
        return search(chat, words, ui);
    }
    let zone = chat.app.zone();
    let memories = chat.memory.memories(&Filter::default())?;
    let views = memories.iter().map(|m| MemoryView::new(m, &zone));
    Ok(ui.show(&MemoryList(views.collect()))?)
}

fn search(chat: &Chat<'_>, words: &str, ui: &mut Ui) -> anyhow::Result<()> {
    let zone = chat.app.zone();
    let query = Query::new(words, chat.app.now());
    let recall = chat.memory.recall(&query);
    let found = recall.context("cannot search memory")?.hits;
    let views: Vec<HitView> = found.iter().map(|h| HitView::new(h, &zone)).collect();
    Ok(hits(&views, ui)?)
}

fn judge(chat: &Chat<'_>, judgement: Feedback, ui: &mut Ui) -> anyhow::Result<()> {
    let answer = why::last_answer(chat.memory, Some(chat.session))?;
    feedback::give(answer.id, judgement, chat.memory, ui)
}

fn renew(chat: &mut Chat<'_>, ui: &mut Ui) -> anyhow::Result<()> {
    let session = chat.memory.new_session(UNTITLED)?;
    chat.assistant.begin(session)?;
    chat.leave()?;
    chat.session = session;
    Ok(ui.note("a new conversation")?)
}

fn model(chat: &Chat<'_>, ui: &mut Ui) -> anyhow::Result<()> {
    let card = chat.assistant.model();
    let mut table = Table::new(["what", "value"]);
    table.row(["name", &card.name]);
    table.row(["architecture", &card.architecture]);
    table.row(["parameters", &card.parameters.to_string()]);
    table.row(["context", &format!("{} tokens", card.context_tokens)]);
    table.row(["digest", &card.digest]);
    Ok(ui.table(&table, "")?)
}

fn help(ui: &mut Ui) -> anyhow::Result<()> {
    let mut table = Table::new(["command", "takes", "does"]);
    for (command, takes, does) in COMMANDS {
        table.row([command, takes, does]);
    }
    Ok(ui.table(&table, "")?)
}
