//! `mcp`: this memory as tools for editors and agents.

use anyhow::Context as _;

use crate::cli::{App, history};
use crate::mcp;
use crate::mcp::desk::{Access, Desk};

/// Serve memory to an editor or an agent, by the Model Context Protocol
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Let it recall only: it can neither remember nor forget
    #[arg(long)]
    read_only: bool,
}

pub(super) fn run(args: &Args, app: &App) -> anyhow::Result<()> {
    let access = if args.read_only {
        Access::Read
    } else {
        Access::Write
    };
    let typed = app.paths().history();
    let forget_typed = move |texts: &[String]| history::remove(&typed, texts);
    let desk = Desk::new(app.memory()?, app.clock(), access, Box::new(forget_typed));
    mcp::serve_stdio(desk).context("cannot serve the client")
}
