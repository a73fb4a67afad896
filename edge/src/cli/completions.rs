//! `completions`: teach a shell the commands.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::ui::Ui;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell to write it for
    shell: Shell,
}

pub(super) fn run(args: &Args, ui: &mut Ui) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "edge", &mut script);
    ui.bytes(&script)?;
    Ok(())
}
