//! `doctor`: what is there, what is missing, and how to get it.

mod network;

use serde::Serialize;

use crate::cli::failure::Failure;
use crate::cli::shown::count;
use crate::cli::{App, load};
use crate::models::NANO;
use crate::ui::progress::bytes;
use crate::ui::table::Table;
use crate::ui::{Ui, View, WriteError};
use crate::{board, memory};

/// Less free disk than this deserves attention.
const LITTLE_DISK: u64 = 1 << 30;
/// Tokens of context where neither configuration nor board says.
#[cfg(feature = "llama")]
const DEFAULT_CONTEXT: u32 = 4_096;

/// Check model, memory, disk and processor, and say what is missing
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// List the only code that may open a network connection
    #[arg(long)]
    network: bool,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    if args.network {
        ui.show(&network::Network::new())?;
        return Ok(());
    }
    let checks = Checks(vec![
        board(app),
        processor(app),
        working_memory(app),
        disk(app),
        privacy(app),
        configuration(app),
        model(app),
        embedder(app),
        memories(app),
    ]);
    ui.show(&checks)?;
    let missing = checks.0.iter().filter(|c| c.state == State::Missing);
    match missing.count() {
        0 => Ok(()),
        n => Err(Failure::Unwell { n }.into()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Note,
    Missing,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Missing => "missing",
        }
    }
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    state: State,
    found: String,
    advice: Option<String>,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Ok,
            found: found.into(),
            advice: None,
        }
    }

    fn advise(self, state: State, advice: impl Into<String>) -> Self {
        Self {
            state,
            advice: Some(advice.into()),
            ..self
        }
    }

    fn failed(name: &'static str, error: &anyhow::Error, advice: &str) -> Self {
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        Self::ok(name, causes.join(": ")).advise(State::Missing, advice)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Checks(Vec<Check>);

impl View for Checks {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let mut table = Table::new(["what", "state", "found"]);
        for check in &self.0 {
            table.row([check.name, check.state.name(), &check.found]);
        }
        ui.table(&table, "")?;
        for check in &self.0 {
            if let Some(advice) = &check.advice {
                ui.line(&format!("{}: {advice}", check.name))?;
            }
        }
        Ok(())
    }
}

fn board(app: &App) -> Check {
    const NAME: &str = "board";
    match app.board() {
        Some(board) => Check::ok(NAME, format!("{} ({})", board.title, board.name)),
        None => Check::ok(
            NAME,
            app.machine().device_tree.as_deref().unwrap_or("unknown"),
        )
        .advise(State::Note, "no profile describes it: defaults are used"),
    }
}

fn processor(app: &App) -> Check {
    let machine = app.machine();
    let sets = board::instruction_sets();
    let there: Vec<&str> = sets.iter().filter(|s| s.1).map(|s| s.0).collect();
    let lacking: Vec<&str> = sets.iter().filter(|s| !s.1).map(|s| s.0).collect();
    let found = format!("{} cores, {}", machine.cores, there.join(" "));
    let check = Check::ok("processor", found);
    if lacking.is_empty() {
        return check;
    }
    let advice = format!("has no {}: answers come slower", lacking.join(", "));
    check.advise(State::Note, advice)
}

fn working_memory(app: &App) -> Check {
    let total = app.machine().memory_mib;
    let budget = app.config().model.memory_budget_mib;
    let available = board::available_memory_mib();
    let found = format!(
        "{} MiB free of {total} MiB, {} MiB for the model",
        available.map_or_else(|| "?".to_owned(), |n| n.to_string()),
        budget.map_or_else(|| "no limit".to_owned(), |n| n.to_string())
    );
    let check = Check::ok("working memory", found);
    match (available, budget) {
        (Some(free), Some(budget)) if free < budget => check.advise(
            State::Note,
            "less is free than the budget: close programs or set model.memory_budget_mib",
        ),
        _ => check,
    }
}

