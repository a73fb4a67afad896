//! What the engine's thread and its clients both see: counts, and how many may come.
//!
//! # Invariants
//! - No more requests are inside than there are slots and places in the queue.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::generate::{EngineStatus, GenerateError};

/// How long a refused client waits, at least and at most.
const LEAST_WAIT: Duration = Duration::from_secs(1);
const MOST_WAIT: Duration = Duration::from_mins(1);

/// Counts, and how many may come.
pub(super) struct Shared {
    most: usize,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    inside: usize,
    /// How long a request takes in its slot, smoothed.
    takes: Duration,
    status: EngineStatus,
}

impl Shared {
    pub(super) fn new(slots: usize, queue: usize) -> Self {
        let status = EngineStatus {
            slots,
            ..EngineStatus::default()
        };
        Self {
            most: slots + queue,
            counts: Mutex::new(Counts {
                status,
                ..Counts::default()
            }),
        }
    }

    /// A request comes; it [`Self::leave`]s once it is answered.
    ///
    /// # Errors
    /// [`GenerateError::Busy`] if there is no place left.
    pub(super) fn enter(&self) -> Result<(), GenerateError> {
        let mut counts = self.lock();
        if counts.inside == self.most {
            counts.status.refused += 1;
            // One of the slots is free again after its share of what a request takes.
            let slots = u32::try_from(counts.status.slots).unwrap_or(1).max(1);
            return Err(GenerateError::Busy {
                retry_after: (counts.takes / slots).clamp(LEAST_WAIT, MOST_WAIT),
            });
        }
        counts.inside += 1;
        counts.status.requests += 1;
        Ok(())
    }

    /// A request was answered; it took this long in a slot.
    pub(super) fn leave(&self, took: Duration) {
        let mut counts = self.lock();
        counts.inside -= 1;
        if !took.is_zero() {
            counts.takes = if counts.takes.is_zero() {
                took
            } else {
                (counts.takes * 3 + took) / 4
            };
        }
    }

    /// Changes the counts.
    pub(super) fn count(&self, change: impl FnOnce(&mut EngineStatus)) {
        change(&mut self.lock().status);
    }

    pub(super) fn status(&self) -> EngineStatus {
        self.lock().status.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
