//! How a command ends: `error:`, each `caused by:`, then `hint:`, and the exit code.
//!
//! The only place of hints and exit codes.

use anyhow::Error;

use crate::config::ConfigError;
use crate::ui::{Tone, Ui, WriteError};

/// Done.
pub(super) const DONE: u8 = 0;
/// Something failed.
const FAILED: u8 = 1;
/// The command line or the configuration is wrong.
const USAGE: u8 = 2;

/// Reports an error; returns the exit code. A reader that went away is no error.
pub(super) fn report(error: &Error, ui: &mut Ui) -> u8 {
    if error.chain().any(closed) {
        return DONE;
    }
    let mut told = error.to_string();
    // Where standard error is gone as well there is nobody left to tell.
    let _ = ui.labelled(Tone::Red, "error", &told);
    for cause in error.chain().skip(1) {
        let text = cause.to_string();
        if text != told {
            let _ = ui.labelled(Tone::Red, "caused by", text.trim_end());
        }
        told = text;
    }
    if let Some(hint) = error.chain().find_map(hint) {
        let _ = ui.labelled(Tone::Cyan, "hint", &hint);
    }
    error.chain().find_map(code).unwrap_or(FAILED)
}

/// Reports what the command line parser has to say: help and version are data.
pub(super) fn usage(error: &clap::Error, ui: &mut Ui) -> u8 {
    let text = error.render().to_string();
    let written = if error.use_stderr() {
        ui.text_aside(&text)
    } else {
        ui.bytes(text.as_bytes())
    };
    match written {
        Ok(()) | Err(WriteError::Closed) if error.use_stderr() => USAGE,
        Ok(()) | Err(WriteError::Closed) => DONE,
        Err(_) => FAILED,
    }
}

type Cause = dyn std::error::Error + 'static;

fn closed(cause: &Cause) -> bool {
    matches!(cause.downcast_ref::<WriteError>(), Some(WriteError::Closed))
}

fn code(cause: &Cause) -> Option<u8> {
    match cause.downcast_ref::<ConfigError>()? {
        ConfigError::Read { .. } => None,
        _ => Some(USAGE),
    }
}

/// What to do next.
fn hint(cause: &Cause) -> Option<String> {
    if let Some(error) = cause.downcast_ref::<ConfigError>() {
        return Some(config_hint(error).to_owned());
    }
    None
}

fn config_hint(error: &ConfigError) -> &'static str {
    match error {
        ConfigError::Read { .. } => "make the file readable for you, or move it away",
        ConfigError::Invalid { .. }
        | ConfigError::UnknownKey { .. }
        | ConfigError::NotASetting { .. } => "`edge config show` lists every key",
        ConfigError::NoHome => "set SCRUBJAY_HOME to a folder of your own",
    }
}
