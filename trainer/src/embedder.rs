//! The recipe of the built-in embedder: a table of token vectors, distilled from MiniLM.
//!
//! Pure: the teacher itself runs in `torch`; texts, vectors and seeds come in, the three
//! files of an embedder go out. In short:
//!
//! 1. Each token goes through the teacher alone; the vectors are projected onto the main
//!    directions of its sentence vectors and weighted by how rare the token is
//!    ([`table::initial`], after Arora et al., "A simple but tough-to-beat baseline for
//!    sentence embeddings", 2017).
//! 2. The table is trained so that the mean over a text's tokens points where the
//!    teacher's vector for the text does ([`table::Trainer`]).
//! 3. Rows are rounded to 8 bits and written as an ONNX graph ([`onnx::encode`]).
//!
//! Units: rows are tokens, lengths are in tokens.

pub mod onnx;
pub mod sentences;
pub mod table;
pub mod vocabulary;

/// Rows of equal width.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    width: usize,
    values: Vec<f32>,
}

/// Values that do not fill their rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{values} values do not fill rows of {width}")]
pub struct Ragged {
    /// Values given.
    pub values: usize,
    /// Width of a row.
    pub width: usize,
}

impl Vectors {
    /// Rows from values that stand one row after another.
    ///
    /// # Errors
    /// [`Ragged`] if the last row is not full, or rows have no width.
    pub fn new(width: usize, values: Vec<f32>) -> Result<Self, Ragged> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(Ragged {
                values: values.len(),
                width,
            });
        }
        Ok(Self { width, values })
    }

    /// Numbers in a row.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// One row.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, at: usize) -> &[f32] {
        &self.values[at * self.width..(at + 1) * self.width]
    }

    /// All rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.width)
    }

    /// All values, row after row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    fn row_mut(&mut self, at: usize) -> &mut [f32] {
        &mut self.values[at * self.width..(at + 1) * self.width]
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
