//! `pretrain`: make a small model from nothing but a recipe.

mod figures;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;

use self::figures::Figures;
use super::Env;
use super::report::OtherRecipe;
use crate::config::Recipe;
use crate::dataset::tokenizer::ChatTokenizer;
use crate::export;
use crate::pretrain::{Dialogues, train_tokenizer};
use crate::run::checkpoint::{Checkpoint, Folder, replace};
use crate::run::{self, Ending, Plan};
use crate::torch;
use crate::torch::pretrain::Pretraining;
use crate::ui::Ui;

/// Names of what a checkpoint carries besides weights.
const RECIPE: &str = "recipe";
const STEPS: &str = "steps";
const TOKENIZER: &str = "tokenizer";

/// Train a model from a recipe, or go on with a run that was stopped
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to train, on what and how
    #[arg(long, default_value = "trainer/recipes/nano.toml")]
    recipe: PathBuf,
    /// Keep checkpoints and figures in this folder
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Take this many steps instead of the recipe's
    #[arg(long)]
    steps: Option<u64>,
    /// Write the 16-bit model here [default: RECIPE-f16.gguf in the run's folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the model quantised to Q4_K_M here [default: RECIPE-q4_k_m.gguf in the run's folder]
    #[arg(long, value_name = "FILE")]
    quantised: Option<PathBuf>,
    /// The edge program that quantises [default: beside this program, or on the path]
    #[arg(long, value_name = "PATH")]
    edge: Option<PathBuf>,
    /// Compute with this many threads [default: one per core]
    #[arg(long)]
    threads: Option<usize>,
    /// Begin again, whatever the run's folder holds
    #[arg(long, conflicts_with = "export_only")]
    restart: bool,
    /// Train nothing: write the model of the newest checkpoint
    #[arg(long)]
    export_only: bool,
}

/// Runs it.
///
/// # Errors
/// If the recipe, the run's folder or a training step fails.
pub fn run(args: &Args, env: &Env, ui: &mut Ui) -> anyhow::Result<()> {
    let text = fs_err::read_to_string(&args.recipe).context("cannot read the recipe")?;
    let recipe = Recipe::parse(&text)
        .with_context(|| format!("cannot use recipe {}", args.recipe.display()))?;
    let name = args
        .recipe
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    let path = match &args.run {
        Some(path) => path.clone(),
        None => env.state_dir()?.join("runs").join(&*name),
    };
    let folder = Folder::open(&path).context("cannot open the run's folder")?;
    if args.restart {
        folder.clear().context("cannot begin again")?;
    }
    let file = |asked: Option<&PathBuf>, kind| match asked {
        Some(asked) => asked.clone(),
        None => path.join(format!("{name}-{kind}.gguf")),
    };
    let session = Session {
        args,
        env,
        steps: args.steps.unwrap_or(recipe.train.steps),
        recipe,
        text,
        folder,
        out: file(args.out.as_ref(), "f16"),
        quantised: file(args.quantised.as_ref(), "q4_k_m"),
    };
    session.run(ui)
}

struct Session<'a> {
    args: &'a Args,
    env: &'a Env,
    recipe: Recipe,
    /// The recipe as it is written.
    text: String,
    steps: u64,
    folder: Folder,
    out: PathBuf,
    quantised: PathBuf,
}

