//! From names in the configuration to a model and an embedder in memory.

use std::path::Path;
use std::sync::Arc;

use crate::cli::App;
use crate::cli::failure::Failure;
use crate::generate::LanguageModel;
use crate::memory::embedder::{Embedder, Lexical};

/// The embedder that is compiled in.
const BUILTIN: &str = "builtin";
/// No embedder: memories are found by their words.
const NONE: &str = "none";

/// The embedder that the configuration names; the built-in one if it names none.
pub(super) fn embedder(app: &App) -> anyhow::Result<Arc<dyn Embedder>> {
    match app.config().memory.embedder.as_deref() {
        Some(NONE) => Ok(Arc::new(Lexical)),
        Some(BUILTIN) | None => builtin_embedder(),
        Some(name) => open_embedder(Path::new(name)),
    }
}

#[cfg(feature = "embed")]
fn builtin_embedder() -> anyhow::Result<Arc<dyn Embedder>> {
    Ok(crate::embed::builtin()?)
}

#[cfg(feature = "embed")]
fn open_embedder(folder: &Path) -> anyhow::Result<Arc<dyn Embedder>> {
    Ok(crate::embed::open(folder)?)
}

/// Without tract there is nothing to fall back from: recall is by words.
#[cfg(not(feature = "embed"))]
fn builtin_embedder() -> anyhow::Result<Arc<dyn Embedder>> {
    Ok(Arc::new(Lexical))
}

#[cfg(not(feature = "embed"))]
fn open_embedder(_: &Path) -> anyhow::Result<Arc<dyn Embedder>> {
    Err(Failure::LeftOut { what: "embedder" }.into())
}

/// The model that the configuration names.
#[cfg(feature = "llama")]
pub(super) fn model(app: &App) -> anyhow::Result<Box<dyn LanguageModel>> {
    use shared::board::Threads;

    use crate::llama::{LoadOptions, Mapping, Repack, load};

    let config = &app.config().model;
    let path = config.name.as_deref().ok_or(Failure::NoModel)?;
    let mut options = LoadOptions::new(path);
    options.context_tokens = config.context.unwrap_or(options.context_tokens);
    options.threads = Threads {
        prefill: config.threads_prefill.unwrap_or(options.threads.prefill),
        decode: config.threads.unwrap_or(options.threads.decode),
    };
    options.kv_type = config.kv_type.unwrap_or(options.kv_type);
    if !config.mmap {
        options.mapping = Mapping::Copied;
    }
    if config.repack {
        options.repack = Repack::Yes;
    }
    options.budget = config.memory_budget_mib.map(|mib| mib << 20);
    Ok(Box::new(load(&options)?))
}

/// Without llama.cpp nothing answers.
#[cfg(not(feature = "llama"))]
pub(super) fn model(_: &App) -> anyhow::Result<Box<dyn LanguageModel>> {
    Err(Failure::LeftOut { what: "llama.cpp" }.into())
}
