//! Logits to the next token.
//!
//! Greedy choices are ours; everything else is llama.cpp's chain of samplers, applied
//! to the logits we hand it. Where the answer must have a form, the choice is made
//! freely first, and again among what may come only if it may not: the same
//! distribution, without asking the grammar for the whole vocabulary each time.

use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;

use super::constrain::Form;
use crate::generate::Token;
use crate::sample::Sampling;

/// Chooses tokens for one answer.
pub(super) struct Chooser {
    /// None always takes the likeliest.
    chain: Option<LlamaSampler>,
    candidates: LlamaTokenDataArray,
    form: Option<Form>,
}

impl Chooser {
    /// `vocabulary` is how many tokens there are, `held` what was read so far: its end
    /// counts as used lately.
    pub(super) fn new(
        sampling: &Sampling,
        vocabulary: usize,
        held: &[Token],
        form: Option<Form>,
    ) -> Self {
        let plain = sampling.is_greedy() && !sampling.has_penalty();
        Self {
            chain: (!plain).then(|| chain(sampling, vocabulary, held)),
            candidates: LlamaTokenDataArray::new(Vec::new(), false),
            form,
        }
    }

    /// Chooses and notes the choice; `None` if nothing may come.
    pub(super) fn choose(&mut self, logits: &[f32]) -> Option<Token> {
        let mut token = self.free(logits)?;
        if let Some(form) = &mut self.form {
            if !form.allows(token) {
                fill(&mut self.candidates, logits);
                if !form.narrow(&mut self.candidates) {
                    return None;
                }
                token = match &mut self.chain {
                    Some(chain) => apply(chain, &mut self.candidates)?,
                    None => likeliest_of(&self.candidates)?,
                };
            }
            form.accept(token);
        }
        if let Some(chain) = &mut self.chain {
            chain.accept(LlamaToken(token));
        }
        Some(token)
    }

    /// The choice without regard to the form.
    fn free(&mut self, logits: &[f32]) -> Option<Token> {
        match &mut self.chain {
            None => likeliest(logits),
            Some(chain) => {
                fill(&mut self.candidates, logits);
                apply(chain, &mut self.candidates).or_else(|| likeliest(logits))
            }
        }
    }
}

fn chain(sampling: &Sampling, vocabulary: usize, held: &[Token]) -> LlamaSampler {
    let count = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let mut chain = Vec::new();
    if sampling.has_penalty() {
        chain.push(LlamaSampler::penalties(
            i32::try_from(vocabulary).unwrap_or(i32::MAX),
            count(sampling.repeat_window),
            sampling.repeat_penalty,
            sampling.frequency_penalty,
            sampling.presence_penalty,
        ));
    }
    if sampling.is_greedy() {
        chain.push(LlamaSampler::greedy());
    } else {
        if sampling.top_k > 0 {
            chain.push(LlamaSampler::top_k(count(sampling.top_k)));
        }
        chain.push(LlamaSampler::top_p(sampling.top_p, 1));
        chain.push(LlamaSampler::min_p(sampling.min_p, 1));
        chain.push(LlamaSampler::temp(sampling.temperature));
        chain.push(LlamaSampler::dist(sampling.seed));
    }
    let mut sampler = LlamaSampler::chain(chain, true);
    let lately = held.len().saturating_sub(sampling.repeat_window as usize);
    sampler.accept_many(held[lately..].iter().map(|&token| LlamaToken(token)));
    sampler
}

fn fill(candidates: &mut LlamaTokenDataArray, logits: &[f32]) {
    candidates.data.clear();
    candidates.data.extend(
        (0..)
            .zip(logits)
            .map(|(id, &logit)| LlamaTokenData::new(LlamaToken(id), logit, 0.0)),
    );
    candidates.sorted = false;
    candidates.selected = None;
}

fn apply(chain: &mut LlamaSampler, candidates: &mut LlamaTokenDataArray) -> Option<Token> {
    if candidates.data.is_empty() {
        return None;
    }
    chain.apply(candidates);
    candidates.selected_token().map(|token| token.0)
}

/// The first of the largest logits; NaN is never largest.
fn likeliest(logits: &[f32]) -> Option<Token> {
    let mut best = None;
    let mut most = f32::NEG_INFINITY;
    for (id, &logit) in (0..).zip(logits) {
        if logit > most {
            (best, most) = (Some(id), logit);
        }
    }
    best
}

fn likeliest_of(candidates: &LlamaTokenDataArray) -> Option<Token> {
    let better = |best: &LlamaTokenData, next: &LlamaTokenData| next.logit() > best.logit();
    let best = candidates.data.iter().copied();
    best.reduce(|best, next| if better(&best, &next) { next } else { best })
        .map(|best| best.id().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chooser(sampling: &Sampling, vocabulary: usize) -> Chooser {
        Chooser::new(sampling, vocabulary, &[], None)
    }

    #[test]
    fn greedy_takes_the_first_of_the_largest_and_never_nan() {
        assert_eq!(likeliest(&[0.5, f32::NAN, 2.0, 2.0, -1.0]), Some(2));
        assert_eq!(likeliest(&[]), None);
    }

    #[test]
    fn equal_seeds_choose_alike() {
        let sampling = Sampling {
            temperature: 1.0,
            ..Sampling::GREEDY
        };
        let logits: Vec<f32> = (0..50u8).map(|i| f32::from(i % 7)).collect();
        let draw = |seed| {
            let mut chooser = chooser(&sampling.seeded(seed), 50);
            (0..20).map(|_| chooser.choose(&logits)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn every_penalty_turns_to_the_next_best_after_a_use() {
        let logits = [1.0, 3.0, 2.0];
        let repeat = Sampling {
            repeat_penalty: 2.0,
            ..Sampling::GREEDY
        };
        let presence = Sampling {
            presence_penalty: 1.5,
            ..Sampling::GREEDY
        };
        let frequency = Sampling {
            frequency_penalty: 1.5,
            ..Sampling::GREEDY
        };
        for sampling in [repeat, presence, frequency] {
            let mut chooser = chooser(&sampling, 3);
            let chosen = [chooser.choose(&logits), chooser.choose(&logits)];
            assert_eq!(chosen, [Some(1), Some(2)], "{sampling:?}");
        }
    }
}
