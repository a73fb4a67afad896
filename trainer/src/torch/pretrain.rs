//! Next-token prediction: the learner that makes nano.

use tch::{Kind, Tensor};

use super::TorchError;
use super::model::{Model, Rows};
use super::optimizer::{AdamW, Settings};
use crate::config::Recipe;
use crate::dataset::sequence::Sequence;
use crate::pack::Batch;
use crate::run::{Finite, Learner, State, Step};

/// A model that learns to predict weighted tokens.
pub struct Pretraining {
    model: Model,
    optimizer: AdamW,
    micro_tokens: usize,
}

impl Pretraining {
    /// A model with the random weights that the recipe's seed gives.
    ///
    /// # Errors
    /// [`TorchError`] if libtorch has no room for it.
    pub fn new(recipe: &Recipe) -> Result<Self, TorchError> {
        let train = &recipe.train;
        let model = Model::new(recipe.model, train.precision, recipe.seed)?;
        let settings = Settings {
            betas: train.betas,
            weight_decay: train.weight_decay,
            clip: train.clip,
        };
        Ok(Self {
            optimizer: AdamW::new(model.parameters(), settings)?,
            model,
            micro_tokens: train.micro_tokens,
        })
    }

    /// The most likely continuation of each prompt, up to `stop` or `limit` tokens.
    ///
    /// # Errors
    /// [`TorchError`] if a prompt does not fit the model.
    pub fn continuations(
        &self,
        prompts: &[Vec<u32>],
        limit: usize,
        stop: u32,
    ) -> Result<Vec<Vec<u32>>, TorchError> {
        let mut texts: Vec<Sequence> = prompts
            .iter()
            .map(|prompt| Sequence {
                tokens: prompt.clone(),
                ..Sequence::default()
            })
            .collect();
        let mut open: Vec<usize> = (0..texts.len()).collect();
        for _ in 0..limit {
            if open.is_empty() {
                break;
            }
            let rows: Vec<&Sequence> = open.iter().map(|&i| &texts[i]).collect();
            let next = tch::no_grad(|| self.next_tokens(&rows))?;
            for (&i, &token) in open.iter().zip(&next) {
                texts[i].tokens.push(token);
            }
            open.retain(|&i| texts[i].tokens.last() != Some(&stop));
        }
        Ok(texts
            .into_iter()
            .zip(prompts)
            .map(|(text, prompt)| text.tokens[prompt.len()..].to_vec())
            .collect())
    }

    fn next_tokens(&self, texts: &[&Sequence]) -> Result<Vec<u32>, TorchError> {
        let rows = Rows::new(texts.iter().copied())?;
        let hidden = self.model.hidden(&rows)?;
        let last: Vec<i64> = texts
            .iter()
            .enumerate()
            .map(|(row, text)| rows.place(row, text.tokens.len() - 1))
            .collect();
        let best = self
            .model
            .logits(&select(&hidden, &last)?)?
            .f_argmax(-1, false)?;
        let mut next = vec![0_i64; texts.len()];
        best.f_copy_data(&mut next, texts.len())?;
        Ok(next.into_iter().map(|token| token as u32).collect())
    }

    /// Summed loss of a micro-batch: `Σ weight · -ln p(token)`, in nats.
    ///
    /// Only weighted positions reach the vocabulary: most of a prompt is read, not said.
    fn loss(&self, sequences: &[Sequence]) -> Result<Tensor, TorchError> {
        let rows = Rows::new(sequences.iter())?;
        let hidden = self.model.hidden(&rows)?;
        let mut places = Vec::new();
        let mut labels = Vec::new();
        let mut weights = Vec::new();
        for (row, sequence) in sequences.iter().enumerate() {
            let targets = sequence.tokens.iter().zip(&sequence.weights).enumerate();
            for (at, (&token, &weight)) in targets.filter(|(_, (_, w))| **w > 0.0) {
                let Some(before) = sequence.before(at) else {
                    continue;
                };
                places.push(rows.place(row, before));
                labels.push(i64::from(token));
                weights.push(weight);
            }
        }
        let logits = self.model.logits(&select(&hidden, &places)?)?;
        let labels = Tensor::f_from_slice(&labels)?.f_unsqueeze(1)?;
        let log_p = logits
            .f_log_softmax(-1, Kind::Float)?
            .f_gather(1, &labels, false)?
            .f_squeeze_dim(1)?;
        Ok(log_p
            .f_mul(&Tensor::f_from_slice(&weights)?)?
            .f_sum(Kind::Float)?
            .f_neg()?)
    }
}

impl Learner for Pretraining {
    type Batch = Batch;
    type Error = TorchError;

    /// Loss per unit of target weight, in nats: summed over the batch, then divided
    /// once by the whole batch's weight, so that micro-batch size changes nothing.
    fn step(&mut self, batch: &Batch, rate: f64) -> Result<Step, TorchError> {
        let weight = batch.weight().max(f64::MIN_POSITIVE);
        let mut loss = 0.0;
        self.optimizer.zero_grad()?;
        for part in batch.micro_batches(self.micro_tokens) {
            if part
                .iter()
                .all(|s| s.weights.iter().skip(1).all(|w| *w <= 0.0))
            {
                continue;
            }
            let part = self.loss(part)?.f_div_scalar(weight)?;
            part.f_backward()?;
            loss += part.f_double_value(&[])?;
        }
        let loss = Finite::new(loss).map_err(|source| TorchError::NotFinite {
            what: "the loss",
            source,
        })?;
        let gradient = self.optimizer.step(rate)?;
        Ok(Step { loss, gradient })
    }

    fn save(&self) -> Result<State, TorchError> {
        let mut state = State::default();
        self.optimizer.save(&mut state)?;
        Ok(state)
    }

    fn load(&mut self, state: &State, steps: u64) -> Result<(), TorchError> {
        self.optimizer.load(state, steps)
    }
}

/// Rows `places` of `[B, T, D]` taken as `[B·T, D]`.
fn select(hidden: &Tensor, places: &[i64]) -> Result<Tensor, TorchError> {
    let (batch, length, width) = hidden.size3()?;
    Ok(hidden
        .f_reshape([batch * length, width])?
        .f_index_select(0, &Tensor::f_from_slice(places)?)?)
}

#[cfg(test)]
mod tests;
