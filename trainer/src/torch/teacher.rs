//! MiniLM, run in libtorch: the teacher of the built-in embedder.
//!
//! # Invariants
//! - A batch holds inputs of equal length, so no mask is needed.
//! - Equal inputs give equal vectors, whatever batch they are in, up to float rounding.
//!
//! Shapes: ids `[B, S]`, hidden states `[B, S, H]`, vectors `[B, H]` of length 1.

use std::collections::HashMap;

use safetensors::{Dtype, SafeTensorError, SafeTensors};
use shared::minilm::{EPSILON, HEADS, HIDDEN, LAYERS, Weights};
use tch::{Kind, TchError, Tensor};

use crate::embedder::{Ragged, Vectors};

/// Inputs run together, at most.
const MAX_BATCH: usize = 64;

/// Why the teacher cannot teach.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TeacherError {
    /// The weights cannot be read.
    #[error("cannot read the weights")]
    Weights {
        /// What the reader says.
        #[from]
        source: SafeTensorError,
    },
    /// A tensor operation failed; out of memory is such a failure.
    #[error("a tensor operation failed")]
    Tensor {
        /// What libtorch says.
        #[from]
        source: TchError,
    },
    /// The weights lack a tensor.
    #[error("tensor {name} is missing")]
    Missing {
        /// Its name.
        name: String,
    },
    /// Rows came out of another width than asked for.
    #[error("the vectors have no common width")]
    Ragged {
        /// What came out.
        #[from]
        source: Ragged,
    },
}

/// The teacher.
#[derive(Debug)]
pub struct Teacher {
    tensors: HashMap<String, Tensor>,
}

impl Teacher {
    /// Loads the published weights.
    ///
    /// # Errors
    /// [`TeacherError`] if they cannot be read.
    pub fn load(weights: &Weights) -> Result<Self, TeacherError> {
        let file = SafeTensors::deserialize(weights.safetensors())?;
        let mut tensors = HashMap::new();
        for (name, tensor) in file.iter() {
            if tensor.dtype() != Dtype::F32 {
                continue;
            }
            let shape: Vec<i64> = tensor.shape().iter().map(|length| *length as i64).collect();
            let values = Tensor::f_from_data_size(tensor.data(), &shape, Kind::Float)?;
            tensors.insert(name.to_owned(), values);
        }
        Ok(Self { tensors })
    }

    /// The vectors of inputs, in their order; `on_progress` hears how many more are done.
    ///
    /// # Errors
    /// [`TeacherError`] if an input holds an unknown id or libtorch fails.
    pub fn embed(
        &self,
        inputs: &[Vec<i64>],
        on_progress: &mut dyn FnMut(usize),
    ) -> Result<Vectors, TeacherError> {
        let mut order: Vec<usize> = (0..inputs.len()).collect();
        order.sort_by_key(|at| inputs[*at].len());
        let mut values = vec![0.0; inputs.len() * HIDDEN];
        for same in order.chunk_by(|a, b| inputs[*a].len() == inputs[*b].len()) {
            for batch in same.chunks(MAX_BATCH) {
                let ids: Vec<&[i64]> = batch.iter().map(|at| inputs[*at].as_slice()).collect();
                let vectors = tch::no_grad(|| self.forward(&ids))?;
                for (at, vector) in batch.iter().zip(vectors.chunks_exact(HIDDEN)) {
                    values[at * HIDDEN..(at + 1) * HIDDEN].copy_from_slice(vector);
                }
                on_progress(batch.len());
            }
        }
        Ok(Vectors::new(HIDDEN, values)?)
    }

    fn forward(&self, batch: &[&[i64]]) -> Result<Vec<f32>, TeacherError> {
        let length = batch.first().map_or(0, |ids| ids.len()) as i64;
        let ids = Tensor::f_from_slice(&batch.concat())?.f_view([batch.len() as i64, length])?;
        let words = self.tensor("embeddings.word_embeddings.weight")?;
        let places = self.tensor("embeddings.position_embeddings.weight")?;
        let segments = self.tensor("embeddings.token_type_embeddings.weight")?;
        let mut x = Tensor::f_embedding(words, &ids, -1, false, false)?
            .f_add(&places.f_narrow(0, 0, length)?)?
            .f_add(&segments.f_select(0, 0)?)?;
        x = self.layer_norm("embeddings.LayerNorm", &x)?;
        for layer in 0..LAYERS {
            x = self.layer(layer, &x)?;
        }
        let mean = x.f_mean_dim(1, false, Kind::Float)?;
        copied(&unit(&mean)?)
    }

    fn layer(&self, layer: usize, x: &Tensor) -> Result<Tensor, TeacherError> {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let (batch, length) = (x.size()[0], x.size()[1]);
        let heads = |part: &str| -> Result<Tensor, TeacherError> {
            let flat = self.linear(&name(&format!("attention.self.{part}")), x)?;
            let split = [batch, length, HEADS as i64, (HIDDEN / HEADS) as i64];
            Ok(flat.f_view(split)?.f_transpose(1, 2)?)
        };
        let mixed = Tensor::f_scaled_dot_product_attention(
            &heads("query")?,
            &heads("key")?,
            &heads("value")?,
            None::<&Tensor>,
            0.0,
            false,
            None,
            false,
        )?;
        let mixed = mixed
            .f_transpose(1, 2)?
            .f_reshape([batch, length, HIDDEN as i64])?;
        let attended = self.linear(&name("attention.output.dense"), &mixed)?;
        let middle = self.layer_norm(&name("attention.output.LayerNorm"), &x.f_add(&attended)?)?;
        let wide = self
            .linear(&name("intermediate.dense"), &middle)?
            .f_gelu("none")?;
        let narrow = self.linear(&name("output.dense"), &wide)?;
        self.layer_norm(&name("output.LayerNorm"), &middle.f_add(&narrow)?)
    }

