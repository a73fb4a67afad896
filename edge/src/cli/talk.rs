//! One turn on the terminal: flags, streaming, and what is told beside the answer.

use std::ops::ControlFlow;

use serde::Serialize;

use crate::assistant::{Assistant, Reply};
use crate::cli::shown::count;
use crate::cli::shown::hit::HitView;
use crate::cli::told::Told;
use crate::cli::{App, input};
use crate::generate::{Event, Stop};
use crate::memory::Memory;
use crate::ui::progress::Progress;
use crate::ui::{Format, Ui, WriteError};

/// Reading the prompt is shown when it takes longer than this.
const PATIENCE_MS: i64 = 1_000;

/// With what, and how, to talk.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Use this installed model, or this GGUF file
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Compute with this many threads
    #[arg(long, value_name = "N")]
    threads: Option<u32>,
    /// Keep this many tokens of context
    #[arg(long, value_name = "TOKENS")]
    context: Option<u32>,
    /// Neither recall nor remember
    #[arg(long)]
    no_memory: bool,
    /// Choose words this freely; 0 always takes the likeliest
    #[arg(long, value_name = "T")]
    temperature: Option<f32>,
    /// Repeat a random choice
    #[arg(long, value_name = "N")]
    seed: Option<u32>,
    /// Answer with at most this many tokens
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
}

impl Args {
    /// The configuration keys that these flags set.
    pub(super) fn settings(&self) -> Vec<String> {
        let mut settings = Vec::new();
        let mut set = |key: &str, value: Option<String>| {
            settings.extend(value.map(|value| format!("{key}={value}")));
        };
        set("model.name", self.model.clone());
        let threads = self.threads.map(|n| n.to_string());
        set("model.threads", threads.clone());
        set("model.threads_prefill", threads);
        set("model.context", self.context.map(|n| n.to_string()));
        set("memory.enabled", self.no_memory.then(|| "false".to_owned()));
        set(
            "answer.temperature",
            self.temperature.map(|t| format!("{t:?}")),
        );
        set("answer.seed", self.seed.map(|n| n.to_string()));
        set("answer.max_tokens", self.max_tokens.map(|n| n.to_string()));
        settings
    }
}

/// Asks, shows the answer while it is made, and tells what was kept.
pub(super) fn turn(
    assistant: &mut Assistant,
    words: &str,
    memory: &Memory,
    app: &App,
    ui: &mut Ui,
) -> anyhow::Result<()> {
    input::check(words.len())?;
    let mut show = Streaming::new(app, ui);
    let asked = assistant.reply(words, &mut |event| show.event(event));
    show.end()?;
    let reply = asked?;
    if ui.format() == Format::Json {
        ui.json(&Answer::new(&reply, memory, app)?)?;
    }
    tell(&reply, memory, ui)
}

/// Shows an answer while it is made.
struct Streaming<'a> {
    app: &'a App,
    ui: &'a mut Ui,
    since: i64,
    reading: Option<Progress>,
    begun: bool,
    failed: Option<WriteError>,
}

impl<'a> Streaming<'a> {
    fn new(app: &'a App, ui: &'a mut Ui) -> Self {
        Self {
            since: app.now().millis(),
            app,
            ui,
            reading: None,
            begun: false,
            failed: None,
        }
    }

    /// Breaks on Ctrl-C, and where nobody reads any more.
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        match event {
            Event::Prefill { done, total } => self.prefill(done, total),
            Event::Text(text) => self.text(text),
            Event::Queued { .. } | Event::Scores(_) => {}
        }
        if self.failed.is_some() || self.app.interrupt().is_raised() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn prefill(&mut self, done: usize, total: usize) {
        if self.app.now().millis().saturating_sub(self.since) < PATIENCE_MS {
            return;
        }
        let (done, total) = (done as u64, total as u64);
        let bar = self
            .reading
            .get_or_insert_with(|| self.ui.progress("reading", total));
        bar.set(done, total);
    }

    fn text(&mut self, text: &str) {
        self.reading = None;
        if self.ui.format() == Format::Json {
            return;
        }
        self.begun = true;
        self.failed = self.ui.part(text).err();
    }

    /// Ends the line, and answers with the failure that broke the streaming off.
    fn end(self) -> Result<(), WriteError> {
        drop(self.reading);
        match self.failed {
            Some(error) => Err(error),
            None if self.begun => self.ui.line(""),
            None => Ok(()),
        }
    }
}

/// Tells what is worth knowing beside the answer.
fn tell(reply: &Reply, memory: &Memory, ui: &mut Ui) -> anyhow::Result<()> {
    for line in Told::new(memory, &reply.remembered)?.lines() {
        ui.note(&line)?;
    }
    if reply.dropped_turns > 0 {
        let turns = count(reply.dropped_turns as u64, "turn", "turns");
        ui.warn(&format!(
            "the conversation is longer than the context: the oldest {turns} left it"
        ))?;
    }
    match reply.completion.stop {
        Stop::Limit => ui.warn("the answer was cut off at its greatest length")?,
        Stop::Deadline => ui.warn("the answer was cut off: its time was up")?,
        Stop::Cancelled => ui.note("stopped")?,
        Stop::End | Stop::Word => {}
    }
    Ok(())
}

/// An answer as JSON.
#[derive(Serialize)]
struct Answer {
    answer: String,
    question_id: String,
    answer_id: String,
    stop: &'static str,
    confidence: f32,
    recalled: Vec<HitView>,
    remembered: Told,
    dropped_turns: usize,
    prompt_tokens: usize,
    cached_tokens: usize,
    generated_tokens: usize,
    prefill_ms: u128,
    decode_ms: u128,
}

impl Answer {
    fn new(reply: &Reply, memory: &Memory, app: &App) -> anyhow::Result<Self> {
        let zone = app.zone();
        let completion = &reply.completion;
        Ok(Self {
            answer: reply.text.clone(),
            question_id: reply.question.to_string(),
            answer_id: reply.answer.to_string(),
            stop: completion.stop.name(),
            confidence: reply.confidence,
            recalled: reply
                .recalled
                .iter()
                .map(|h| HitView::new(h, &zone))
                .collect(),
            remembered: Told::new(memory, &reply.remembered)?,
            dropped_turns: reply.dropped_turns,
            prompt_tokens: completion.prompt_tokens,
            cached_tokens: completion.cached_tokens,
            generated_tokens: completion.generated_tokens,
            prefill_ms: completion.prefill.as_millis(),
            decode_ms: completion.decode.as_millis(),
        })
    }
}
