//! `memory`: what is remembered, and its upkeep.

mod add;
mod bench;
mod compact;
mod correct;
mod export;
mod filter;
pub(super) mod forget;
mod import;
mod list;
mod pin;
mod prune;
mod search;
mod show;
mod stats;
mod verify;

use shared::id::MemoryId;

use crate::cli::App;
use crate::cli::failure::Failure;
use crate::memory::Memory;
use crate::memory::episode::ItemId;
use crate::ui::Ui;

/// Look after what is remembered
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Add(add::Args),
    List(list::Args),
    Search(search::Args),
    Show(show::Args),
    Correct(correct::Args),
    Forget(forget::Args),
    Pin(pin::Args),
    Stats(stats::Args),
    Export(export::Args),
    Import(import::Args),
    Verify(verify::Args),
    Compact(compact::Args),
    Prune(prune::Args),
    Bench(bench::Args),
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    match &args.command {
        Command::Add(args) => add::run(args, app, ui),
        Command::List(args) => list::run(args, app, ui),
        Command::Search(args) => search::run(args, app, ui),
        Command::Show(args) => show::run(args, app, ui),
        Command::Correct(args) => correct::run(args, app, ui),
        Command::Forget(args) => forget::run(args, app, ui),
        Command::Pin(args) => pin::run(args, app, ui),
        Command::Stats(args) => stats::run(args, app, ui),
        Command::Export(args) => export::run(args, app, ui),
        Command::Import(args) => import::run(args, app, ui),
        Command::Verify(args) => verify::run(args, app, ui),
        Command::Compact(args) => compact::run(args, app, ui),
        Command::Prune(args) => prune::run(args, app, ui),
        Command::Bench(args) => bench::run(args, app, ui),
    }
}

/// The memory called `name`.
fn memory_id(memory: &Memory, name: &str) -> anyhow::Result<MemoryId> {
    match memory.find(name)? {
        ItemId::Memory(id) => Ok(id),
        ItemId::Episode(_) => Err(Failure::NotAMemory {
            name: name.to_owned(),
        }
        .into()),
    }
}