    fn linear(&self, name: &str, x: &Tensor) -> Result<Tensor, TeacherError> {
        let weight = self.tensor(&format!("{name}.weight"))?;
        let bias = self.tensor(&format!("{name}.bias"))?;
        Ok(x.f_linear(weight, Some(bias))?)
    }

    fn layer_norm(&self, name: &str, x: &Tensor) -> Result<Tensor, TeacherError> {
        let weight = self.tensor(&format!("{name}.weight"))?;
        let bias = self.tensor(&format!("{name}.bias"))?;
        let epsilon = f64::from(EPSILON);
        Ok(x.f_layer_norm([HIDDEN as i64], Some(weight), Some(bias), epsilon, false)?)
    }

    fn tensor(&self, name: &str) -> Result<&Tensor, TeacherError> {
        self.tensors.get(name).ok_or_else(|| TeacherError::Missing {
            name: name.to_owned(),
        })
    }
}

/// The `count` main directions of `vectors`, as the columns of a projection.
#[derive(Debug)]
pub struct Projection {
    columns: Tensor,
}

impl Projection {
    /// Finds the directions along which the sum of squares is largest.
    ///
    /// # Errors
    /// [`TeacherError::Tensor`] if libtorch fails.
    pub fn of(vectors: &Vectors, count: usize) -> Result<Self, TeacherError> {
        let rows = tensor(vectors)?;
        let squares = rows
            .f_transpose(0, 1)?
            .f_matmul(&rows)?
            .f_to_kind(Kind::Double)?;
        let (_, directions) = squares.f_linalg_eigh("L")?;
        let width = vectors.width() as i64;
        let count = (count as i64).min(width);
        // Eigenvalues come in ascending order.
        let columns = directions.f_narrow(1, width - count, count)?.f_flip([1])?;
        Ok(Self {
            columns: columns.f_to_kind(Kind::Float)?,
        })
    }

    /// Vectors in the new directions.
    ///
    /// # Errors
    /// [`TeacherError::Tensor`] if libtorch fails.
    pub fn apply(&self, vectors: &Vectors) -> Result<Vectors, TeacherError> {
        let projected = tensor(vectors)?.f_matmul(&self.columns)?;
        Ok(Vectors::new(
            self.columns.size()[1] as usize,
            copied(&projected)?,
        )?)
    }

    /// Vectors in the new directions, brought to length 1.
    ///
    /// # Errors
    /// [`TeacherError::Tensor`] if libtorch fails.
    pub fn apply_unit(&self, vectors: &Vectors) -> Result<Vectors, TeacherError> {
        let projected = unit(&tensor(vectors)?.f_matmul(&self.columns)?)?;
        Ok(Vectors::new(
            self.columns.size()[1] as usize,
            copied(&projected)?,
        )?)
    }
}

fn tensor(vectors: &Vectors) -> Result<Tensor, TeacherError> {
    let shape = [vectors.len() as i64, vectors.width() as i64];
    Ok(Tensor::f_from_slice(vectors.values())?.f_view(shape)?)
}

fn unit(rows: &Tensor) -> Result<Tensor, TeacherError> {
    let lengths = rows
        .f_square()?
        .f_sum_dim_intlist([1_i64].as_slice(), true, Kind::Float)?;
    Ok(rows.f_div(&lengths.f_sqrt()?.f_clamp_min(1e-12)?)?)
}

fn copied(tensor: &Tensor) -> Result<Vec<f32>, TeacherError> {
    let flat = tensor.f_contiguous()?;
    let mut values = vec![0.0; flat.numel()];
    flat.f_copy_data(&mut values, flat.numel())?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projection_keeps_the_main_directions() {
        let rows: Vec<f32> = (0..40)
            .flat_map(|n| {
                let t = n as f32 - 20.0;
                [t, 0.1 * (n % 3) as f32, 2.0 * t]
            })
            .collect();
        let vectors = Vectors::new(3, rows).unwrap();
        let projected = Projection::of(&vectors, 1)
            .unwrap()
            .apply(&vectors)
            .unwrap();
        for (row, found) in vectors.rows().zip(projected.rows()) {
            let expected = row.iter().map(|v| v * v).sum::<f32>().sqrt();
            assert!(
                (found[0].abs() - expected).abs() < 0.3,
                "{found:?} {expected}"
            );
        }
    }

    #[test]
    fn unit_projections_have_length_one() {
        let vectors = Vectors::new(2, vec![3.0, 4.0, -1.0, 0.5, 0.2, 0.1]).unwrap();
        let projected = Projection::of(&vectors, 2)
            .unwrap()
            .apply_unit(&vectors)
            .unwrap();
        for row in projected.rows() {
            assert!((row.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }
}
