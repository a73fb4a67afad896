//! What requests share.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use jiff::civil::Date;
use serde_json::Value;
use shared::clock::{Clock, Timestamp};
use shared::template::Entry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::access::token::Tokens;
use super::conversations::Conversations;
use super::metrics::Metrics;
use super::refusal::Refusal;
use super::{Parts, Settings};
use crate::assistant::AssistantError;
use crate::generate::{Engine, LanguageModel, Token};
use crate::memory::Memory;
use crate::memory::embedder::Embedder;
use crate::prompt::render::Renderer;

/// When a request that found no place is told to come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What requests share.
pub(super) struct Shared {
    pub(super) memory: Arc<Memory>,
    pub(super) embedder: Arc<dyn Embedder>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) started: Timestamp,
    pub(super) tokens: Tokens,
    /// The folder of adapters.
    pub(super) adapters: PathBuf,
    pub(super) forget_typed: super::ForgetTyped,
    pub(super) limits: super::Limits,
    pub(super) conversations: Conversations,
    pub(super) metrics: Metrics,
    /// Running answers are to end now.
    pub(super) stopping: AtomicBool,
    settings: RwLock<Arc<Settings>>,
    loaded: OnceLock<Arc<Loaded>>,
    places: Arc<Semaphore>,
}

impl Shared {
    pub(super) fn new(parts: Parts, settings: Settings) -> Self {
        Self {
            memory: parts.memory,
            embedder: parts.embedder,
            started: parts.clock.now(),
            clock: parts.clock,
            tokens: parts.tokens,
            adapters: parts.adapters,
            forget_typed: parts.forget_typed,
            places: Arc::new(Semaphore::new(parts.limits.answers)),
            limits: parts.limits,
            conversations: Conversations::default(),
            metrics: Metrics::default(),
            stopping: AtomicBool::new(false),
            settings: RwLock::new(Arc::new(settings)),
            loaded: OnceLock::new(),
        }
    }

    /// The settings as they are now.
    pub(super) fn settings(&self) -> Arc<Settings> {
        let settings = self.settings.read();
        Arc::clone(&settings.unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes other settings; requests that run go on with the old ones.
    pub(super) fn set_settings(&self, settings: Settings) {
        let mut present = self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *present = Arc::new(settings);
    }

    /// The model, from now on; the first one stays.
    pub(super) fn set_loaded(&self, loaded: Loaded) {
        let _ = self.loaded.set(Arc::new(loaded));
    }

    /// The model, if it is loaded.
    pub(super) fn loaded(&self) -> Option<&Arc<Loaded>> {
        self.loaded.get()
    }

    /// The model.
    ///
    /// # Errors
    /// [`Refusal`] while it is being loaded.
    pub(super) fn engine(&self) -> Result<&Arc<Loaded>, Refusal> {
        let loading = || Refusal::unavailable("loading", "the model is being loaded");
        self.loaded().ok_or_else(loading)
    }

    /// The model, if it is called `name`.
    ///
    /// # Errors
    /// [`Refusal`] while it is being loaded, and if it is called otherwise.
    pub(super) fn model_named(&self, name: &str) -> Result<Arc<Loaded>, Refusal> {
        let loaded = self.engine()?;
        if name == loaded.name || name == loaded.engine.card().name {
            return Ok(Arc::clone(loaded));
        }
        Err(Refusal::unknown_model(name, &loaded.name))
    }

    /// Places for answers, given back when dropped.
    ///
    /// # Errors
    /// [`Refusal`] where fewer are free.
    pub(super) fn places(&self, count: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let places = Arc::clone(&self.places).try_acquire_many_owned(count);
        places.map_err(|_| Refusal::busy(RETRY_AFTER))
    }
}

/// A model that is loaded.
pub(super) struct Loaded {
    /// What it is called here.
    pub(super) name: String,
    pub(super) engine: Arc<dyn Engine>,
    renderer: Mutex<Option<(Date, Arc<Renderer>)>>,
}

impl Loaded {
    pub(super) fn new(name: String, engine: Arc<dyn Engine>) -> Self {
        Self {
            name,
            engine,
            renderer: Mutex::new(None),
        }
    }

    /// The tokens of a conversation.
    ///
    /// # Errors
    /// [`AssistantError::Render`] if the model's template does not take it.
    pub(super) fn prompt(
        &self,
        messages: &[Entry],
        tools: &[Value],
        model: &dyn LanguageModel,
        shared: &Shared,
    ) -> Result<Vec<Token>, AssistantError> {
        let today = shared.clock.now().date(&shared.settings().assistant.zone);
        let renderer = self.renderer(today)?;
        Ok(renderer.tokens_with_tools(messages, tools, model)?)
    }

    /// Whether the model's template says anything about tools.
    ///
    /// # Errors
    /// [`AssistantError::Render`] if it cannot be read.
    pub(super) fn knows_tools(&self, shared: &Shared) -> Result<bool, AssistantError> {
        let today = shared.clock.now().date(&shared.settings().assistant.zone);
        Ok(self.renderer(today)?.knows_tools())
    }

    /// The template, compiled once a day.
    fn renderer(&self, today: Date) -> Result<Arc<Renderer>, AssistantError> {
        let mut kept = self.renderer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, renderer)) = kept.as_ref().filter(|(date, _)| *date == today) {
            return Ok(Arc::clone(renderer));
        }
        let renderer = Arc::new(Renderer::new(self.engine.card(), Some(today))?);
        *kept = Some((today, Arc::clone(&renderer)));
        Ok(renderer)
    }
}
