//! The one training loop.
//!
//! A [`Learner`] takes steps, a [`Source`] gives batches, [`run`] does the rest: the
//! schedule, checkpoints, resuming and stopping. What is learnt, and how, is the
//! learner's affair, so every kind of training shares this loop.
//!
//! # Invariants
//! - A run that was killed and resumed ends with the very weights of an unbroken one
//!   (same machine, same thread count).
//! - A checkpoint file is whole or absent.
//!
//! Units: steps from 0, losses in nats.

pub mod checkpoint;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use self::checkpoint::{Checkpoint, CheckpointError, Folder};
use crate::schedule::Schedule;

/// A finite number.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Finite(f64);

/// A number that was to be finite was not.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{found} is not finite")]
pub struct NotFinite {
    /// The number.
    pub found: f64,
}

impl Finite {
    /// Checks a number.
    ///
    /// # Errors
    /// [`NotFinite`] for infinities and what is no number.
    pub fn new(value: f64) -> Result<Self, NotFinite> {
        if value.is_finite() {
            Ok(Self(value))
        } else {
            Err(NotFinite { found: value })
        }
    }

    /// The number.
    pub const fn value(self) -> f64 {
        self.0
    }
}

/// Numbers with dimensions, outermost first.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Lengths of the dimensions; their product is the number of values.
    pub dimensions: Vec<usize>,
    /// Values, the last dimension running fastest.
    pub values: Vec<f32>,
}

/// All that a learner needs to go on: named tensors, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Weights under [`WEIGHT`] and their names, optimiser moments under other prefixes.
    pub tensors: BTreeMap<String, Array>,
}

/// Before the name of every weight in a [`State`].
pub const WEIGHT: &str = "weight/";

impl State {
    /// The weights by name, moments left out.
    pub fn weights(&self) -> impl Iterator<Item = (&str, &Array)> {
        self.tensors
            .iter()
            .filter_map(|(name, array)| Some((name.strip_prefix(WEIGHT)?, array)))
    }
}

/// What one optimiser step measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Loss per unit of target weight.
    pub loss: Finite,
    /// Length of the gradient before clipping.
    pub gradient: Finite,
}

/// What can be trained.
pub trait Learner {
    /// What one step learns from.
    type Batch;
    /// Why a step failed.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Takes one optimiser step.
    ///
    /// # Errors
    /// If the step failed or its loss is not finite: weights are as they were.
    fn step(&mut self, batch: &Self::Batch, rate: f64) -> Result<Step, Self::Error>;

    /// Everything needed to go on from here.
    ///
    /// # Errors
    /// If the state cannot be copied.
    fn save(&self) -> Result<State, Self::Error>;

    /// Goes on from a state saved after `steps` steps.
    ///
    /// # Errors
    /// If the state is of another model.
    fn load(&mut self, state: &State, steps: u64) -> Result<(), Self::Error>;
}

/// Where in its data a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Windows used up.
    pub window: u64,
    /// Batches used up in the present window.
    pub batch: u64,
}

/// An endless supply of batches that depends on nothing but its seed and position.
pub trait Source {
    /// What one step learns from.
    type Batch;

    /// Where the next batch lies.
    fn position(&self) -> Position;

    /// Goes to a position told before.
    fn seek(&mut self, position: Position);

    /// The next batch and its number of tokens.
    fn next_batch(&mut self) -> (Self::Batch, usize);
}

/// One finished step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps taken, this one included.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Tokens in this step's batch.
    pub tokens: usize,
    /// The rate it was taken with.
    pub rate: f64,
    /// What it measured.
    pub measured: Step,
}

/// Follows a run.
pub trait Watcher<L: Learner> {
    /// A step is done.
    fn stepped(&mut self, progress: &Progress);

    /// A checkpoint was written; the learner may be asked, not changed.
    fn saved(&mut self, learner: &L, step: u64);
}

/// How a run is done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Learning rates, and how many steps.
    pub schedule: Schedule,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Stored with every checkpoint, such as the tokenizer and the recipe.
    pub notes: BTreeMap<String, String>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps are taken.
    Finished,
    /// It was asked to stop; its checkpoint goes on from there.
    Stopped {
        /// Steps taken.
        step: u64,
    },
}

/// Why a run broke off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError<E: std::error::Error + 'static> {
    /// A step, or copying its state, failed.
    #[error("step {step} failed")]
    Step {
        /// The step, from 0.
        step: u64,
        /// Why.
        source: E,
    },
    /// A checkpoint does not fit the learner.
    #[error("the checkpoint of step {step} does not fit this model")]
    Resume {
        /// Its step.
        step: u64,
        /// Why.
        source: E,
    },
    /// A checkpoint could not be written or read.
    #[error("the run's checkpoint failed")]
    Checkpoint {
        /// Why.
        #[from]
        source: CheckpointError,
    },
}

/// Trains until the schedule ends or `stop` is set, from the folder's checkpoint if it has one.
///
/// # Errors
/// [`RunError`]; the last checkpoint stays.
pub fn run<L, S>(
    learner: &mut L,
    source: &mut S,
    plan: &Plan,
    folder: &Folder,
    (watcher, stop): (&mut dyn Watcher<L>, &AtomicBool),
) -> Result<Ending, RunError<L::Error>>
where
    L: Learner,
    S: Source<Batch = L::Batch>,
{
    let mut step = resume(learner, source, folder)?;
    let steps = plan.schedule.steps;
    while step < steps {
        let (batch, tokens) = source.next_batch();
        let rate = plan.schedule.rate(step);
        let measured = learner
            .step(&batch, rate)
            .map_err(|source| RunError::Step { step, source })?;
        step += 1;
        watcher.stepped(&Progress {
            step,
            steps,
            tokens,
            rate,
            measured,
        });
        let stopping = stop.load(Ordering::Relaxed);
        if stopping || step == steps || step.is_multiple_of(plan.checkpoint_every) {
            save(learner, source.position(), step, plan, folder)?;
            watcher.saved(learner, step);
        }
        if stopping && step < steps {
            return Ok(Ending::Stopped { step });
        }
    }
    Ok(Ending::Finished)
}

fn resume<L, S>(learner: &mut L, source: &mut S, folder: &Folder) -> Result<u64, RunError<L::Error>>
where
    L: Learner,
    S: Source<Batch = L::Batch>,
{
    let Some(found) = folder.read()? else {
        return Ok(0);
    };
    let step = found.step;
    learner
        .load(&found.state, step)
        .map_err(|source| RunError::Resume { step, source })?;
    source.seek(found.position);
    Ok(step)
}

fn save<L: Learner>(
    learner: &L,
    position: Position,
    step: u64,
    plan: &Plan,
    folder: &Folder,
) -> Result<(), RunError<L::Error>> {
    let state = learner
        .save()
        .map_err(|source| RunError::Step { step, source })?;
    folder.write(&Checkpoint {
        step,
        position,
        notes: plan.notes.clone(),
        state,
    })?;
    Ok(())
}

#[cfg(test)]
mod tests;
