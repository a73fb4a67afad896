//! A model that a running server lends, over its Unix socket.
//!
//! A command finds the server of this device and has it generate, so that a model is in
//! memory once; everything else, memory above all, the command does itself. So both ways
//! give the same answer.
//!
//! # Invariants
//! - A server that does not answer at once counts as none.
//! - Breaking from the callback closes the connection, which frees the slot.

use std::convert::Infallible;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::time::Duration;

use axum::body::Bytes as Chunk;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Method, Request as HttpRequest, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::wire::{Ask, Bytes, Card, Cut, Line, Tokens};
use crate::generate::{
    Completion, Event, GenerateError, LanguageModel, ModelCard, Request, Token, TokenScore,
};

/// A server on this device answers a small question within this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// So often the callback is asked whether to go on while nothing happens.
const LOOK: Duration = Duration::from_millis(100);

/// A model that a server runs.
pub struct RemoteModel {
    card: ModelCard,
    socket: PathBuf,
    runtime: Runtime,
}

impl RemoteModel {
    /// The model of the server that listens on `socket`; none if no server does, or if it
    /// has no model yet.
    pub fn find(socket: &Path) -> Option<Self> {
        if !socket.exists() {
            return None;
        }
        let runtime = Builder::new_current_thread().enable_all().build().ok()?;
        let card: Card = runtime
            .block_on(call(socket, Method::GET, "/api/model", &()))
            .ok()?;
        Some(Self {
            card: card.into(),
            socket: socket.to_owned(),
            runtime,
        })
    }

    fn tokens(&self, text: &str, words: bool) -> Result<Vec<Token>, GenerateError> {
        let cut = Cut {
            text: text.to_owned(),
            words,
        };
        let told: Tokens =
            self.runtime
                .block_on(call(&self.socket, Method::POST, "/api/tokenize", &cut))?;
        Ok(told.tokens)
    }
}

impl LanguageModel for RemoteModel {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn tokenize(&self, text: &str) -> Result<Vec<Token>, GenerateError> {
        self.tokens(text, false)
    }

    fn tokenize_words(&self, text: &str) -> Result<Vec<Token>, GenerateError> {
        self.tokens(text, true)
    }

    fn token_bytes(&self, token: Token) -> Result<Vec<u8>, GenerateError> {
        let asked = Tokens {
            tokens: vec![token],
        };
        let mut told: Bytes =
            self.runtime
                .block_on(call(&self.socket, Method::POST, "/api/detokenize", &asked))?;
        Ok(told.bytes.pop().unwrap_or_default())
    }

