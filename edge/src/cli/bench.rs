//! `bench`: how fast a model runs on this device.

use anyhow::Context as _;
use serde::Serialize;

use crate::board;
use crate::cli::{App, load};
use crate::llama::bench::{Measured, Plan, measure};
use crate::llama::{LoadOptions, file};
use crate::ui::progress::bytes;
use crate::ui::table::Table;
use crate::ui::{Ui, View, WriteError};

/// Measure how fast a model reads and answers on this device
///
/// Close other programs first: what they take, the model has not.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Use this installed model, or this GGUF file
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Compute with this many threads
    #[arg(long, value_name = "N")]
    threads: Option<u32>,
    /// Read prompts of this many tokens
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u16).range(16..))]
    prompt: u16,
    /// Generate this many tokens
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(2..))]
    generate: u16,
    /// Make so many answers at once
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,2,4,8",
        value_parser = clap::value_parser!(u8).range(1..=64))]
    batch: Vec<u8>,
}

impl Args {
    /// The configuration keys that these flags set.
    pub(super) fn settings(&self) -> Vec<String> {
        let mut settings = Vec::new();
        let threads = self.threads.map(|n| n.to_string());
        let flags = [
            ("model.name", self.model.clone()),
            ("model.threads", threads.clone()),
            ("model.threads_prefill", threads),
        ];
        for (key, value) in flags {
            settings.extend(value.map(|value| format!("{key}={value}")));
        }
        settings
    }
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let options = load::options(app).context("cannot find the model")?;
    let plan = Plan {
        prompt_tokens: args.prompt.into(),
        answer_tokens: args.generate.into(),
        batches: args.batch.iter().copied().map(usize::from).collect(),
    };
    let folder = app.paths().cache.join("bench-kv");
    let bar = ui.progress("measuring", 0);
    let measured = measure(&options, &plan, &folder, &|done, total| {
        bar.set(done, total)
    });
    drop(bar);
    let measured = measured.context("cannot measure")?;
    fs_err::remove_dir_all(&folder).context("cannot remove the folder worked in")?;
    ui.show(&Figures::new(app, &options, &plan, &measured)?)?;
    Ok(())
}

/// What was measured, with what and where.
#[derive(Serialize)]
struct Figures {
    device: String,
    processor: String,
    cores: u32,
    runtime: String,
    model: String,
    file_bytes: u64,
    parameters: u64,
    kv_type: &'static str,
    threads: u32,
    threads_prefill: u32,
    prompt_tokens: usize,
    answer_tokens: usize,
    load_ms: f64,
    prefill_tokens_per_s: f64,
    /// llama.cpp alone, one token at a time.
    bare_tokens_per_s: f64,
    decode: Vec<Stream>,
    first_token_cold_ms: f64,
    first_token_warm_ms: f64,
    first_token_restarted_ms: f64,
    restarted_new_tokens: usize,
    memory_gb_per_s: f64,
    /// Share of it that one answer reads as weights.
    memory_share: Option<f64>,
}

#[derive(Serialize)]
struct Stream {
    answers: usize,
    tokens_per_s: f64,
}

impl Figures {
    fn new(
        app: &App,
        options: &LoadOptions,
        plan: &Plan,
        measured: &Measured,
    ) -> anyhow::Result<Self> {
        let header = file::read(&options.path)?;
        let machine = app.machine();
        let one = measured.decode_per_second.iter().find(|(n, _)| *n == 1);
        let weights = header.need(0, options.kv_type).weights as f64;
        let memory = measured.memory_bytes_per_second;
        let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
        Ok(Self {
            device: match board::choose(machine)? {
                Some(board) => board.title,
                None => "unknown board".to_owned(),
            },
            processor: board::processor_name().unwrap_or_default(),
            cores: machine.cores,
            runtime: crate::llama::system_description(),
            model: name(&header, options),
            file_bytes: header.file_bytes,
            parameters: header.parameters,
            kv_type: options.kv_type.name(),
            threads: options.threads.decode,
            threads_prefill: options.threads.prefill,
            prompt_tokens: plan.prompt_tokens,
            answer_tokens: plan.answer_tokens,
            load_ms: ms(measured.load),
            prefill_tokens_per_s: measured.prefill_per_second,
            bare_tokens_per_s: measured.bare_per_second,
            decode: measured
                .decode_per_second
                .iter()
                .map(|&(answers, tokens_per_s)| Stream {
                    answers,
                    tokens_per_s,
                })
                .collect(),
            first_token_cold_ms: ms(measured.first_token_cold),
            first_token_warm_ms: ms(measured.first_token_warm),
            first_token_restarted_ms: ms(measured.first_token_restarted),
            restarted_new_tokens: measured.restarted_new_tokens,
            memory_gb_per_s: memory / 1e9,
            memory_share: one.map(|(_, speed)| speed * weights / memory),
        })
    }
}

fn name(header: &file::Header, options: &LoadOptions) -> String {
    let stem = options.path.file_stem().unwrap_or_default();
    let stem = stem.to_string_lossy().into_owned();
    header.name.clone().unwrap_or(stem)
}

impl View for Figures {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        ui.line(&format!(
            "{} ({}, {} cores)",
            self.device, self.processor, self.cores
        ))?;
        ui.line(&format!(
            "{}, {} M weights, {}, {} threads to answer, {} to read, cache {}",
            self.model,
            self.parameters / 1_000_000,
            bytes(self.file_bytes),
            self.threads,
            self.threads_prefill,
            self.kv_type
        ))?;
        let mut table = Table::new(["what", "measured"]);
        let tokens = |speed: f64| format!("{speed:.1} tokens/s");
        let ms = |time: f64| format!("{time:.1} ms");
        table.row(["load", &ms(self.load_ms)]);
        let reading = format!("read {} tokens", self.prompt_tokens);
        table.row([&reading, &tokens(self.prefill_tokens_per_s)]);
        table.row(["llama.cpp alone", &tokens(self.bare_tokens_per_s)]);
        for stream in &self.decode {
            let label = match stream.answers {
                1 => "one answer".to_owned(),
                n => format!("{n} answers at once"),
            };
            table.row([&label, &tokens(stream.tokens_per_s)]);
        }
        table.row(["first token, new prompt", &ms(self.first_token_cold_ms)]);
        table.row(["first token, next turn", &ms(self.first_token_warm_ms)]);
        let restarted = format!(
            "{} ({} tokens read anew)",
            ms(self.first_token_restarted_ms),
            self.restarted_new_tokens
        );
        table.row(["first token, after a restart", &restarted]);
        table.row(["memory", &format!("{:.1} GB/s", self.memory_gb_per_s)]);
        if let Some(share) = self.memory_share {
            let share = format!("{:.0} %", share * 100.0);
            table.row(["of it, used by one answer", &share]);
        }
        ui.table(&table, "")
    }
}
