//! `complete`: conversations in, answers out, one JSON value a line; no memory.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use shared::board::Threads;
use shared::chat::Message;

use crate::cli::App;
use crate::cli::input::{Input, InputError};
use crate::generate::{Completion, Engine as _, LanguageModel, Request};
use crate::llama::LoadOptions;
use crate::llama::engine::{Engine, EngineOptions};
use crate::prompt::render::Renderer;
use crate::ui::Ui;

/// Lines that are read ahead, for each answer made at once.
const LINES_AHEAD: usize = 4;

/// Answer conversations given as JSON lines, always with the likeliest words
///
/// Reads {"id", "messages": [{"role", "content"}], "max_tokens"} a line and writes
/// {"id", "text", "stop", "tokens"}. Memory is neither read nor written.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Read and write JSON lines
    #[arg(long, required = true)]
    jsonl: bool,
    /// Run this GGUF file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Compute on this many threads
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=512))]
    threads: u32,
    /// Make this many answers at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    slots: u8,
    /// Hold at most this many tokens of prompt and answer
    #[arg(long, default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(64..))]
    context: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    id: serde_json::Value,
    messages: Vec<Message>,
    #[serde(default = "usual_length")]
    max_tokens: usize,
}

const fn usual_length() -> usize {
    256
}

#[derive(Serialize)]
struct Answer {
    id: serde_json::Value,
    text: String,
    stop: &'static str,
    tokens: usize,
}

/// A line, and where its answer goes.
struct Asked {
    number: u64,
    line: Result<String, InputError>,
    answer: Sender<anyhow::Result<Answer>>,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let slots = usize::from(args.slots);
    let load = LoadOptions {
        context_tokens: args.context,
        threads: Threads {
            prefill: args.threads,
            decode: args.threads,
        },
        ..LoadOptions::new(&args.model)
    };
    let options = EngineOptions {
        slots,
        ..EngineOptions::default()
    };
    let engine = Engine::start(&load, &options).context("cannot load the model")?;
    // Evaluations are compared over time: their prompts must not change with the day.
    let renderer = Arc::new(Renderer::new(engine.card(), None)?);
    let (jobs, asked) = sync_channel(slots);
    let asked = Arc::new(Mutex::new(asked));
    for _ in 0..slots {
        let (asked, renderer) = (Arc::clone(&asked), Arc::clone(&renderer));
        let mut model = engine.model();
        thread::spawn(move || work(&asked, model.as_mut(), &renderer));
    }
    let (answers, in_order) = sync_channel(slots * LINES_AHEAD);
    let input = app.take_input();
    // Waits for lines by itself: where an answer fails, nobody waits for it.
    thread::spawn(move || read(input, &jobs, &answers));
    for answer in in_order {
        // A worker that is gone has answered with its panic already.
        let answer = answer.recv().context("an answer was lost")?;
        ui.json(&answer?)?;
    }
    Ok(())
}

/// Hands lines to the workers, and the places of their answers, in order, to the writer.
fn read(
    mut input: Input,
    jobs: &SyncSender<Asked>,
    answers: &SyncSender<Receiver<anyhow::Result<Answer>>>,
) {
    let mut number = 0;
    while let Some(line) = input.line().transpose() {
        number += 1;
        if line.as_ref().is_ok_and(|line| line.trim().is_empty()) {
            continue;
        }
        let is_readable = line.is_ok();
        let (answer, coming) = channel();
        let job = Asked {
            number,
            line,
            answer,
        };
        // Where the writer or the workers are gone there is nothing left to do.
        if answers.send(coming).is_err() || jobs.send(job).is_err() || !is_readable {
            return;
        }
    }
}

/// Answers lines until there are none.
fn work(asked: &Mutex<Receiver<Asked>>, model: &mut dyn LanguageModel, renderer: &Renderer) {
    loop {
        let next = asked.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Asked {
            number,
            line,
            answer,
        }) = next
        else {
            return;
        };
        let answered = line
            .map_err(anyhow::Error::from)
            .and_then(|line| complete(&line, model, renderer))
            .with_context(|| format!("cannot answer line {number}"));
        // Where the writer is gone nobody wants it.
        let _ = answer.send(answered);
    }
}

fn complete(
    line: &str,
    model: &mut dyn LanguageModel,
    renderer: &Renderer,
) -> anyhow::Result<Answer> {
    let question: Question = serde_json::from_str(line)?;
    let prompt = renderer.tokens(&question.messages, model)?;
    let request = Request::greedy(question.max_tokens);
    let Completion {
        text,
        stop,
        generated_tokens,
        ..
    } = model.generate(&prompt, &request, &mut |_| ControlFlow::Continue(()))?;
    Ok(Answer {
        id: question.id,
        text,
        stop: stop.name(),
        tokens: generated_tokens,
    })
}
