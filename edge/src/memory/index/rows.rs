//! Vectors as int8 with one scale each, in blocks that can be shared.
//!
//! # Invariants
//! - A clone sees the rows it was made of for ever: a shared block is copied on change.
//!
//! Units: a value is `scale · int8`; 256 dimensions take 260 bytes.

use std::sync::Arc;

/// Rows in a block.
const BLOCK: usize = 1_024;
const LEVELS: f32 = 127.0;

/// A vector in int8.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantised {
    /// What one step of a value is worth; 0 for a vector of zeros.
    pub scale: f32,
    /// The values.
    pub values: Vec<i8>,
}

impl Quantised {
    /// Rounds a vector; numbers that are not finite count as 0.
    #[must_use]
    pub fn of(vector: &[f32]) -> Self {
        let finite = |v: f32| if v.is_finite() { v } else { 0.0 };
        let greatest = vector
            .iter()
            .fold(0.0_f32, |max, v| max.max(finite(*v).abs()));
        let scale = greatest / LEVELS;
        if scale == 0.0 {
            return Self::zero(vector.len());
        }
        let values = vector.iter().map(|v| (finite(*v) / scale).round() as i8);
        Self {
            scale,
            values: values.collect(),
        }
    }

    /// A vector of zeros.
    #[must_use]
    pub fn zero(dimensions: usize) -> Self {
        Self {
            scale: 0.0,
            values: vec![0; dimensions],
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Block {
    scales: Vec<f32>,
    values: Vec<i8>,
}

/// Rows of int8 vectors. A clone is cheap and keeps what it saw.
#[derive(Clone, Debug)]
pub struct Rows {
    dimensions: usize,
    len: usize,
    blocks: Vec<Arc<Block>>,
}

impl Rows {
    pub(super) fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            len: 0,
            blocks: Vec::new(),
        }
    }

    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn bytes(&self) -> usize {
        self.len * (self.dimensions + size_of::<f32>())
    }

    pub(super) fn push(&mut self, vector: &Quantised) {
        if self.len.is_multiple_of(BLOCK) {
            self.blocks.push(Arc::default());
        }
        if let Some(block) = self.blocks.last_mut() {
            let block = Arc::make_mut(block);
            block.scales.push(vector.scale);
            block.values.extend_from_slice(&vector.values);
            self.len += 1;
        }
    }

    /// Puts another vector at a row, which must be there.
    pub(super) fn set(&mut self, row: u32, vector: &Quantised) {
        let (block, at) = (row as usize / BLOCK, row as usize % BLOCK);
        let block = Arc::make_mut(&mut self.blocks[block]);
        let from = at * self.dimensions;
        block.scales[at] = vector.scale;
        block.values[from..from + self.dimensions].copy_from_slice(&vector.values);
    }

    /// Scale and values of a row; it must be there.
    pub(super) fn row(&self, row: u32) -> (f32, &[i8]) {
        let (block, at) = (row as usize / BLOCK, row as usize % BLOCK);
        let block = &self.blocks[block];
        let from = at * self.dimensions;
        (
            block.scales[at],
            &block.values[from..from + self.dimensions],
        )
    }

    /// The similarity of a row and a vector.
    pub(super) fn similarity(&self, row: u32, vector: &Quantised) -> f32 {
        let (scale, values) = self.row(row);
        scale * vector.scale * dot(values, &vector.values) as f32
    }

    /// The similarity of two rows.
    pub(super) fn between(&self, a: u32, b: u32) -> f32 {
        let ((scale_a, a), (scale_b, b)) = (self.row(a), self.row(b));
        scale_a * scale_b * dot(a, b) as f32
    }

    /// The cosine of a vector and a weighted sum of rows; 0 if either is zero.
    pub(super) fn blend<'a>(
        &self,
        query: &[f32],
        parts: impl Iterator<Item = &'a (u32, f32)>,
    ) -> f32 {
        let mut sum = vec![0.0_f32; self.dimensions];
        for (row, weight) in parts {
            let (scale, values) = self.row(*row);
            for (into, value) in sum.iter_mut().zip(values) {
                *into += weight * scale * f32::from(*value);
            }
        }
        let lengths = (product(&sum, &sum) * product(query, query)).sqrt();
        if lengths > 0.0 {
            product(&sum, query) / lengths
        } else {
            0.0
        }
    }
}

/// The sum of products, in eight sums side by side that vector instructions can hold.
pub(super) fn product(a: &[f32], b: &[f32]) -> f32 {
    let (eights_a, rest_a) = a.as_chunks::<8>();
    let (eights_b, rest_b) = b.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (a, b) in eights_a.iter().zip(eights_b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let rest: f32 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// The similarity of each row to a vector.
pub(super) fn compare(
    rows: &Rows,
    vector: &Quantised,
    among: impl Iterator<Item = u32>,
) -> Vec<(u32, f32)> {
    among
        .map(|row| (row, rows.similarity(row, vector)))
        .collect()
}

/// Wraps instead of checking, which lets the compiler use vector instructions: a sum of
/// products of int8 fits an i32 up to 131,072 dimensions.
fn dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).fold(0_i32, |sum, (a, b)| {
        sum.wrapping_add(i32::from(i16::from(*a).wrapping_mul(i16::from(*b))))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_clone_keeps_the_rows_it_saw() {
        let mut rows = Rows::new(2);
        rows.push(&Quantised::of(&[1.0, 0.0]));
        let before = rows.clone();
        rows.push(&Quantised::of(&[0.0, 1.0]));
        assert_eq!((before.len(), rows.len()), (1, 2));
        assert_eq!(before.row(0), rows.row(0));
    }

    proptest! {
        #[test]
        fn rounding_moves_a_product_by_less_than_a_percent(
            a in prop::collection::vec(-1.0_f32..1.0, 64), b in prop::collection::vec(-1.0_f32..1.0, 64),
        ) {
            let mut rows = Rows::new(64);
            rows.push(&Quantised::of(&a));
            let exact: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            let norm = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
            let error = (rows.similarity(0, &Quantised::of(&b)) - exact).abs();
            prop_assert!(error <= 0.01 * norm(&a) * norm(&b) + 1e-6);
        }

        #[test]
        fn junk_is_rounded_without_a_panic(v in prop::collection::vec(any::<f32>(), 8)) {
            let coded = Quantised::of(&v);
            prop_assert!(coded.scale.is_finite() && coded.values.len() == 8);
        }
    }
}
