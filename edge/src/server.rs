//! The HTTP server: the standard API before the model and the memory of this device.
//!
//! Routes of OpenAI's API under `/v1/`, our own under `/api/`, `/health`, `/metrics`, and the
//! web page at `/`.
//! The only asynchronous code of the program: models and memory block, so they work on
//! threads of their own and are heard over bounded channels ([`generation`]).
//!
//! # Invariants
//! - What is not supported is refused by name, never ignored ([`fields`]).
//! - No route is open but those that say so ([`access`]).
//! - Bodies, headers, connections, answers and times have limits ([`Limits`]).
//! - Logs hold routes, statuses and durations, never a word of a user's.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{MethodRouter, get, post};
use serde_json::{Value, json};
use shared::clock::Clock;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::assistant;
use crate::assistant::defaults::Defaults;
use crate::generate::Engine;
use crate::memory::Memory;
use crate::memory::embedder::Embedder;
use crate::memory::query::MemoryUse;
use access::token::{Scope, Tokens};
use access::{Door, Need};
use listen::Doors;
use refusal::Refusal;
use state::{Loaded, Shared};
use systemd::Notifier;

pub mod access;
mod answer;
mod api;
mod body;
mod chat;
pub mod client;
mod completions;
mod conversations;
pub mod decode;
mod embeddings;
mod fields;
mod generation;
pub mod listen;
mod logprobs;
mod metrics;
mod models;
mod page;
mod refusal;
mod responses;
mod sse;
mod state;
pub mod systemd;
mod talk;
mod tools;
mod view;
mod wire;

/// What the server is made of.
pub struct Parts {
    /// What is remembered.
    pub memory: Arc<Memory>,
    /// Makes vectors.
    pub embedder: Arc<dyn Embedder>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Who may come in.
    pub tokens: Tokens,
    /// The folder of adapters.
    pub adapters: PathBuf,
    /// Forgets what was typed elsewhere.
    pub forget_typed: ForgetTyped,
    /// What it bears.
    pub limits: Limits,
}

/// Removes every line of what was typed that holds one of these texts; how many.
pub type ForgetTyped = Arc<dyn Fn(&[String]) -> io::Result<usize> + Send + Sync>;

/// What may change while the server runs.
#[derive(Clone)]
pub struct Settings {
    /// How memory is used in answers.
    pub assistant: assistant::Settings,
    /// What holds for answers where a request does not say otherwise.
    pub defaults: Defaults,
    /// What a request with a token gets that says nothing of memory.
    pub memory: MemoryUse,
    /// Whether a token is needed on this machine, too.
    pub require_token: bool,
    /// Names of this machine that browsers may use.
    pub hosts: Vec<String>,
}

/// What the server bears.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Answers that are made or wait at once.
    pub answers: usize,
    /// Connections at once.
    pub connections: usize,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Bytes of a request's headers.
    pub header_bytes: usize,
    /// Time for a request's headers to come.
    pub header_time: Duration,
    /// Time for a request's body to come.
    pub body_time: Duration,
    /// Time that running answers are given when the server is stopped.
    pub stop_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answers: 64,
            connections: 256,
            body_bytes: 8 << 20,
            header_bytes: 32 << 10,
            header_time: Duration::from_secs(15),
            body_time: Duration::from_secs(60),
            stop_time: Duration::from_secs(20),
        }
    }
}

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The system does not let it run.
    #[error("the server cannot run")]
    System {
        /// The system's reason.
        #[from]
        source: io::Error,
    },
    /// The thread that loads the model broke down.
    #[error("the model's loading broke down")]
    Load,
}

/// What happens to a server.
#[derive(Debug)]
pub enum Happened<E> {
    /// The model is loaded; what is worth knowing of that.
    Ready(Vec<String>),
    /// The settings were read anew, or could not be.
    Reloaded(Result<(), E>),
    /// It was told to end; running answers go on for a while.
    Stopping,
}

/// A model that was started.
pub struct Started {
    /// What it is called here.
    pub name: String,
    /// What runs it.
    pub engine: Arc<dyn Engine>,
    /// What is worth knowing of how it was started.
    pub notes: Vec<String>,
}

/// Starts a model.
pub type Load<E> = Box<dyn FnOnce() -> Result<Started, E> + Send>;

/// What the server asks of its surroundings.
pub struct Hooks<'a, E> {
    /// Loads the model.
    pub load: Load<E>,
    /// Reads the settings anew.
    pub reload: Box<dyn Fn() -> Result<Settings, E> + 'a>,
}

/// The server.
pub struct Server(Arc<Shared>);

impl Server {
    /// A server that has no model yet.
    pub fn new(parts: Parts, settings: Settings) -> Self {
        Self(Arc::new(Shared::new(parts, settings)))
    }

    /// Takes a model, under this name.
    pub fn ready(&self, name: String, engine: Arc<dyn Engine>) {
        self.0.set_loaded(Loaded::new(name, engine));
    }