impl Session<'_> {
    fn run(&self, ui: &mut Ui) -> anyhow::Result<()> {
        let found = self.folder.read().context("cannot go on with this run")?;
        if let Some(found) = &found {
            self.check_recipe(found)?;
        }
        if !self.args.export_only && self.train(found.as_ref(), ui)? != Ending::Finished {
            return Ok(());
        }
        let found = self.folder.read().context("cannot read the checkpoint")?;
        let found = found.context("cannot export: this run has no checkpoint yet")?;
        self.export(&found)?;
        ui.note(&format!(
            "wrote {} (step {})",
            self.out.display(),
            found.step
        ));
        self.quantise(ui)
    }

    fn check_recipe(&self, found: &Checkpoint) -> anyhow::Result<()> {
        let taken = found.notes.get(STEPS).and_then(|steps| steps.parse().ok());
        let old = found.notes.get(RECIPE);
        let old = old.and_then(|text| Recipe::parse(text).ok());
        if let (Some(old), Some(taken)) = (old, taken) {
            // What is only exported takes no further step.
            let steps = if self.args.export_only {
                taken
            } else {
                self.steps
            };
            if self.recipe.goes_on(steps, (&old, taken, found.step)) {
                return Ok(());
            }
        }
        Err(OtherRecipe {
            folder: self.folder.file("").display().to_string(),
        }
        .into())
    }

    fn train(&self, found: Option<&Checkpoint>, ui: &mut Ui) -> anyhow::Result<Ending> {
        torch::set_threads(self.threads());
        let tokenizer = match found {
            Some(found) => self.tokenizer(found)?,
            None => {
                ui.note("learning the vocabulary …");
                train_tokenizer(&self.recipe).context("cannot learn the vocabulary")?
            }
        };
        let json = tokenizer.to_json().context("cannot keep the vocabulary")?;
        let steps = self.steps;
        let plan = Plan {
            schedule: self.recipe.schedule(steps),
            checkpoint_every: self.recipe.train.checkpoint_every,
            notes: BTreeMap::from([
                (RECIPE.to_owned(), self.text.clone()),
                (STEPS.to_owned(), steps.to_string()),
                (TOKENIZER.to_owned(), json),
            ]),
        };
        let begun = found.map_or(0, |found| found.step);
        self.announce(begun, steps, ui);
        let mut learner = Pretraining::new(&self.recipe).context("cannot make the model")?;
        let mut source = Dialogues::new(&self.recipe, tokenizer);
        let stop = stop_on_interrupt()?;
        let metrics = self.metrics(begun)?;
        let mut watcher = Figures::new(metrics, (begun, steps), &*self.env.clock, ui);
        let ending = run::run(
            &mut learner,
            &mut source,
            &plan,
            &self.folder,
            (&mut watcher, &stop),
        )
        .context("training broke off")?;
        watcher.finish(ending);
        Ok(ending)
    }

    /// Opens the file of figures: a fresh one for a fresh run.
    fn metrics(&self, begun: u64) -> anyhow::Result<fs_err::File> {
        fs_err::OpenOptions::new()
            .create(true)
            .write(true)
            .append(begun > 0)
            .truncate(begun == 0)
            .open(self.folder.file("metrics.jsonl"))
            .context("cannot keep figures")
    }

    fn announce(&self, begun: u64, steps: u64, ui: &mut Ui) {
        let mut line = format!(
            "{}: {:.1} M parameters, {steps} steps of about {} tokens, {} threads",
            self.recipe.name,
            self.recipe.model.parameters() as f64 / 1e6,
            self.recipe.train.batch_tokens,
            self.threads(),
        );
        if begun > 0 {
            let _ = write!(line, ", going on after step {begun}");
        }
        ui.note(&line);
    }

    fn threads(&self) -> usize {
        self.args.threads.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        })
    }

    fn tokenizer(&self, found: &Checkpoint) -> anyhow::Result<ChatTokenizer> {
        let json = found.notes.get(TOKENIZER);
        let json = json.context("cannot go on: the checkpoint has no vocabulary")?;
        ChatTokenizer::from_json(json).context("cannot read the checkpoint's vocabulary")
    }

    fn export(&self, found: &Checkpoint) -> anyhow::Result<()> {
        let tokenizer = self.tokenizer(found)?;
        let bytes = export::model(&self.recipe, &found.state, &tokenizer)
            .context("cannot write the model")?;
        replace(&self.out, &bytes).context("cannot write the model")
    }

    fn quantise(&self, ui: &mut Ui) -> anyhow::Result<()> {
        let target = &self.quantised;
        let Some(edge) = self.env.edge(self.args.edge.as_ref()) else {
            ui.note(&format!(
                "edge was not found; to quantise, run: edge model quantise {} {} --type q4_k_m",
                self.out.display(),
                target.display(),
            ));
            return Ok(());
        };
        let status = Command::new(&edge)
            .args(["model", "quantise"])
            .args([&self.out, target])
            .args(["--type", "q4_k_m"])
            .status()
            .with_context(|| format!("cannot run {}", edge.display()))?;
        anyhow::ensure!(status.success(), "quantising failed with {status}");
        ui.note(&format!("wrote {}", target.display()));
        Ok(())
    }
}

/// A flag that the first interrupt sets; the step under way is finished first.
fn stop_on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&stop);
    ctrlc::set_handler(move || set.store(true, Ordering::Relaxed))
        .context("cannot listen for interrupts")?;
    Ok(stop)
}
