//! `model`: the models on this device.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use clap::builder::PossibleValuesParser;

use crate::llama::quantise::{self, QuantType};
use crate::ui::Ui;

/// Manage the models on this device
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Quantise(QuantiseArgs),
}

/// Write a model with fewer bits a weight
#[derive(Debug, clap::Args)]
struct QuantiseArgs {
    /// The model to read: f16, bf16 or f32
    source: PathBuf,
    /// The file to write
    destination: PathBuf,
    /// How weights are stored
    #[arg(long = "type", value_name = "TYPE", default_value = "q4_k_m",
        value_parser = PossibleValuesParser::new(QuantType::names()), ignore_case = true)]
    kind: String,
    /// Compute on this many threads
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=512))]
    threads: u32,
}

pub(super) fn run(args: &Args, ui: &mut Ui) -> anyhow::Result<()> {
    match &args.command {
        Command::Quantise(args) => quantise(args, ui),
    }
}

fn quantise(args: &QuantiseArgs, ui: &mut Ui) -> anyhow::Result<()> {
    let kind: QuantType = args.kind.parse()?;
    quantise::quantise(&args.source, &args.destination, kind, args.threads)
        .context("cannot quantise the model")?;
    ui.note(&format!(
        "wrote {} as {}",
        args.destination.display(),
        kind.name()
    ))?;
    Ok(())
}
