//! What a run shows and keeps while it goes on.

use std::io::Write as _;
use std::time::Duration;

use indicatif::ProgressBar;
use shared::clock::{Clock, Timestamp};

use crate::run::{Ending, Learner, Progress, Watcher};
use crate::ui::{Ui, duration};

/// Without a terminal, one line is printed per this many steps.
const STEPS_PER_LINE: u64 = 20;

/// Shows progress and keeps figures: one JSON object per step in `metrics.jsonl`.
pub(super) struct Figures<'a> {
    ui: &'a mut Ui,
    clock: &'a dyn Clock,
    bar: ProgressBar,
    metrics: fs_err::File,
    begun: u64,
    started: Timestamp,
    last: Timestamp,
    /// Tokens, milliseconds and losses since the last line.
    tokens: usize,
    spent: Duration,
    losses: Vec<f64>,
}

impl<'a> Figures<'a> {
    /// Figures of a run of `steps` steps that goes on after step `begun`.
    pub(super) fn new(
        metrics: fs_err::File,
        (begun, steps): (u64, u64),
        clock: &'a dyn Clock,
        ui: &'a mut Ui,
    ) -> Self {
        let bar = ui.bar(steps);
        bar.set_position(begun);
        Self {
            bar,
            ui,
            clock,
            metrics,
            begun,
            started: clock.now(),
            last: clock.now(),
            tokens: 0,
            spent: Duration::ZERO,
            losses: Vec::new(),
        }
    }

    fn line(&mut self, progress: &Progress) {
        let loss = self.losses.iter().sum::<f64>() / self.losses.len().max(1) as f64;
        let speed = self.tokens as f64 / self.spent.as_secs_f64().max(1e-3);
        let done = progress.step - self.begun;
        let left = self.clock.now().since(self.started).as_secs_f64() / done as f64
            * (progress.steps - progress.step) as f64;
        let text = format!(
            "loss {loss:.4}, {speed:.0} tokens/s, {} left",
            duration(Duration::from_secs_f64(left)),
        );
        if self.ui.is_terminal() {
            self.bar.set_position(progress.step);
            self.bar.set_message(text);
        } else {
            let (step, steps) = (progress.step, progress.steps);
            self.ui.note(&format!("step {step}/{steps}: {text}"));
        }
        self.tokens = 0;
        self.spent = Duration::ZERO;
        self.losses.clear();
    }

    /// Clears the bar and says how it ended.
    pub(super) fn finish(self, ending: Ending) {
        self.bar.finish_and_clear();
        if let Ending::Stopped { step } = ending {
            self.ui.note(&format!(
                "stopped after step {step}; the same command goes on from there"
            ));
        }
    }
}

impl<L: Learner> Watcher<L> for Figures<'_> {
    fn stepped(&mut self, progress: &Progress) {
        let now = self.clock.now();
        let spent = now.since(self.last);
        self.last = now;
        self.tokens += progress.tokens;
        self.spent += spent;
        self.losses.push(progress.measured.loss.value());
        let record = serde_json::json!({
            "step": progress.step,
            "loss": progress.measured.loss.value(),
            "gradient": progress.measured.gradient.value(),
            "rate": progress.rate,
            "tokens": progress.tokens,
            "ms": spent.as_millis() as u64,
        });
        // Figures are for people: a full disk must not end a run whose weights are safe.
        let _ = writeln!(self.metrics, "{record}");
        let often = if self.ui.is_terminal() {
            1
        } else {
            STEPS_PER_LINE
        };
        if progress.step.is_multiple_of(often) || progress.step == progress.steps {
            self.line(progress);
        }
    }

    fn saved(&mut self, _: &L, _: u64) {}
}