    fn generate(
        &mut self,
        prompt: &[Token],
        request: &Request,
        on: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Completion, GenerateError> {
        let ask = Ask::new(prompt, request);
        self.runtime.block_on(generate(&self.socket, &ask, on))
    }
}

/// Has the server of this device, if there is one, forget what its model has read: it may
/// hold what was just forgotten.
///
/// # Errors
/// [`GenerateError::Refused`] if it does not.
pub fn forget_read(socket: &Path) -> Result<(), GenerateError> {
    let system = |source| GenerateError::Unreachable { source };
    if !socket.exists() {
        return Ok(());
    }
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system)?;
    let told: Result<Value, _> =
        runtime.block_on(call(socket, Method::POST, "/api/model/forget", &()));
    match told {
        // A socket that nobody answers on was left by a server that is gone.
        Ok(_) | Err(GenerateError::Unreachable { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn generate(
    socket: &Path,
    ask: &Ask,
    on: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Completion, GenerateError> {
    let (link, response) = send(socket, Method::POST, "/api/generate", &json!(ask)).await?;
    if response.status() != StatusCode::OK {
        return Err(refused(link, response).await);
    }
    let mut hearing = Hearing {
        link,
        body: response.into_body(),
        unread: Vec::new(),
    };
    let mut heard = Heard::default();
    loop {
        let Ok(line) = timeout(LOOK, hearing.line()).await else {
            if on(heard.last()).is_break() {
                return Ok(heard.broken_off(ask));
            }
            continue;
        };
        let line = line?.ok_or(GenerateError::Stopped)?;
        match heard.line(line, on)? {
            ControlFlow::Continue(()) => {}
            ControlFlow::Break(done) => return Ok(done.unwrap_or_else(|| heard.broken_off(ask))),
        }
    }
}

/// What was heard so far.
#[derive(Default)]
struct Heard {
    text: String,
    tokens: usize,
    ahead: Option<usize>,
    read: (usize, usize),
}

impl Heard {
    /// Tells an event; the end of the answer, or nothing where the callback broke off.
    fn line(
        &mut self,
        line: Line,
        on: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<Option<Completion>>, GenerateError> {
        let went_on = match line {
            Line::Queued { ahead } => {
                self.ahead = Some(ahead);
                on(Event::Queued { ahead })
            }
            Line::Prefill { done, total } => {
                (self.ahead, self.read) = (None, (done, total));
                on(Event::Prefill { done, total })
            }
            Line::Text { text, scores } => self.text(&text, scores, on),
            Line::Done(done) => return Ok(ControlFlow::Break(Some(done.into()))),
            Line::Failed { status, message } => return Err(failed(status, message, None)),
        };
        Ok(went_on.map_break(|()| None))
    }

    fn text(
        &mut self,
        text: &str,
        scores: Vec<super::wire::Score>,
        on: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.tokens += scores.len().max(1);
        self.text.push_str(text);
        if !scores.is_empty() {
            let scores: Vec<TokenScore> = scores.into_iter().map(Into::into).collect();
            on(Event::Scores(&scores))?;
        }
        if text.is_empty() {
            return ControlFlow::Continue(());
        }
        on(Event::Text(text))
    }

    /// What is still true while nothing happens.
    fn last(&self) -> Event<'static> {
        match self.ahead {
            Some(ahead) => Event::Queued { ahead },
            None => Event::Prefill {
                done: self.read.0,
                total: self.read.1,
            },
        }
    }

    /// The answer as far as it came.
    fn broken_off(&self, ask: &Ask) -> Completion {
        Completion {
            text: self.text.clone(),
            stop: crate::generate::Stop::Cancelled,
            prompt_tokens: ask.prompt.len(),
            cached_tokens: ask.prompt.len().saturating_sub(self.read.1),
            generated_tokens: self.tokens,
            prefill: Duration::ZERO,
            decode: Duration::ZERO,
            adapter: None,
        }
    }
}

/// Reads events line by line.
struct Hearing {
    link: Link,
    body: Incoming,
    unread: Vec<u8>,
}

impl Hearing {
    /// The next event; nothing at the end. May be given up and called again.
    async fn line(&mut self) -> Result<Option<Line>, GenerateError> {
        loop {
            if let Some(at) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=at).collect();
                if let Some(data) = line.strip_prefix(b"data: ") {
                    let line = serde_json::from_slice(data);
                    return line.map(Some).map_err(|error| unreachable(error.into()));
                }
                continue;
            }
            let Some(frame) = self.link.during(self.body.frame()).await else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| unreachable(io::Error::other(error)))?;
            self.unread.extend(frame.into_data().unwrap_or_default());
        }
    }
}

/// Asks a small question.
async fn call<T: DeserializeOwned>(
    socket: &Path,
    method: Method,
    path: &str,
    body: &impl Serialize,
) -> Result<T, GenerateError> {
    let slow = |_| unreachable(io::ErrorKind::TimedOut.into());
    let answered = async {
        let (mut link, response) = send(socket, method, path, &json!(body)).await?;
        if response.status() != StatusCode::OK {
            return Err(refused(link, response).await);
        }
        let bytes = link.during(whole(response)).await?;
        serde_json::from_slice(&bytes).map_err(|error| unreachable(error.into()))
    };
    timeout(PATIENCE, answered).await.map_err(slow)?
}

async fn send(
    socket: &Path,
    method: Method,
    path: &str,
    body: &Value,
) -> Result<(Link, Response<Incoming>), GenerateError> {
    let stream = UnixStream::connect(socket).await.map_err(unreachable)?;
    let other = |error: hyper::Error| unreachable(io::Error::other(error));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(other)?;
    let mut link = Link {
        connection: Box::pin(connection),
        over: false,
    };
    let body: Full<Chunk> = if body.is_null() {
        Full::default()
    } else {
        Full::from(body.to_string())
    };
    let request = HttpRequest::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.map_err(|never: Infallible| match never {}))
        .map_err(|error| unreachable(io::Error::other(error)))?;
    let response = link.during(sender.send_request(request)).await;
    Ok((link, response.map_err(other)?))
}

/// A connection; it works while something is waited for, and closes when it is dropped.
struct Link {
    connection: Pin<Box<dyn Future<Output = hyper::Result<()>>>>,
    over: bool,
}

impl Link {
    async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = &mut self.connection, if !self.over => self.over = true,
            }
        }
    }
}

async fn whole(response: Response<Incoming>) -> Result<Chunk, GenerateError> {
    let body = response.into_body().collect().await;
    let body = body.map_err(|error| unreachable(io::Error::other(error)))?;
    Ok(body.to_bytes())
}

/// What a server says that does not answer.
async fn refused(mut link: Link, response: Response<Incoming>) -> GenerateError {
    let status = response.status().as_u16();
    let after = response.headers().get(header::RETRY_AFTER);
    let after = after.and_then(|after| after.to_str().ok()?.parse().ok());
    let body = link.during(whole(response)).await.unwrap_or_default();
    let told: Value = serde_json::from_slice(&body).unwrap_or_default();
    let message = told["error"]["message"].as_str().unwrap_or("nothing");
    failed(status, message.to_owned(), after)
}

fn failed(status: u16, reason: String, retry_after: Option<u64>) -> GenerateError {
    match status {
        429 => GenerateError::Busy {
            retry_after: Duration::from_secs(retry_after.unwrap_or(1)),
        },
        _ => GenerateError::Refused { status, reason },
    }
}

const fn unreachable(source: io::Error) -> GenerateError {
    GenerateError::Unreachable { source }
}
