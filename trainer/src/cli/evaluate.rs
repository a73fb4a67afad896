//! `evaluate`: measure a model on held-out questions, through the device's own program.

use std::path::PathBuf;

use anyhow::Context as _;

use super::Env;
use crate::evaluate::{Below, Score, Share, ask, held_out};
use crate::ui::Ui;

/// Set apart from the seeds of recipes; the questions are held out by their values anyway.
const SEED: u64 = 500;
/// Wrong answers that are shown.
const SHOWN_WRONG: usize = 10;

/// Measure how well a model answers held-out questions
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Nano(Nano),
}

/// Ask what nano is made for: answers from memories, and saying so where there is none
#[derive(Debug, clap::Args)]
struct Nano {
    /// The model to ask
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The edge program to ask through [default: beside this program, or on the path]
    #[arg(long, value_name = "PATH")]
    edge: Option<PathBuf>,
    /// Ask this many questions that a memory answers
    #[arg(long, default_value_t = 500)]
    questions: usize,
    /// Ask this many questions that no memory answers
    #[arg(long, default_value_t = 200)]
    unanswerable: usize,
    /// Fail below this share of exact answers
    #[arg(long, value_name = "SHARE")]
    require_answered: Option<f64>,
    /// Fail below this share of declined unanswerable questions
    #[arg(long, value_name = "SHARE")]
    require_declined: Option<f64>,
    /// Fail below this share of answers that end by themselves
    #[arg(long, value_name = "SHARE")]
    require_stopped: Option<f64>,
    /// Print JSON, every wrong answer included
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// If the model cannot be asked, or a required share is missed.
pub fn run(args: &Args, env: &Env, ui: &mut Ui) -> anyhow::Result<()> {
    let What::Nano(args) = &args.what;
    let edge = env.edge(args.edge.as_ref());
    let edge = edge.context("cannot find the edge program; name it with --edge")?;
    let questions = held_out(SEED, args.questions, args.unanswerable);
    let bar = ui.bar(questions.len() as u64);
    let answers =
        ask(&edge, &args.model, &questions, &mut |_| bar.inc(1)).context("cannot ask the model")?;
    bar.finish_and_clear();
    let score = Score::of(&questions, &answers).context("cannot judge the answers")?;
    if args.json {
        let text = serde_json::to_string(&score).context("cannot write the score")?;
        ui.line(&text)?;
    } else {
        show(&score, ui)?;
    }
    for (what, share, required) in [
        ("answered", score.answered, args.require_answered),
        ("declined", score.declined, args.require_declined),
        ("stopped", score.stopped, args.require_stopped),
    ] {
        if let Some(required) = required {
            require(what, share, required)?;
        }
    }
    Ok(())
}

fn show(score: &Score, ui: &mut Ui) -> anyhow::Result<()> {
    for (what, share) in [
        ("answered exactly", score.answered),
        ("declined", score.declined),
        ("stopped by itself", score.stopped),
    ] {
        let percent = share.rate() * 100.0;
        ui.line(&format!(
            "{what:<18} {:>4} of {:<4} {percent:5.1} %",
            share.good, share.of
        ))?;
    }
    for wrong in score.wrong.iter().take(SHOWN_WRONG) {
        let expected = if wrong.expected.is_empty() {
            "to decline"
        } else {
            &wrong.expected
        };
        ui.note(&format!(
            "\n{}\nexpected: {expected}\nsaid:     {}",
            wrong.question, wrong.said
        ));
    }
    Ok(())
}

fn require(what: &'static str, share: Share, required: f64) -> Result<(), Below> {
    let found = share.rate();
    if found < required {
        return Err(Below {
            what,
            found,
            required,
        });
    }
    Ok(())
}
