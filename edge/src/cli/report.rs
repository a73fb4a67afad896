//! How a command ends: `error:`, each `caused by:`, then `hint:`, and the exit code.
//!
//! The only place of hints and exit codes.

use anyhow::Error;

use crate::assistant::AssistantError;
use crate::cli::failure::Failure;
use crate::cli::input::InputError;
use crate::config::ConfigError;
#[cfg(feature = "llama")]
use crate::llama::LlamaError;
use crate::memory::MemoryError;
use crate::memory::store::StoreError;
use crate::models::ModelsError;
use crate::server::access::token::TokenError;
use crate::server::listen::ListenError;
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
    cause
        .downcast_ref()
        .map(config_code)
        .or_else(|| cause.downcast_ref().map(failure_code))
        .or_else(|| cause.downcast_ref().map(memory_code))
        .or_else(|| cause.downcast_ref().map(assistant_code))
        .or_else(|| model_code(cause))
}

const fn config_code(error: &ConfigError) -> u8 {
    match error {
        ConfigError::Read { .. } => FAILED,
        _ => USAGE,
    }
}

const fn failure_code(error: &Failure) -> u8 {
    match error {
        Failure::NotATime { .. }
        | Failure::NotAMemory { .. }
        | Failure::NoQuestion
        | Failure::NoWords
        | Failure::NotARating { .. }
        | Failure::Slash { .. } => USAGE,
        Failure::NotConfirmed | Failure::MemoryOff | Failure::NoToken { .. } => REFUSED,
        _ => FAILED,
    }
}

const fn memory_code(error: &MemoryError) -> u8 {
    match error {
        MemoryError::Store(StoreError::Layout { .. }) => REFUSED,
        MemoryError::Rules { .. } => USAGE,
        _ => FAILED,
    }
}

const fn assistant_code(error: &AssistantError) -> u8 {
    match error {
        AssistantError::NoRoom { .. } => USAGE,
        _ => FAILED,
    }
}

#[cfg(feature = "llama")]
fn model_code(cause: &Cause) -> Option<u8> {
    let error: &LlamaError = cause.downcast_ref()?;
    Some(match error {
        LlamaError::Budget { .. } => REFUSED,
        _ => FAILED,
    })
}

#[cfg(not(feature = "llama"))]
const fn model_code(_: &Cause) -> Option<u8> {
    None
}

/// What to do next.
fn hint(cause: &Cause) -> Option<&'static str> {
    cause
        .downcast_ref()
        .map(config_hint)
        .or_else(|| cause.downcast_ref().map(failure_hint))
        .or_else(|| cause.downcast_ref().map(input_hint))
        .or_else(|| cause.downcast_ref().map(memory_hint))
        .or_else(|| cause.downcast_ref().map(assistant_hint))
        .or_else(|| cause.downcast_ref().map(models_hint))
        .or_else(|| cause.downcast_ref().map(listen_hint))
        .or_else(|| cause.downcast_ref().map(token_hint))
        .unwrap_or_else(|| model_hint(cause))
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
        Failure::NoToken { .. } => {
            Some("`edge token new NAME` makes one; or listen on 127.0.0.1, where none is needed")
        }
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
        MemoryError::Unknown { .. } | MemoryError::Ambiguous { .. } => {
            Some("`edge memory list` and `edge memory search` show identifiers")
        }
        MemoryError::Rules { .. } => Some("correct redact.extra in the configuration"),
        MemoryError::TooLong { .. } => Some("split the text into several messages"),
        MemoryError::Store(error) => store_hint(error),
        _ => None,
    }
}

const fn store_hint(error: &StoreError) -> Option<&'static str> {
    match error {
        StoreError::Folder { .. } | StoreError::ReadOnly { .. } => {
            Some("`edge config path` says where memory belongs; `edge doctor` looks at it")
        }
        StoreError::InUse { .. } => Some("end the other program, then try again"),
        StoreError::Damaged { .. } | StoreError::Entry { .. } => Some(
            "`edge memory verify --repair` builds anew what is derived; \
             an export can be read back with `edge memory import`",
        ),
        StoreError::Layout { .. } => Some("use the newest edge that worked on this memory"),
        StoreError::Full { .. } => Some("free some room; nothing that was kept is lost"),
        _ => None,
    }
}

const fn assistant_hint(error: &AssistantError) -> Option<&'static str> {
    match error {
        AssistantError::TooLong { .. } => {
            Some("ask less at once, or give the model more room with --context")
        }
        AssistantError::NoRoom { .. } => Some("lower --max-tokens, or raise --context"),
        AssistantError::Render { .. } => Some("use a model that is made for conversations"),
        _ => None,
    }
}

const fn models_hint(error: &ModelsError) -> Option<&'static str> {
    match error {
        ModelsError::Unknown { .. } => Some("`edge model list` shows what is installed"),
        ModelsError::Taken { .. } => Some("choose another with --name, or remove that one"),
        _ => None,
    }
}

const fn listen_hint(error: &ListenError) -> Option<&'static str> {
    match error {
        ListenError::InUse { .. } => Some("end the other server, or talk to it"),
        ListenError::Address { .. } => Some("take another port: --port, or server.port"),
        _ => None,
    }
}

const fn token_hint(error: &TokenError) -> Option<&'static str> {
    match error {
        TokenError::Unknown { .. } => Some("`edge token list` lists tokens"),
        TokenError::Taken { .. } => Some("choose another name, or revoke that token"),
        _ => None,
    }
}

#[cfg(feature = "llama")]
fn model_hint(cause: &Cause) -> Option<&'static str> {
    let error: &LlamaError = cause.downcast_ref()?;
    match error {
        LlamaError::Budget { .. } => Some(
            "use a smaller model, a shorter context (--context) or an 8-bit cache \
             (--set model.kv_type=q8_0), or raise model.memory_budget_mib",
        ),
        LlamaError::File { .. } => {
            Some("fetch the file again with `edge model pull`, or use another model")
        }
        LlamaError::Load { .. } => {
            Some("use another model; SCRUBJAY_LOG=info shows what llama.cpp said")
        }
        LlamaError::Context { .. } => Some("ask for less with --context"),
        _ => None,
    }
}

#[cfg(not(feature = "llama"))]
const fn model_hint(_: &Cause) -> Option<&'static str> {
    None
}
