//! Which learning rate each step takes.
//!
//! Pure. The rate climbs in a straight line for [`Schedule::warmup`] steps and then
//! falls along half a cosine to [`Schedule::floor`] of the peak at the last step. It may
//! do so several times over: a run that has cooled down can be warmed up and prolonged.
//!
//! Units: steps counted from 0; rates as the optimiser takes them. Source of restarts:
//! Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts" (2017).

/// A learning rate by step.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The highest rate.
    pub peak: f64,
    /// Steps that climb to it.
    pub warmup: u64,
    /// Steps in all.
    pub steps: u64,
    /// Steps before which the rate climbs anew, in ascending order.
    pub restarts: Vec<u64>,
    /// How far it climbs then, as a share of the peak.
    pub restart_peak: f64,
    /// The last step's share of the peak.
    pub floor: f64,
}

impl Schedule {
    /// The rate of step `step`; steps past the end keep the last rate.
    pub fn rate(&self, step: u64) -> f64 {
        let past = self.restarts.partition_point(|&restart| restart <= step);
        let begin = past.checked_sub(1).map_or(0, |last| self.restarts[last]);
        let end = self.restarts.get(past).copied().unwrap_or(self.steps);
        let share = if past > 0 { self.restart_peak } else { 1.0 };
        share * self.rate_within(step - begin, end.saturating_sub(begin))
    }

    /// The rate of step `step` of a climb and fall of `steps` steps.
    fn rate_within(&self, step: u64, steps: u64) -> f64 {
        if step < self.warmup {
            return self.peak * fraction(step + 1, self.warmup);
        }
        let last = steps.saturating_sub(1).max(self.warmup);
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

    fn schedule(steps: u64, restarts: &[u64]) -> Schedule {
        Schedule {
            peak: 2e-3,
            warmup: 10,
            steps,
            restarts: restarts.to_vec(),
            restart_peak: 0.5,
            floor: 0.05,
        }
    }

    #[test]
    fn rate_climbs_to_the_peak_and_falls_to_the_floor() {
        let schedule = schedule(100, &[]);
        assert!((schedule.rate(0) - 2e-4).abs() < 1e-12);
        assert!((schedule.rate(9) - 2e-3).abs() < 1e-12);
        assert!((schedule.rate(10) - 2e-3).abs() < 1e-12);
        assert!((schedule.rate(99) - 1e-4).abs() < 1e-12);
        assert_eq!(schedule.rate(99), schedule.rate(10_000));
    }

    #[test]
    fn rate_never_rises_after_the_warmup() {
        let schedule = schedule(100, &[]);
        let rates: Vec<f64> = (10..100).map(|step| schedule.rate(step)).collect();
        assert!(rates.is_sorted_by(|a, b| a >= b), "{rates:?}");
    }

    /// Prolonging a finished run by a restart leaves the steps it has taken as they were.
    #[test]
    fn restart_begins_a_climb_and_changes_nothing_before_it() {
        let (short, long) = (schedule(100, &[]), schedule(250, &[100]));
        for step in 0..100 {
            assert_eq!(long.rate(step), short.rate(step));
        }
        assert!((long.rate(100) - short.rate(0) / 2.0).abs() < 1e-12);
        assert!((long.rate(110) - 1e-3).abs() < 1e-12);
        assert!((long.rate(249) - 5e-5).abs() < 1e-12);
    }

    /// A run shorter than its warm-up, or than its restarts, must not divide by nothing.
    #[test]
    fn short_runs_have_finite_rates() {
        for steps in 0..12 {
            let schedule = schedule(steps, &[4]);
            assert!((0..12).all(|step| schedule.rate(step).is_finite()));
        }
    }
}