    /// Serves until a signal ends it, or the model cannot be loaded.
    ///
    /// # Errors
    /// [`ServeError`] if it cannot run, and what [`Hooks::load`] says.
    pub fn run<E>(
        &self,
        doors: Doors,
        notifier: &Notifier,
        hooks: Hooks<'_, E>,
        on: &mut dyn FnMut(Happened<E>),
    ) -> Result<(), E>
    where
        E: From<ServeError> + Send + 'static,
    {
        let system = |source| E::from(ServeError::System { source });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .max_blocking_threads(self.0.limits.answers + SPARE_THREADS)
            .enable_all()
            .build()
            .map_err(system)?;
        let ended = runtime.block_on(self.serve(doors, notifier, hooks, on));
        // Whoever still computes was told to stop.
        runtime.shutdown_timeout(LAST_MOMENT);
        ended
    }

    async fn serve<E>(
        &self,
        doors: Doors,
        notifier: &Notifier,
        hooks: Hooks<'_, E>,
        on: &mut dyn FnMut(Happened<E>),
    ) -> Result<(), E>
    where
        E: From<ServeError> + Send + 'static,
    {
        let system = |source| E::from(ServeError::System { source });
        let mut ends = Ends::new().map_err(system)?;
        let mut reload = signal(SignalKind::hangup()).map_err(system)?;
        let serving = listen::serve(doors, &self.0.limits, |door| self.router(door));
        let serving = serving.map_err(system)?;
        let mut loading = tokio::task::spawn_blocking(hooks.load);
        let mut loaded = false;
        loop {
            tokio::select! {
                model = &mut loading, if !loaded => {
                    let started = model.map_err(|_| E::from(ServeError::Load))??;
                    notifier.ready(&started.name);
                    self.ready(started.name, started.engine);
                    loaded = true;
                    on(Happened::Ready(started.notes));
                }
                _ = reload.recv() => {
                    notifier.reloading();
                    let settings = (hooks.reload)();
                    on(Happened::Reloaded(settings.map(|settings| self.0.set_settings(settings))));
                    notifier.ready("reloaded");
                }
                () = ends.wait() => break,
            }
        }
        notifier.stopping();
        on(Happened::Stopping);
        self.end(serving, &mut ends).await;
        Ok(())
    }

    /// Lets running answers end, for a while or until a second signal; then they are told.
    async fn end(&self, serving: listen::Serving, ends: &mut Ends) {
        let mut ending = std::pin::pin!(serving.end());
        tokio::select! {
            () = &mut ending => return,
            () = ends.wait() => {}
            () = tokio::time::sleep(self.0.limits.stop_time) => {}
        }
        self.0.stopping.store(true, Ordering::Relaxed);
        // What does not end now never will.
        let _ = tokio::time::timeout(LAST_MOMENT, ending).await;
    }

    /// Every route, as it is behind a door.
    fn router(&self, door: Door) -> Router {
        let shared = &self.0;
        let mut router = Router::new();
        for route in routes()
            .into_iter()
            .chain(api::routes())
            .chain(page::routes())
        {
            let guarded = from_fn_with_state((Arc::clone(shared), door, route.need), access::guard);
            router = router.route(route.path, route.handler.layer(guarded));
        }
        router
            .method_not_allowed_fallback(|| async {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                Refusal::status(status, "method_not_allowed", "this route has other methods")
            })
            .fallback(|| async { Refusal::not_found("there is no such route") })
            .layer(from_fn_with_state(Arc::clone(shared), metrics::observe))
            .layer(map_response(harden))
            .with_state(Arc::clone(shared))
    }
}

/// Threads that write and read; the work itself is done on others.
const WORKERS: usize = 2;
/// Threads beside those that answer: embeddings, memory, loading.
const SPARE_THREADS: usize = 16;
/// Time for what was told to stop.
const LAST_MOMENT: Duration = Duration::from_secs(2);

/// The signals that end a service.
struct Ends {
    interrupt: Signal,
    terminate: Signal,
}

impl Ends {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for one of them.
    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// A route: where, for whom, and what it does.
struct Route {
    path: &'static str,
    need: Need,
    handler: MethodRouter<Arc<Shared>>,
}

const fn route(path: &'static str, need: Need, handler: MethodRouter<Arc<Shared>>) -> Route {
    Route {
        path,
        need,
        handler,
    }
}

/// Every route.
fn routes() -> Vec<Route> {
    let chat = Need::Scope(Scope::Chat);
    let admin = Need::Scope(Scope::Admin);
    vec![
        route("/health", Need::Nothing, get(health)),
        route("/metrics", admin, get(metrics::handle)),
        route("/v1/models", chat, get(models::list)),
        route("/v1/models/{name}", chat, get(models::one)),
        route("/v1/chat/completions", chat, post(chat::handle)),
        route("/v1/completions", chat, post(completions::handle)),
        route("/v1/embeddings", chat, post(embeddings::handle)),
        route("/v1/responses", chat, post(responses::handle)),
    ]
}

/// Whether the model is loaded: 503 until it is.
async fn health(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let (status, told) = match shared.loaded() {
        Some(_) => (StatusCode::OK, "ok"),
        None => (StatusCode::SERVICE_UNAVAILABLE, "loading"),
    };
    json_response(status, &json!({"status": told}))
}

/// A body of JSON.
fn json_response(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// A browser must not guess what an answer is.
async fn harden(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures how long answers took; decides nothing"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
