//! `complete`: conversations in, answers out, one JSON value a line; no memory.

use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use shared::board::Threads;
use shared::chat::Message;

use crate::cli::App;
use crate::generate::{Engine as _, LanguageModel, Request};
use crate::llama::LoadOptions;
use crate::llama::engine::{Engine, EngineOptions};
use crate::prompt::render::Renderer;
use crate::ui::Ui;

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
struct Answer<'a> {
    id: &'a serde_json::Value,
    text: &'a str,
    stop: &'static str,
    tokens: usize,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let load = LoadOptions {
        context_tokens: args.context,
        threads: Threads {
            prefill: args.threads,
            decode: args.threads,
        },
        ..LoadOptions::new(&args.model)
    };
    let engine = Engine::start(&load, &EngineOptions::default());
    let mut model = engine.context("cannot load the model")?.model();
    // Evaluations are compared over time: their prompts must not change with the day.
    let renderer = Renderer::new(model.card(), None)?;
    let mut number = 0_u64;
    loop {
        // Apart, so that the input is free again while the model works.
        let line = app.input().line()?;
        let Some(line) = line else {
            return Ok(());
        };
        number += 1;
        if !line.trim().is_empty() {
            answer(&line, model.as_mut(), &renderer, ui)
                .with_context(|| format!("cannot answer line {number}"))?;
        }
    }
}

fn answer(
    line: &str,
    model: &mut dyn LanguageModel,
    renderer: &Renderer,
    ui: &mut Ui,
) -> anyhow::Result<()> {
    let question: Question = serde_json::from_str(line)?;
    let prompt = renderer.tokens(&question.messages, model)?;
    let request = Request::greedy(question.max_tokens);
    let done = model.generate(&prompt, &request, &mut |_| ControlFlow::Continue(()))?;
    ui.json(&Answer {
        id: &question.id,
        text: &done.text,
        stop: done.stop.name(),
        tokens: done.generated_tokens,
    })?;
    Ok(())
}
