//! Sequences into batches with little padding.
//!
//! Pure. A window of sequences is sorted by length and cut into batches of about equal
//! token counts; the batches are then shuffled, so that length does not follow time.
//!
//! Units: lengths in tokens.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use crate::dataset::sequence::Sequence;

/// What one optimiser step learns from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Its sequences, shortest first.
    pub sequences: Vec<Sequence>,
}

impl Batch {
    /// Tokens, padding not counted.
    pub fn tokens(&self) -> usize {
        self.sequences.iter().map(|s| s.tokens.len()).sum()
    }

    /// The sum of all target weights: what a step's loss is divided by.
    pub fn weight(&self) -> f64 {
        // A sequence's first token is predicted from nothing, so it is no target.
        self.sequences
            .iter()
            .flat_map(|s| s.weights.iter().skip(1))
            .map(|&weight| f64::from(weight))
            .sum()
    }

    /// Parts of at most `limit` tokens with padding, but of one sequence at least.
    pub fn micro_batches(&self, limit: usize) -> Vec<&[Sequence]> {
        let mut parts = Vec::new();
        let mut rest = &self.sequences[..];
        while !rest.is_empty() {
            let fits = (1..=rest.len())
                .take_while(|&n| n * rest[n - 1].tokens.len() <= limit)
                .count()
                .max(1);
            let (part, others) = rest.split_at(fits);
            parts.push(part);
            rest = others;
        }
        parts
    }
}

/// Cuts a window of sequences into batches of about `batch_tokens` tokens each.
pub fn batches(mut sequences: Vec<Sequence>, batch_tokens: usize, seed: u64) -> Vec<Batch> {
    sequences.sort_by_key(|s| s.tokens.len());
    let total: usize = sequences.iter().map(|s| s.tokens.len()).sum();
    let count = (total / batch_tokens.max(1)).max(1);
    let mut batches = vec![Batch::default(); count];
    let mut before = 0;
    for sequence in sequences {
        let batch = before * count / total.max(1);
        before += sequence.tokens.len();
        batches[batch].sequences.push(sequence);
    }
    batches.retain(|batch| !batch.sequences.is_empty());
    batches.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    batches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Batch, batches};
    use crate::dataset::sequence::Sequence;

    fn sequence(length: usize) -> Sequence {
        Sequence {
            tokens: vec![7; length],
            weights: vec![1.0; length],
            branches: Vec::new(),
        }
    }

    fn lengths<'a>(sequences: impl IntoIterator<Item = &'a Sequence>) -> Vec<usize> {
        let mut lengths: Vec<usize> = sequences.into_iter().map(|s| s.tokens.len()).collect();
        lengths.sort_unstable();
        lengths
    }

    proptest! {
        /// Every sequence is in exactly one batch, and in one micro-batch of it.
        #[test]
        fn nothing_is_lost_or_doubled(sizes in prop::collection::vec(1_usize..200, 0..60), seed: u64) {
            let all: Vec<Sequence> = sizes.iter().map(|&n| sequence(n)).collect();
            let cut = batches(all.clone(), 500, seed);
            prop_assert_eq!(lengths(cut.iter().flat_map(|b| &b.sequences)), lengths(&all));
            for batch in &cut {
                let parts = batch.micro_batches(300);
                prop_assert_eq!(lengths(parts.iter().copied().flatten()), lengths(&batch.sequences));
                for part in parts {
                    let longest = part.last().map_or(0, |s| s.tokens.len());
                    prop_assert!(part.len() == 1 || part.len() * longest <= 300);
                }
            }
        }

        #[test]
        fn equal_seeds_give_equal_batches(sizes in prop::collection::vec(1_usize..200, 0..60), seed: u64) {
            let all: Vec<Sequence> = sizes.iter().map(|&n| sequence(n)).collect();
            prop_assert_eq!(batches(all.clone(), 500, seed), batches(all, 500, seed));
        }
    }

    #[test]
    fn first_token_is_no_target() {
        let batch = Batch {
            sequences: vec![sequence(3), sequence(5)],
        };
        assert_eq!(batch.weight(), 6.0);
    }
}
