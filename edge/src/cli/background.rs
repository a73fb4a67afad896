//! Work done beside a conversation: vectors of a new embedder for old words.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crate::memory::{Memory, MemoryError};
use crate::ui::{Ui, WriteError};

/// Passages embedded between two looks at whether to go on.
const STEP: usize = 32;

/// Gives every passage a vector of the present embedder, until done or stopped.
pub(super) struct Reembedding {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<(), MemoryError>>,
}

impl Reembedding {
    pub(super) fn start(memory: &Arc<Memory>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (memory, told) = (Arc::clone(memory), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) && memory.reembed_step(STEP)?.left > 0 {}
            Ok(())
        });
        Self { stop, thread }
    }

    /// Waits for the step at hand. A failure costs no words, so it is told, not raised.
    pub(super) fn stop(self, ui: &mut Ui) -> Result<(), WriteError> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => ui.warn(&format!("old words have no new vectors yet: {error}")),
            Err(_) => ui.warn("old words have no new vectors yet"),
        }
    }
}
