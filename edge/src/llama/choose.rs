//! Logits to the next token.
//!
//! Greedy choices are ours; everything else is llama.cpp's chain of samplers, applied
//! to the logits we hand it.

use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;

use crate::generate::Token;
use crate::sample::Sampling;

/// Chooses tokens for one answer.
pub(super) enum Chooser {
    Greedy,
    Chain {
        sampler: LlamaSampler,
        candidates: LlamaTokenDataArray,
    },
}

impl Chooser {
    /// `vocabulary` is how many tokens there are, `held` what was read so far: its end counts as used lately.
    pub(super) fn new(sampling: &Sampling, vocabulary: usize, held: &[Token]) -> Self {
        #[expect(clippy::float_cmp, reason = "exactly 1 means no penalty")]
        let plain = sampling.repeat_penalty == 1.0;
        if sampling.is_greedy() && plain {
            return Self::Greedy;
        }
        let mut chain = Vec::new();
        if !plain {
            let window = i32::try_from(sampling.repeat_window).unwrap_or(i32::MAX);
            let vocabulary = i32::try_from(vocabulary).unwrap_or(i32::MAX);
            chain.push(LlamaSampler::penalties(
                vocabulary,
                window,
                sampling.repeat_penalty,
                0.0,
                0.0,
            ));
        }
        if sampling.is_greedy() {
            chain.push(LlamaSampler::greedy());
        } else {
            if sampling.top_k > 0 {
                chain.push(LlamaSampler::top_k(
                    i32::try_from(sampling.top_k).unwrap_or(i32::MAX),
                ));
            }
            chain.push(LlamaSampler::top_p(sampling.top_p, 1));
            chain.push(LlamaSampler::min_p(sampling.min_p, 1));
            chain.push(LlamaSampler::temp(sampling.temperature));
            chain.push(LlamaSampler::dist(sampling.seed));
        }
        let mut sampler = LlamaSampler::chain(chain, true);
        let lately = held.len().saturating_sub(sampling.repeat_window as usize);
        sampler.accept_many(held[lately..].iter().map(|&token| LlamaToken(token)));
        Self::Chain {
            sampler,
            candidates: LlamaTokenDataArray::new(Vec::new(), false),
        }
    }

    /// Chooses and notes the choice. Without any logits, token 0.
    pub(super) fn choose(&mut self, logits: &[f32]) -> Token {
        match self {
            Self::Greedy => likeliest(logits),
            Self::Chain {
                sampler,
                candidates,
            } => {
                candidates.data.clear();
                candidates.data.extend(
                    (0..)
                        .zip(logits)
                        .map(|(id, &logit)| LlamaTokenData::new(LlamaToken(id), logit, 0.0)),
                );
                candidates.sorted = false;
                candidates.selected = None;
                sampler.apply(candidates);
                let token = candidates
                    .selected_token()
                    .unwrap_or_else(|| LlamaToken(likeliest(logits)));
                sampler.accept(token);
                token.0
            }
        }
    }
}

/// The first of the largest logits; NaN is never largest.
fn likeliest(logits: &[f32]) -> Token {
    let mut best = (0, f32::NEG_INFINITY);
    for (id, &logit) in (0..).zip(logits) {
        if logit > best.1 {
            best = (id, logit);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greedy_takes_the_first_of_the_largest_and_never_nan() {
        assert_eq!(likeliest(&[0.5, f32::NAN, 2.0, 2.0, -1.0]), 2);
        assert_eq!(likeliest(&[]), 0);
    }

    #[test]
    fn equal_seeds_choose_alike() {
        let sampling = Sampling {
            temperature: 1.0,
            ..Sampling::GREEDY
        };
        let logits: Vec<f32> = (0..50u8).map(|i| f32::from(i % 7)).collect();
        let draw = |seed| {
            let mut chooser = Chooser::new(&sampling.seeded(seed), 50, &[]);
            (0..20).map(|_| chooser.choose(&logits)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn a_penalty_turns_to_the_next_best_after_a_use() {
        let sampling = Sampling {
            repeat_penalty: 2.0,
            ..Sampling::GREEDY
        };
        let mut chooser = Chooser::new(&sampling, 3, &[]);
        let logits = [1.0, 3.0, 2.0];
        assert_eq!([chooser.choose(&logits), chooser.choose(&logits)], [1, 2]);
    }
}
