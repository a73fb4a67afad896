//! `GET /metrics`: what the server did, in Prometheus's text format.
//!
//! Source: Prometheus exposition format 0.0.4. Labels hold routes and statuses, never
//! anything of a request.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Response, header};
use axum::middleware::Next;

use super::generation::Pace;
use super::now;
use super::refusal::Refusal;
use super::state::Shared;
use crate::generate::{Completion, EngineStatus};

/// Upper bounds of times, in seconds.
const SECONDS: [f64; 12] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0,
];

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    /// By route and status.
    requests: Mutex<BTreeMap<(String, u16), u64>>,
    to_first: Histogram,
    per_token: Histogram,
    answers: AtomicU64,
    refused: AtomicU64,
}

impl Metrics {
    /// Counts an answer.
    pub(super) fn answered(&self, completion: &Completion, pace: &Pace) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        if let Some(time) = pace.to_first() {
            self.to_first.note(time);
        }
        let between = u32::try_from(completion.generated_tokens.saturating_sub(1)).unwrap_or(0);
        if let (Some(time), true) = (pace.after_first(), between > 0) {
            self.per_token.note(time / between);
        }
    }

    fn request(&self, route: &str, status: u16) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((route.to_owned(), status)).or_default() += 1;
        if status == 401 || status == 403 {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[derive(Debug, Default)]
struct Histogram {
    buckets: [AtomicU64; SECONDS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

impl Histogram {
    fn note(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        if let Some(bucket) = SECONDS.iter().position(|most| seconds <= *most) {
            self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

/// Counts each request, and logs it without a word of it.
pub(super) async fn observe(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let path = request.extensions().get::<MatchedPath>();
    let route = path.map_or("none", MatchedPath::as_str).to_owned();
    let begun = now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    shared.metrics.request(&route, status);
    let ms = begun.elapsed().as_millis();
    tracing::info!(route, status, ms, "answered");
    response
}

pub(super) async fn handle(State(shared): State<Arc<Shared>>) -> Result<Response<Body>, Refusal> {
    let told = tokio::task::spawn_blocking(move || text(&shared)).await;
    let text = told.map_err(|error| Refusal::internal(&error))??;
    let mut response = Response::new(Body::from(text));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

fn text(shared: &Shared) -> Result<String, Refusal> {
    let mut page = Page::default();
    let metrics = &shared.metrics;
    page.head(
        "requests_total",
        "counter",
        "Requests answered, by route and status.",
    );
    let requests = metrics
        .requests
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    for ((route, status), count) in requests {
        page.labelled(
            "requests_total",
            &format!("route=\"{route}\",status=\"{status}\""),
            count,
        );
    }
    page.counter(
        "answers_total",
        "Answers made.",
        metrics.answers.load(Ordering::Relaxed),
    );
    let refused = metrics.refused.load(Ordering::Relaxed);
    page.counter("refused_total", "Requests that were not let in.", refused);
    page.histogram(
        "time_to_first_token_seconds",
        "Time to the first piece.",
        &metrics.to_first,
    );
    page.histogram(
        "time_per_token_seconds",
        "Time per further token.",
        &metrics.per_token,
    );
    page.gauge(
        "ready",
        "Whether the model is loaded.",
        u8::from(shared.loaded().is_some()),
    );
    if let Some(loaded) = shared.loaded() {
        engine(&mut page, &loaded.engine.status(), &loaded.name);
    }
    let stats = shared.memory.stats()?;
    page.gauge("memories", "Memories that hold.", stats.memories);
    page.gauge("episodes", "Things said that are kept.", stats.episodes);
    page.gauge(
        "memory_file_bytes",
        "Size of the memory's file.",
        stats.file_bytes,
    );
    if let Some(bytes) = resident_bytes() {
        page.gauge("resident_bytes", "Memory that the process occupies.", bytes);
    }
    Ok(page.0)
}

fn engine(page: &mut Page, status: &EngineStatus, model: &str) {
    page.gauge("slots", "Answers that can be made at once.", status.slots);
    page.gauge("slots_busy", "Answers being made.", status.busy);
    page.gauge("queued", "Requests that wait for a slot.", status.queued);
    for (name, help, value) in [
        (
            "engine_requests_total",
            "Requests that the engine took on.",
            status.requests,
        ),
        (
            "engine_refused_total",
            "Requests told to come back.",
            status.refused,
        ),
        (
            "prompt_tokens_total",
            "Tokens of prompts.",
            status.prompt_tokens,
        ),
        (
            "cached_tokens_total",
            "Prompt tokens read before.",
            status.cached_tokens,
        ),
        (
            "generated_tokens_total",
            "Tokens generated.",
            status.generated_tokens,
        ),
        (
            "drafted_tokens_total",
            "Tokens guessed ahead.",
            status.drafted_tokens,
        ),
        (
            "accepted_tokens_total",
            "Guesses that were right.",
            status.accepted_tokens,
        ),
    ] {
        page.counter(name, help, value);
    }
    page.counter(
        "prefill_seconds_total",
        "Time reading.",
        status.prefill.as_secs_f64(),
    );
    page.counter(
        "decode_seconds_total",
        "Time generating.",
        status.decode.as_secs_f64(),
    );
    page.head("adapter", "gauge", "The model and the active adapter.");
    let adapter = status.adapter.as_deref().unwrap_or("");
    let labels = format!(
        "model=\"{}\",adapter=\"{}\"",
        escaped(model),
        escaped(adapter)
    );
    page.labelled("adapter", &labels, 1);
}

/// A label's value as the format wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// Memory that this process occupies; nothing where the system does not say.
pub(super) fn resident_bytes() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

/// A page of metrics.
#[derive(Default)]
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(
            self.0,
            "# HELP scrubjay_{name} {help}\n# TYPE scrubjay_{name} {kind}"
        );
    }

    fn labelled(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "scrubjay_{name}{{{labels}}} {value}");
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "counter", help);
        let _ = writeln!(self.0, "scrubjay_{name} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        let _ = writeln!(self.0, "scrubjay_{name} {value}");
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.head(name, "histogram", help);
        let mut below = 0;
        let bucket = format!("{name}_bucket");
        for (most, count) in SECONDS.iter().zip(&histogram.buckets) {
            below += count.load(Ordering::Relaxed);
            self.labelled(&bucket, &format!("le=\"{most}\""), below);
        }
        let count = histogram.count.load(Ordering::Relaxed);
        self.labelled(&bucket, "le=\"+Inf\"", count);
        let seconds = Duration::from_micros(histogram.micros.load(Ordering::Relaxed));
        let _ = writeln!(self.0, "scrubjay_{name}_sum {}", seconds.as_secs_f64());
        let _ = writeln!(self.0, "scrubjay_{name}_count {count}");
    }
}
