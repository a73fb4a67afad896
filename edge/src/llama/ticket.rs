//! Between a client and the engine: whether the client still waits.
//!
//! # Invariants
//! - A batch is broken off only when nobody in it waits any more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::generate::Stop;

/// One request, as client and engine both see it.
#[derive(Debug)]
pub(super) struct Ticket {
    cancelled: AtomicBool,
    until: Option<Instant>,
}

impl Ticket {
    /// A request that is to end when `deadline` has passed.
    pub(super) fn new(deadline: Option<Duration>) -> Arc<Self> {
        Arc::new(Self {
            cancelled: AtomicBool::new(false),
            // A deadline beyond what the clock can count is none.
            until: deadline.and_then(|deadline| now().checked_add(deadline)),
        })
    }

    /// The client waits no longer.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Why the request must end now, if it must.
    pub(super) fn over(&self) -> Option<Stop> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Some(Stop::Cancelled);
        }
        let late = self.until.is_some_and(|until| now() >= until);
        late.then_some(Stop::Deadline)
    }
}

/// The requests in the batch that is being computed.
#[derive(Debug, Default)]
pub(super) struct Watch(Mutex<Vec<Arc<Ticket>>>);

impl Watch {
    /// A batch for these begins; none is being computed where there are none.
    pub(super) fn set(&self, tickets: Vec<Arc<Ticket>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = tickets;
    }

    /// Whether nobody waits for the batch.
    pub(super) fn is_over(&self) -> bool {
        let Ok(tickets) = self.0.try_lock() else {
            return false;
        };
        !tickets.is_empty() && tickets.iter().all(|ticket| ticket.over().is_some())
    }
}

/// The monotonic clock.
#[expect(
    clippy::disallowed_methods,
    reason = "measures the runtime, and ends what takes longer than its client allows"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_broken_off_when_nobody_waits_any_more() {
        let watch = Watch::default();
        assert!(!watch.is_over(), "nothing is being computed");
        let (first, second) = (Ticket::new(None), Ticket::new(Some(Duration::ZERO)));
        watch.set(vec![Arc::clone(&first), Arc::clone(&second)]);
        assert_eq!(second.over(), Some(Stop::Deadline));
        assert!(!watch.is_over(), "the first still waits");
        first.cancel();
        assert!(watch.is_over());
    }

    #[test]
    fn a_deadline_beyond_the_clock_is_none() {
        assert_eq!(Ticket::new(Some(Duration::MAX)).over(), None);
    }
}
