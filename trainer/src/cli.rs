//! The command line: arguments in, one exit code out.

pub mod distil_embedder;
pub mod evaluate;
pub mod pretrain;
pub mod report;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use shared::clock::Clock;

use crate::ui::Ui;

/// What the process was given.
pub struct Env {
    /// The wall clock.
    pub clock: Box<dyn Clock>,
    /// Environment variables.
    pub variables: BTreeMap<OsString, OsString>,
    /// Where this program lies.
    pub program: Option<PathBuf>,
}

/// Train the very model a device runs
#[derive(Debug, Parser)]
#[command(name = "trainer", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Pretrain(pretrain::Args),
    Evaluate(evaluate::Args),
    DistilEmbedder(distil_embedder::Args),
}

/// Runs one command.
pub fn main(args: impl Iterator<Item = OsString>, env: &Env, ui: &mut Ui) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return report::usage(&error, ui),
    };
    let done = match &cli.command {
        Command::Pretrain(args) => pretrain::run(args, env, ui),
        Command::Evaluate(args) => evaluate::run(args, env, ui),
        Command::DistilEmbedder(args) => distil_embedder::run(args, ui),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::failure(&error, ui),
    }
}

impl Env {
    /// A variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        let value = self.variables.get(OsStr::new(name))?;
        (!value.is_empty()).then_some(value)
    }

    /// Where runs and logs are kept.
    ///
    /// # Errors
    /// If neither `SCRUBJAY_HOME`, `XDG_STATE_HOME` nor `HOME` is set.
    pub fn state_dir(&self) -> anyhow::Result<PathBuf> {
        if let Some(home) = self.variable("SCRUBJAY_HOME") {
            return Ok(PathBuf::from(home).join("state"));
        }
        if let Some(state) = self.variable("XDG_STATE_HOME") {
            return Ok(PathBuf::from(state).join("scrubjay"));
        }
        let home = self
            .variable("HOME")
            .context("cannot find a folder for runs: HOME is not set")?;
        Ok(PathBuf::from(home).join(".local/state/scrubjay"))
    }

    /// The `edge` program: the one asked for, the one beside this program, or one on the path.
    pub fn edge(&self, asked: Option<&PathBuf>) -> Option<PathBuf> {
        if let Some(asked) = asked {
            return Some(asked.clone());
        }
        let beside = self.program.as_ref()?.with_file_name("edge");
        let on_path = self.variable("PATH").into_iter().flat_map(|path| {
            std::env::split_paths(path)
                .map(|folder| folder.join("edge"))
                .collect::<Vec<_>>()
        });
        std::iter::once(beside)
            .chain(on_path)
            .find(|path| path.is_file())
    }
}