fn disk(app: &App) -> Check {
    const NAME: &str = "disk";
    let folder = &app.paths().memory;
    let Some(free) = board::disk_free(folder) else {
        return Check::ok(NAME, "unknown").advise(State::Note, "the system does not say");
    };
    let found = format!("{} free for {}", bytes(free), folder.display());
    let check = Check::ok(NAME, found);
    if free < LITTLE_DISK {
        return check.advise(
            State::Note,
            "little is left: free some, or move SCRUBJAY_HOME",
        );
    }
    check
}

/// Whether others on this machine can read what is remembered.
fn privacy(app: &App) -> Check {
    const NAME: &str = "privacy";
    const OTHERS: u32 = 0o077;
    let folder = &app.paths().memory;
    let Ok(found) = fs_err::metadata(folder) else {
        return Check::ok(NAME, "no memory yet; its folder will be yours alone");
    };
    let mode = std::os::unix::fs::PermissionsExt::mode(&found.permissions());
    let check = Check::ok(
        NAME,
        format!("{} has mode {:o}", folder.display(), mode & 0o777),
    );
    if mode & OTHERS == 0 {
        return check;
    }
    let advice = format!("others can look in: chmod 700 {}", folder.display());
    check.advise(State::Note, advice)
}

fn configuration(app: &App) -> Check {
    let path = &app.paths().config_file;
    let found = if path.exists() {
        "read"
    } else {
        "none, defaults hold"
    };
    Check::ok("configuration", format!("{} ({found})", path.display()))
}

/// Whether the model's file is there and fits; it is not loaded.
fn model(app: &App) -> Check {
    const NAME: &str = "model";
    const ADVICE: &str = "`edge model list` shows what is installed; `edge model pull` fetches one";
    let name = match load::model_name(app) {
        Ok(name) => name,
        Err(error) => return Check::failed(NAME, &error.into(), ADVICE),
    };
    match model_found(&name, app) {
        Err(error) => Check::failed(NAME, &error, ADVICE),
        Ok(found) if name == NANO => Check::ok(NAME, found).advise(
            State::Note,
            "nano is a small demonstration model; `edge model pull` fetches a real one",
        ),
        Ok(found) => Check::ok(NAME, found),
    }
}

#[cfg(feature = "llama")]
fn model_found(name: &str, app: &App) -> anyhow::Result<String> {
    let installed = load::catalogue(app).find(name)?;
    let header = crate::llama::file::read(&installed.path)?;
    let config = &app.config().model;
    let tokens = config.context.unwrap_or(DEFAULT_CONTEXT);
    let need = header.need(tokens, config.kv_type.unwrap_or_default());
    Ok(format!(
        "{name}, {}, {} with {tokens} tokens of context",
        header.architecture,
        bytes(need.total())
    ))
}

#[cfg(not(feature = "llama"))]
fn model_found(_: &str, _: &App) -> anyhow::Result<String> {
    Err(Failure::LeftOut { what: "llama.cpp" }.into())
}

fn embedder(app: &App) -> Check {
    const NAME: &str = "embedder";
    match app.embedder() {
        Ok(embedder) if embedder.dimensions() == 0 => Check::ok(NAME, embedder.id())
            .advise(State::Note, "memories are found by their words only"),
        Ok(embedder) => Check::ok(
            NAME,
            format!("{}, {} dimensions", embedder.id(), embedder.dimensions()),
        ),
        Err(error) => Check::failed(
            NAME,
            &error,
            "`edge model use --embedder builtin` goes back to the built-in one",
        ),
    }
}

fn memories(app: &App) -> Check {
    const NAME: &str = "memory";
    let stats = app.memory().and_then(|memory| Ok(memory.stats()?));
    match stats {
        Err(error) => Check::failed(NAME, &error, "`edge memory verify` tells more"),
        Ok(stats) => {
            let found = format!(
                "{}, {}, {}",
                count(stats.memories, "memory", "memories"),
                count(stats.episodes, "turn", "turns"),
                bytes(stats.file_bytes)
            );
            memory_check(Check::ok(NAME, found), &stats)
        }
    }
}

fn memory_check(check: Check, stats: &memory::report::Stats) -> Check {
    if stats.unembedded == 0 {
        return check;
    }
    let advice = format!(
        "{} passages have no vector of the present embedder yet; `edge chat` makes them",
        stats.unembedded
    );
    check.advise(State::Note, advice)
}
