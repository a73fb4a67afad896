//! From names in the configuration to a model and an embedder in memory.

use std::path::Path;
use std::sync::Arc;

#[cfg(feature = "llama")]
use anyhow::Context as _;
#[cfg(feature = "llama")]
use shared::board::Threads;

use crate::cli::App;
#[cfg(not(all(feature = "embed", feature = "llama")))]
use crate::cli::failure::Failure;
use crate::config::Origin;
#[cfg(feature = "llama")]
use crate::generate::Engine as _;
use crate::generate::LanguageModel;
#[cfg(feature = "llama")]
use crate::llama::engine::{Engine, EngineOptions};
#[cfg(feature = "llama")]
use crate::llama::snapshot::SnapshotOptions;
#[cfg(feature = "llama")]
use crate::llama::{LoadOptions, Mapping, Repack};
use crate::memory::embedder::{Embedder, Lexical};
use crate::models::{Catalogue, ModelsError};
use crate::server::Load;
#[cfg(feature = "llama")]
use crate::server::Started;
use crate::server::client::RemoteModel;

/// No embedder: memories are found by their words.
const NONE: &str = "none";

/// The models and embedders on this device.
pub(super) fn catalogue(app: &App) -> Catalogue {
    Catalogue::new(&app.paths().models, &app.paths().cache)
}

/// The name of the model that is to run: the configuration's, or the one that was chosen.
pub(super) fn model_name(app: &App) -> Result<String, ModelsError> {
    match &app.config().model.name {
        Some(name) => Ok(name.clone()),
        None => catalogue(app).chosen(),
    }
}

/// The embedder that the configuration names, or the one that was chosen.
pub(super) fn embedder(app: &App) -> anyhow::Result<Arc<dyn Embedder>> {
    let catalogue = catalogue(app);
    let name = match &app.config().memory.embedder {
        Some(name) => name.clone(),
        None => catalogue.chosen_embedder()?,
    };
    if name == NONE {
        return Ok(Arc::new(Lexical));
    }
    match catalogue.find_embedder(&name)? {
        None => builtin_embedder(),
        Some(folder) => open_embedder(&folder),
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

/// The model of this device's server, where it is the one that the configuration names
/// and no flag asks for another context or other threads.
pub(super) fn served(app: &App) -> Option<RemoteModel> {
    let is_flag = |key: &&str| {
        let value = app.resolved().value(key);
        value.is_some_and(|(_, origin)| *origin == Origin::Flag)
    };
    if OWN_MODEL.iter().any(is_flag) {
        return None;
    }
    let wanted = catalogue(app).find(&model_name(app).ok()?).ok()?;
    let served = RemoteModel::find(&app.paths().socket())?;
    // A file that nobody weighed may be another of the same name.
    let is_it = wanted.digest? == served.card().digest;
    is_it.then_some(served)
}

/// Flags that ask for a model of one's own.
const OWN_MODEL: &[&str] = &[
    "model.context",
    "model.threads",
    "model.threads_prefill",
    "model.kv_type",
    "model.mmap",
    "model.repack",
    "model.memory_budget_mib",
];

/// How the configuration has its model loaded.
#[cfg(feature = "llama")]
pub(super) fn options(app: &App) -> anyhow::Result<LoadOptions> {
    let config = &app.config().model;
    let installed = catalogue(app).find(&model_name(app)?)?;
    let mut options = LoadOptions::new(installed.path);
    options.digest = installed.digest;
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
    Ok(options)
}

/// How the configuration has answers made, one at a time. Where nothing is to be kept,
/// nothing is kept on disk.
#[cfg(feature = "llama")]
pub(super) fn engine_options(app: &App) -> EngineOptions {
    let config = app.config();
    let most_bytes = config.model.snapshots_mib << 20;
    let keeps = config.memory.enabled && most_bytes > 0;
    EngineOptions {
        snapshots: keeps.then(|| SnapshotOptions {
            folder: app.paths().snapshots(),
            most_bytes,
        }),
        ..EngineOptions::default()
    }
}

/// The model that the configuration names.
#[cfg(feature = "llama")]
pub(super) fn model(app: &App) -> anyhow::Result<Box<dyn LanguageModel>> {
    let engine = Engine::start(&options(app)?, &engine_options(app))?;
    app.started(Arc::new(engine.clone()), engine.notes());
    Ok(engine.model())
}

/// What loads the model that the configuration names for many at once.
#[cfg(feature = "llama")]
pub(super) fn engine(app: &App) -> anyhow::Result<Load<anyhow::Error>> {
    let name = catalogue(app).find(&model_name(app)?)?.name;
    let load = options(app)?;
    let config = &app.config().server;
    let options = EngineOptions {
        slots: config.slots,
        queue: config.queue,
        ..engine_options(app)
    };
    Ok(Box::new(move || {
        let engine = Engine::start(&load, &options).context("cannot load the model")?;
        let notes = engine.notes().to_vec();
        let engine: Arc<dyn crate::generate::Engine> = Arc::new(engine);
        Ok(Started {
            name,
            engine,
            notes,
        })
    }))
}

/// Without llama.cpp nothing answers.
#[cfg(not(feature = "llama"))]
pub(super) fn model(_: &App) -> anyhow::Result<Box<dyn LanguageModel>> {
    Err(Failure::LeftOut { what: "llama.cpp" }.into())
}

/// Without llama.cpp nothing is served.
#[cfg(not(feature = "llama"))]
pub(super) fn engine(_: &App) -> anyhow::Result<Load<anyhow::Error>> {
    Err(Failure::LeftOut { what: "llama.cpp" }.into())
}
