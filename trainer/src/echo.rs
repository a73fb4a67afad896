//! Sequences that teach nothing but to look up and repeat.
//!
//! A model that starts on dialogues learns their phrases first and copies values late.
//! So its first steps are echoes: records of random tokens, each a key and a value, then
//! the same records once more in another order. Once a key's first token is read again,
//! the rest of its record can be known, and nothing else can.
//!
//! Pure and seeded. Source: the "induction" and "associative recall" tasks of Olsson et
//! al. (2022) and Arora et al. (2023).

use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::dataset::sequence::Sequence;
use crate::dataset::tokenizer::SPECIALS;

/// How many records a sequence has.
const RECORDS: std::ops::Range<usize> = 4..12;
/// Tokens in a record, key and value together.
const RECORD_TOKENS: std::ops::Range<usize> = 2..8;
/// How many tokens a sequence uses that repeats them.
const FEW: std::ops::Range<usize> = 6..24;

/// Echo `index` of a seed, over tokens below `vocabulary`.
pub fn echo(seed: u64, index: u64, vocabulary: usize) -> Sequence {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(index);
    let ordinary = SPECIALS.len() as u32..vocabulary as u32;
    let count = random.random_range(RECORDS);
    let mut any: Vec<u32> = ordinary.collect();
    any.shuffle(&mut random);
    // No two records begin alike.
    let keys = any.split_off(any.len() - count);
    // Half of the echoes use few tokens over and over: what follows one of them is known
    // from those before it only.
    if random.random_bool(0.5) {
        any.truncate(random.random_range(FEW));
    }
    let mut records: Vec<Vec<u32>> = keys
        .into_iter()
        .map(|key| {
            let length = random.random_range(RECORD_TOKENS) - 1;
            let rest = (0..length).map(|_| any[random.random_range(0..any.len())]);
            std::iter::once(key).chain(rest).collect()
        })
        .collect();
    let mut sequence = Sequence {
        tokens: records.concat(),
        ..Sequence::default()
    };
    sequence.weights.resize(sequence.tokens.len(), 0.0);
    records.shuffle(&mut random);
    for record in &records {
        sequence.tokens.extend(record);
        sequence.weights.push(0.0);
        sequence.weights.resize(sequence.tokens.len(), 1.0);
    }
    sequence
}

#[cfg(test)]
mod tests {
    use super::echo;

    #[test]
    fn what_is_weighted_was_read_before() {
        for index in 0..200 {
            let sequence = echo(1, index, 4096);
            assert_eq!(sequence.tokens.len(), sequence.weights.len());
            let half = sequence.tokens.len() / 2;
            for at in 0..sequence.tokens.len() {
                if sequence.weights[at] > 0.0 {
                    let pair = &sequence.tokens[at - 1..=at];
                    let told = &sequence.tokens[..half];
                    assert!(told.windows(2).any(|before| before == pair));
                }
            }
            assert!(sequence.weights.iter().any(|weight| *weight > 0.0));
        }
    }

    #[test]
    fn echoes_differ_by_index_and_seed() {
        assert_eq!(echo(1, 2, 4096), echo(1, 2, 4096));
        assert_ne!(echo(1, 2, 4096), echo(1, 3, 4096));
        assert_ne!(echo(1, 2, 4096), echo(2, 2, 4096));
    }
}
