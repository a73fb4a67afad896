//! The only caller of libtorch.
//!
//! Its types stay inside: other modules see batches in, losses and [`Array`]s out.
//! Every call is fallible; a failed one leaves weights as they were.

pub(crate) mod model;
pub(crate) mod optimizer;
pub mod pretrain;
pub(crate) mod prior;
pub mod teacher;

use tch::{Kind, TchError, Tensor};

use crate::run::{Array, NotFinite};

/// Why libtorch could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TorchError {
    /// A tensor operation failed; out of memory is such a failure.
    #[error("a tensor operation failed")]
    Tensor {
        /// What libtorch says.
        #[from]
        source: TchError,
    },
    /// A loss or gradient overflowed.
    #[error("{what} overflowed; the weights are as they were")]
    NotFinite {
        /// Loss or gradient.
        what: &'static str,
        /// The value.
        source: NotFinite,
    },
    /// A state lacks a tensor.
    #[error("tensor {name} is missing")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A state's tensor has other dimensions than the model's.
    #[error("tensor {name} has dimensions {found:?}, expected {expected:?}")]
    Dimensions {
        /// Its name.
        name: String,
        /// Its dimensions.
        found: Vec<i64>,
        /// The model's.
        expected: Vec<i64>,
    },
    /// A sequence is longer than the model's context.
    #[error("a sequence has {found} tokens, the model takes {most}")]
    TooLong {
        /// Its length.
        found: usize,
        /// The context.
        most: usize,
    },
}

/// Sets how many threads compute.
pub fn set_threads(threads: usize) {
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
}

/// Copies a tensor out of libtorch.
fn to_array(tensor: &Tensor) -> Result<Array, TorchError> {
    let flat = tensor.f_detach()?.f_to_kind(Kind::Float)?.f_contiguous()?;
    let mut values = vec![0.0_f32; flat.numel()];
    flat.f_copy_data(&mut values, flat.numel())?;
    let dimensions = tensor.size().iter().map(|&n| n as usize).collect();
    Ok(Array { dimensions, values })
}

/// Copies `array` over `tensor`, whose dimensions it must have.
fn fill(tensor: &mut Tensor, name: &str, array: &Array) -> Result<(), TorchError> {
    let found: Vec<i64> = array.dimensions.iter().map(|&n| n as i64).collect();
    let expected = tensor.size();
    if found != expected {
        return Err(TorchError::Dimensions {
            name: name.to_owned(),
            found,
            expected,
        });
    }
    let source = Tensor::f_from_slice(&array.values)?.f_reshape(&expected)?;
    tch::no_grad(|| tensor.f_copy_(&source))?;
    Ok(())
}
