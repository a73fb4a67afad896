//! Seeded choices: the only source of randomness of the corpus.
//!
//! Pure: equal (seed, stream, split) give equal rolls on every machine.

use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// Which half of the world's values a generator may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Split {
    /// Values a model is trained on.
    Training,
    /// Values kept for evaluation, never generated in training.
    HeldOut,
}

/// A stream of seeded choices.
pub(crate) struct Dice {
    rng: ChaCha8Rng,
    split: Split,
}

impl Dice {
    /// Stream `stream` of `seed`; streams are independent.
    pub(crate) fn new(seed: u64, stream: u64, split: Split) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self { rng, split }
    }

    /// Which values may be drawn.
    pub(crate) const fn split(&self) -> Split {
        self.split
    }

    /// True `percent` times of a hundred.
    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    /// A number in `0..end`; `end` must be positive.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.rng.random_range(0..end)
    }

    /// A number in `low..=high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        self.rng.random_range(low..=high)
    }

    /// One of `items`, which must not be empty.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, items: &'a [&'a T]) -> &'a T {
        items[self.below(items.len())]
    }

    /// An index into `weights`, each as likely as its weight; not all may be zero.
    pub(crate) fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut roll = self.rng.random_range(0..weights.iter().sum::<u32>());
        for (index, weight) in weights.iter().enumerate() {
            if roll < *weight {
                return index;
            }
            roll -= weight;
        }
        weights.len() - 1
    }

    /// Reorders `items` at random.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
