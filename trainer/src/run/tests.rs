use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};

use super::checkpoint::Folder;
use super::{
    Array, Ending, Finite, Learner, Plan, Position, Progress, Source, State, Step, Watcher, run,
};
use crate::schedule::Schedule;

/// Learns the running sum of what it is given, so that every skipped, doubled or
/// reordered batch shows.
#[derive(Default)]
struct Summing {
    sum: f32,
    steps: u64,
}

impl Learner for Summing {
    type Batch = f32;
    type Error = Infallible;

    fn step(&mut self, batch: &f32, rate: f64) -> Result<Step, Infallible> {
        self.sum = self.sum * 0.5 + *batch * rate as f32;
        self.steps += 1;
        Ok(Step {
            loss: Finite(f64::from(self.sum)),
            gradient: Finite(0.0),
        })
    }

    fn save(&self) -> Result<State, Infallible> {
        let array = Array {
            dimensions: vec![1],
            values: vec![self.sum],
        };
        Ok(State {
            tensors: BTreeMap::from([("sum".to_owned(), array)]),
        })
    }

    fn load(&mut self, state: &State, steps: u64) -> Result<(), Infallible> {
        self.sum = state.tensors["sum"].values[0];
        self.steps = steps;
        Ok(())
    }
}

/// Counts up; three batches make a window.
#[derive(Default)]
struct Counting(Position);

impl Source for Counting {
    type Batch = f32;

    fn position(&self) -> Position {
        self.0
    }

    fn seek(&mut self, position: Position) {
        self.0 = position;
    }

    fn next_batch(&mut self) -> (f32, usize) {
        let value = (self.0.window * 3 + self.0.batch) as f32;
        self.0.batch += 1;
        if self.0.batch == 3 {
            self.0 = Position {
                window: self.0.window + 1,
                batch: 0,
            };
        }
        (value, 1)
    }
}

/// Remembers the steps it saw, and asks to stop at one of them.
#[derive(Default)]
struct Log {
    stop_at: Option<u64>,
    stop: AtomicBool,
    steps: Vec<u64>,
    saved: Vec<u64>,
}

struct Follow<'a>(
    &'a AtomicBool,
    Option<u64>,
    &'a mut Vec<u64>,
    &'a mut Vec<u64>,
);

impl Watcher<Summing> for Follow<'_> {
    fn stepped(&mut self, progress: &Progress) {
        self.2.push(progress.step);
        if self.1 == Some(progress.step) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn saved(&mut self, _: &Summing, step: u64) {
        self.3.push(step);
    }
}

fn train(folder: &Folder, log: &mut Log) -> (Summing, Ending) {
    let plan = Plan {
        schedule: Schedule {
            peak: 1.0,
            warmup: 2,
            steps: 11,
            restarts: Vec::new(),
            restart_peak: 1.0,
            floor: 0.1,
        },
        checkpoint_every: 4,
        notes: BTreeMap::new(),
    };
    let mut learner = Summing::default();
    let mut source = Counting::default();
    let mut follow = Follow(&log.stop, log.stop_at, &mut log.steps, &mut log.saved);
    let watch = (&mut follow as &mut dyn Watcher<Summing>, &log.stop);
    let ending = run(&mut learner, &mut source, &plan, folder, watch).unwrap();
    (learner, ending)
}

fn folder() -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open(dir.path()).unwrap();
    (dir, folder)
}

#[test]
fn stopped_and_resumed_run_ends_like_an_unbroken_one() {
    let (_dir, whole) = folder();
    let (unbroken, ending) = train(&whole, &mut Log::default());
    assert_eq!(ending, Ending::Finished);
    for stop_at in 1..11 {
        let (_dir, broken) = folder();
        let mut log = Log {
            stop_at: Some(stop_at),
            ..Log::default()
        };
        let (_, ending) = train(&broken, &mut log);
        assert_eq!(ending, Ending::Stopped { step: stop_at });
        let mut log = Log::default();
        let (resumed, ending) = train(&broken, &mut log);
        assert_eq!(ending, Ending::Finished);
        assert_eq!(log.steps, (stop_at + 1..=11).collect::<Vec<_>>());
        assert_eq!(resumed.sum.to_bits(), unbroken.sum.to_bits());
    }
}

#[test]
fn checkpoints_come_at_intervals_and_at_the_end() {
    let (_dir, folder) = folder();
    let mut log = Log::default();
    train(&folder, &mut log);
    assert_eq!(log.saved, [4, 8, 11]);
}

#[test]
fn finished_run_takes_no_further_step() {
    let (_dir, folder) = folder();
    train(&folder, &mut Log::default());
    let mut log = Log::default();
    let (learner, ending) = train(&folder, &mut log);
    assert_eq!((ending, learner.steps), (Ending::Finished, 11));
    assert!(log.steps.is_empty());
}
