//! An ONNX network as one tract plan.
//!
//! # Invariants
//! - The plan is symbolic in batch `B` and length `S`: one plan serves every shape (each
//!   further fixed-shape plan of MiniLM would cost about 100 MB).
//! - Running takes `&self`; several threads share a plan.
//! - A panic of the runtime over a file that does not fit becomes an error.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use tract_onnx::prelude::*;

use super::settings::{Input, Pooling, Settings};
use crate::memory::embedder::EmbedError;

/// A loaded network.
pub(super) struct Network {
    plan: Arc<TypedRunnableModel>,
    inputs: Vec<Input>,
    pooling: Pooling,
}

impl Network {
    /// Reads and optimises a network.
    pub(super) fn load(
        model: &[u8],
        settings: &Settings,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self {
            plan: guarded(|| plan(model, &settings.inputs))?,
            inputs: settings.inputs.clone(),
            pooling: settings.pooling,
        })
    }

    /// Runs texts of equal, positive length; one vector each, pooled.
    pub(super) fn run(&self, id: &str, batch: &[&[i64]]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let output = guarded(|| self.forward(batch)).map_err(|source| EmbedError::Run {
            embedder: id.to_owned(),
            source: source.into(),
        })?;
        let (shape, values) = output;
        let expected = if self.pooling == Pooling::None { 2 } else { 3 };
        if shape.len() != expected || shape[0] != batch.len() || values.is_empty() {
            return Err(EmbedError::Shape {
                embedder: id.to_owned(),
                found: values.len(),
                expected: batch.len(),
            });
        }
        let width = shape[shape.len() - 1];
        let texts = values.chunks_exact(values.len() / batch.len());
        Ok(texts.map(|text| self.pool(text, width)).collect())
    }

    /// Shape and values of the first output for tokens `[B, S]`.
    fn forward(&self, batch: &[&[i64]]) -> TractResult<(Vec<usize>, Vec<f32>)> {
        let shape = [batch.len(), batch.first().map_or(0, |text| text.len())];
        let count = shape[0] * shape[1];
        let mut inputs = TVec::new();
        for input in &self.inputs {
            let values = match input {
                Input::Tokens => batch.concat(),
                Input::Mask => vec![1; count],
                Input::Segments => vec![0; count],
            };
            inputs.push(Tensor::from_shape(&shape, &values)?.into());
        }
        let outputs = self.plan.run(inputs)?;
        let output = outputs.first().context("the network has no output")?;
        let output = output.cast_to::<f32>()?;
        let view = output.to_plain_array_view::<f32>()?;
        Ok((view.shape().to_vec(), view.iter().copied().collect()))
    }

    /// One vector from `[S, width]` values.
    fn pool(&self, text: &[f32], width: usize) -> Vec<f32> {
        if self.pooling == Pooling::Cls {
            return text[..width].to_vec();
        }
        let mut sum = vec![0.0; width];
        for token in text.chunks_exact(width) {
            sum.iter_mut()
                .zip(token)
                .for_each(|(sum, value)| *sum += value);
        }
        let tokens = (text.len() / width) as f32;
        sum.iter_mut().for_each(|value| *value /= tokens);
        sum
    }
}

fn plan(model: &[u8], inputs: &[Input]) -> TractResult<Arc<TypedRunnableModel>> {
    let mut bytes = model;
    let mut graph = tract_onnx::onnx().model_for_read(&mut bytes)?;
    let shape = [
        graph.symbols.sym("B").to_dim(),
        graph.symbols.sym("S").to_dim(),
    ];
    graph.set_input_names(inputs.iter().map(|input| input.name()))?;
    for at in 0..inputs.len() {
        graph.set_input_fact(at, InferenceFact::dt_shape(i64::datum_type(), &shape))?;
    }
    graph
        .into_typed()?
        .into_decluttered()?
        .into_optimized()?
        .into_runnable()
}

/// Turns a panic into an error: tract indexes without asking where a file breaks its word.
fn guarded<T>(run: impl FnOnce() -> TractResult<T>) -> TractResult<T> {
    // Unwind-safe: a plan keeps no state between runs, and what the closure made is lost.
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(anyhow!("the network reads outside its own tensors")))
}
