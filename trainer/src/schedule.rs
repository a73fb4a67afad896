//! Which learning rate each step takes.
//!
//! Pure. The rate climbs in a straight line for [`Schedule::warmup`] steps and then
//! falls along half a cosine to [`Schedule::floor`] of the peak at the last step.
//!
//! Units: steps counted from 0; rates as the optimiser takes them.

/// A learning rate by step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The highest rate.
    pub peak: f64,
    /// Steps that climb to it.
    pub warmup: u64,
    /// Steps in all.
    pub steps: u64,
    /// The last step's share of the peak.
    pub floor: f64,
}

impl Schedule {
    /// The rate of step `step`; steps past the end keep the last rate.
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.peak * fraction(step + 1, self.warmup);
        }
        let last = self.steps.saturating_sub(1).max(self.warmup);
        let done = fraction(step.min(last) - self.warmup, last - self.warmup);
        let fall = 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
        self.peak * (self.floor + (1.0 - self.floor) * fall)
    }
}

/// `part / whole`; the whole of nothing is done.
fn fraction(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    const SCHEDULE: Schedule = Schedule {
        peak: 2e-3,
        warmup: 10,
        steps: 100,
        floor: 0.05,
    };

    #[test]
    fn rate_climbs_to_the_peak_and_falls_to_the_floor() {
        assert!((SCHEDULE.rate(0) - 2e-4).abs() < 1e-12);
        assert!((SCHEDULE.rate(9) - 2e-3).abs() < 1e-12);
        assert!((SCHEDULE.rate(10) - 2e-3).abs() < 1e-12);
        assert!((SCHEDULE.rate(99) - 1e-4).abs() < 1e-12);
        assert_eq!(SCHEDULE.rate(99), SCHEDULE.rate(10_000));
    }

    #[test]
    fn rate_never_rises_after_the_warmup() {
        let rates: Vec<f64> = (10..100).map(|step| SCHEDULE.rate(step)).collect();
        assert!(rates.is_sorted_by(|a, b| a >= b), "{rates:?}");
    }

    /// A run shorter than its warm-up must not divide by nothing.
    #[test]
    fn short_runs_have_finite_rates() {
        for steps in 0..12 {
            let schedule = Schedule { steps, ..SCHEDULE };
            assert!((0..12).all(|step| schedule.rate(step).is_finite()));
        }
    }
}
