//! How a command ends: `error:`, each `caused by:`, then `hint:`, and the exit code.
//!
//! The only place of hints and exit codes.

use anyhow::Error;

use crate::cli::failure::Failure;
use crate::cli::input::InputError;
use crate::config::ConfigError;
use crate::memory::MemoryError;
use crate::ui::{Tone, Ui};

/// Done.
pub(super) const DONE: u8 = 0;
/// Something failed.
const FAILED: u8 = 1;
/// The command line or the configuration is wrong.
const USAGE: u8 = 2;
/// Allowed by neither the person, a policy, a signature nor compatibility.
const REFUSED: u8 = 3;

/// Reports an error; returns the exit code. A reader that went away is no error.
pub(super) fn report(error: &Error, ui: &mut Ui) -> u8 {
    if ui.is_closed() {
        return DONE;
    }
    tell(error, ui);
    error.chain().find_map(code).unwrap_or(FAILED)
}

/// Tells an error, its causes and what to do next.
pub(super) fn tell(error: &Error, ui: &mut Ui) {
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
        let _ = ui.labelled(Tone::Cyan, "hint", hint);
    }
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
        _ if error.use_stderr() => USAGE,
        Err(_) if !ui.is_closed() => FAILED,
        _ => DONE,
    }
}

type Cause = dyn std::error::Error + 'static;

fn code(cause: &Cause) -> Option<u8> {
    if let Some(error) = cause.downcast_ref::<ConfigError>() {
        return (!matches!(error, ConfigError::Read { .. })).then_some(USAGE);
    }
    match cause.downcast_ref::<Failure>()? {
        Failure::NotATime { .. }
        | Failure::NotAMemory { .. }
        | Failure::NoQuestion
        | Failure::NoWords
        | Failure::NotARating { .. }
        | Failure::Slash { .. } => Some(USAGE),
        Failure::NotConfirmed | Failure::MemoryOff => Some(REFUSED),
        _ => None,
    }
}

/// What to do next.
fn hint(cause: &Cause) -> Option<&'static str> {
    cause
        .downcast_ref()
        .map(config_hint)
        .or_else(|| cause.downcast_ref().map(failure_hint))
        .or_else(|| cause.downcast_ref().map(input_hint))
        .or_else(|| cause.downcast_ref().map(memory_hint))?
}

const fn config_hint(error: &ConfigError) -> Option<&'static str> {
    Some(match error {
        ConfigError::Read { .. } => "make the file readable for you, or move it away",
        ConfigError::Invalid { .. } => "correct the value, or take it out",
        ConfigError::UnknownKey { .. } | ConfigError::NotASetting { .. } => {
            "`edge config show` lists every key"
        }
        ConfigError::UnknownBoard { .. } | ConfigError::Boards { .. } => {
            "set device.board to \"auto\", or to a profile in `boards/`"
        }
        ConfigError::NoHome => "set SCRUBJAY_HOME to a folder of your own",
    })
}

const fn failure_hint(error: &Failure) -> Option<&'static str> {
    match error {
        Failure::NotConfirmed => Some("--yes does it without asking"),
        Failure::NotAMemory { .. } => Some("`edge memory list` lists memories"),
        Failure::NoAnswer => Some("ask something first: `edge chat` or `edge ask`"),
        Failure::Session { .. } => Some("`edge sessions list` lists conversations"),
        Failure::NotATime { .. } => Some("write a day (2026-03-12), an instant or a span (3 days)"),
        Failure::NoQuestion => Some("give words, or text on standard input"),
        Failure::Unwell { .. } => Some("each missing thing has its advice above"),
        Failure::Faults { .. } => Some("`edge memory verify --repair` builds anew what is derived"),
        Failure::MemoryOff => Some("leave out --no-memory, or set memory.enabled = true"),
        #[cfg(not(all(feature = "embed", feature = "llama")))]
        Failure::LeftOut { .. } => Some("build it with its default features"),
        Failure::Slash { .. } => Some("/help lists the commands"),
        Failure::Read { .. } | Failure::NoWords | Failure::NotARating { .. } => None,
    }
}

const fn input_hint(error: &InputError) -> Option<&'static str> {
    match error {
        InputError::TooLong { .. } => Some("split the text into several messages"),
        InputError::NotText { .. } => Some("convert it, for example with `iconv -t UTF-8`"),
        InputError::Read { .. } => None,
    }
}

const fn memory_hint(error: &MemoryError) -> Option<&'static str> {
    match error {
        MemoryError::Unknown { .. } => {
            Some("`edge memory list` and `edge memory search` show identifiers")
        }
        _ => None,
    }
}
