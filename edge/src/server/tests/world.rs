//! A server whose model says what a test tells it to.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use jiff::tz::TimeZone;
use serde_json::Value;
use shared::clock::{ManualClock, Timestamp};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::assistant;
use crate::assistant::defaults::{Defaults, MostTokens};
use crate::generate::scripted::{PromptLog, ScriptedEngine};
use crate::memory::embedder::HashedWords;
use crate::memory::episode::Source;
use crate::memory::query::MemoryUse;
use crate::memory::{Memory, Options};
use crate::server::access::Door;
use crate::server::access::token::{Scope, Scopes, Tokens};
use crate::server::{Limits, Parts, Server, Settings};

/// 2026-03-20T09:46:40Z.
const NOW: Timestamp = Timestamp::from_millis(1_774_000_000_000);

/// A server in a temporary folder.
pub(super) struct World {
    folder: TempDir,
    pub(super) clock: Arc<ManualClock>,
    pub(super) memory: Arc<Memory>,
    pub(super) server: Server,
    pub(super) log: PromptLog,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
    pub(super) response: Response<()>,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}", self.text))
    }

    /// The data of each server-sent event.
    pub(super) fn events(&self) -> Vec<Value> {
        let lines = self
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "));
        let data = lines.filter(|data| *data != "[DONE]");
        data.map(|data| serde_json::from_str(data).unwrap())
            .collect()
    }

    /// The code of a refusal, and what it names.
    pub(super) fn refusal(&self) -> (u16, String, String) {
        let error = &self.json()["error"];
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        assert!(
            !text("message").is_empty() && !text("type").is_empty(),
            "{}",
            self.text
        );
        (self.status, text("code"), text("param"))
    }
}

impl World {
    /// A server whose model gives these answers in turn.
    pub(super) fn saying<const N: usize>(answers: [&str; N]) -> Self {
        Self::with(ScriptedEngine::saying(answers))
    }

    pub(super) fn with(engine: ScriptedEngine) -> Self {
        let world = Self::loading(Limits::default());
        let world = Self {
            log: engine.log(),
            ..world
        };
        world.server.ready("nano".to_owned(), Arc::new(engine));
        world
    }

    /// A server without a model.
    pub(super) fn loading(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        let embedder = Arc::new(HashedWords::new(64));
        let memory = Memory::open(
            &folder.path().join("memory"),
            embedder.clone(),
            clock.clone(),
            Options::default(),
        );
        let memory = Arc::new(memory.unwrap());
        let parts = Parts {
            memory: Arc::clone(&memory),
            embedder,
            clock: clock.clone(),
            tokens: tokens(folder.path()),
            adapters: folder.path().join("adapters"),
            forget_typed: Arc::new(|texts| Ok(texts.len())),
            limits,
        };
        let settings = settings(&clock);
        Self {
            server: Server::new(parts, settings),
            folder,
            clock,
            memory,
            log: PromptLog::default(),
        }
    }

    /// Other settings from now on.
    pub(super) fn set(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = settings(&self.clock);
        change(&mut settings);
        self.server.0.set_settings(settings);
    }

    /// A new token.
    pub(super) fn token(&self, name: &str, scopes: &[Scope]) -> String {
        let scopes = Scopes::new(scopes.to_vec());
        let random = std::array::from_fn(|at| name.as_bytes().get(at).copied().unwrap_or(7));
        let token = tokens(self.folder.path()).create(name, scopes, random, NOW);
        token.unwrap()
    }

    pub(super) fn revoke(&self, name: &str) {
        tokens(self.folder.path()).revoke(name).unwrap();
    }

    pub(super) fn router(&self, door: Door) -> Router {
        self.server.router(door)
    }

    /// Asks through the Unix socket's door.
    pub(super) async fn ask(&self, request: Request<Body>) -> Answer {
        self.ask_at(Door::Unix, request).await
    }

    pub(super) async fn ask_at(&self, door: Door, request: Request<Body>) -> Answer {
        let response = self.router(door).oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: head.status.as_u16(),
            text: String::from_utf8(bytes.to_vec()).unwrap(),
            response: Response::from_parts(head, ()),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(posted(path, body.to_string())).await
    }
}

/// A request with a body of JSON.
pub(super) fn posted(path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(path).header("content-type", "application/json");
    request.body(body.into()).unwrap()
}

fn tokens(folder: &Path) -> Tokens {
    Tokens::new(folder.join("tokens.toml"))
}

fn settings(clock: &Arc<ManualClock>) -> Settings {
    Settings {
        assistant: assistant::Settings::new(Source::Api, clock.clone(), TimeZone::UTC),
        defaults: Defaults {
            max_tokens: MostTokens::AtMost(512),
            temperature: None,
            top_k: None,
            top_p: None,
            min_p: None,
            repeat_penalty: None,
            seed: 7,
        },
        memory: MemoryUse::Use,
        require_token: false,
        hosts: Vec::new(),
    }
}
