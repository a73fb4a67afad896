//! Vectors as bits: one for each dimension, set where the value is above the mean.
//!
//! The number of differing bits orders vectors about as their angle does; centring the
//! bits by the mean keeps a dimension that is positive everywhere from saying nothing.
//! The mean is that of the rows known when it was last taken, which is again whenever
//! their number has doubled.
//!
//! Source: Charikar, 2002 (sign random projections), without the projection.

use std::ops::Range;

use super::rows::Rows;

/// Rows from which the first mean is taken.
const FIRST_MEAN: usize = 256;
const WORD: usize = u64::BITS as usize;

/// One bit for each row, growing with use.
#[derive(Clone, Debug, Default)]
pub(super) struct Bitmap {
    words: Vec<u64>,
}

impl Bitmap {
    pub(super) fn of(rows: &[u32]) -> Self {
        let mut bitmap = Self::default();
        for row in rows {
            bitmap.set(*row as usize);
        }
        bitmap
    }

    pub(super) fn set(&mut self, at: usize) {
        if at / WORD >= self.words.len() {
            self.words.resize(at / WORD + 1, 0);
        }
        self.words[at / WORD] |= 1 << (at % WORD);
    }

    pub(super) fn clear(&mut self, at: usize) {
        if let Some(word) = self.words.get_mut(at / WORD) {
            *word &= !(1 << (at % WORD));
        }
    }

    pub(super) fn has(&self, at: usize) -> bool {
        let word = self.words.get(at / WORD).copied().unwrap_or_default();
        word >> (at % WORD) & 1 == 1
    }
}

/// The bits of every row.
#[derive(Debug)]
pub(super) struct Codes {
    mean: Vec<f32>,
    mean_rows: usize,
    width: usize,
    words: Vec<u64>,
    len: usize,
}

impl Codes {
    pub(super) fn new(dimensions: usize) -> Self {
        Self {
            mean: vec![0.0; dimensions],
            mean_rows: 0,
            width: dimensions.div_ceil(WORD),
            words: Vec::new(),
            len: 0,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.words.len() * size_of::<u64>()
    }

    /// Codes the rows that are new, and one that has changed. All of them, when it is
    /// time for a new mean.
    pub(super) fn catch_up(&mut self, rows: &Rows, changed: u32) {
        if rows.len() >= FIRST_MEAN.max(2 * self.mean_rows) {
            self.take_mean(rows);
            self.words.clear();
            self.len = 0;
        }
        let new = self.len as u32..rows.len() as u32;
        self.words.resize(rows.len() * self.width, 0);
        self.len = rows.len();
        for row in new.chain([changed]) {
            let (scale, values) = rows.row(row);
            let vector: Vec<f32> = values.iter().map(|v| scale * f32::from(*v)).collect();
            let code = self.code(&vector);
            let from = row as usize * self.width;
            self.words[from..from + self.width].copy_from_slice(&code);
        }
    }

    fn take_mean(&mut self, rows: &Rows) {
        self.mean.fill(0.0);
        for row in 0..rows.len() as u32 {
            let (scale, values) = rows.row(row);
            for (into, value) in self.mean.iter_mut().zip(values) {
                *into += scale * f32::from(*value);
            }
        }
        let count = rows.len() as f32;
        self.mean.iter_mut().for_each(|value| *value /= count);
        self.mean_rows = rows.len();
    }

    fn code(&self, vector: &[f32]) -> Vec<u64> {
        let mut code = vec![0_u64; self.width];
        for (at, (value, mean)) in vector.iter().zip(&self.mean).enumerate() {
            code[at / WORD] |= u64::from(value > mean) << (at % WORD);
        }
        code
    }

    /// About `count` wanted rows of a range whose bits differ least: ties at the border
    /// are all in.
    pub(super) fn nearest(
        &self,
        query: &[f32],
        range: Range<u32>,
        count: usize,
        wanted: &dyn Fn(u32) -> bool,
    ) -> Vec<u32> {
        let distances = self.distances(query, &range);
        let mut places = count;
        // Rows that are not wanted take places: look further until enough are left.
        loop {
            let border = border_of(&distances, places, self.mean.len());
            let near = distances.iter().zip(range.clone());
            let found: Vec<u32> = near
                .filter(|(distance, row)| usize::from(**distance) <= border && wanted(*row))
                .map(|(_, row)| row)
                .collect();
            if found.len() >= count || places >= distances.len() {
                return found;
            }
            places = places.saturating_mul(4);
        }
    }

    fn distances(&self, query: &[f32], range: &Range<u32>) -> Vec<u16> {
        let asked = self.code(query);
        let words = &self.words[range.start as usize * self.width..range.end as usize * self.width];
        match self.width {
            4 => differing::<4>(words, &asked),
            6 => differing::<6>(words, &asked),
            _ => {
                let codes = words.chunks_exact(self.width.max(1));
                codes.map(|code| differing_bits(code, &asked)).collect()
            }
        }
    }
}

/// [`differing_bits`] of every code, with the width known to the compiler.
fn differing<const WIDTH: usize>(words: &[u64], asked: &[u64]) -> Vec<u16> {
    let (codes, _) = words.as_chunks::<WIDTH>();
    codes
        .iter()
        .map(|code| differing_bits(code, asked))
        .collect()
}

fn differing_bits(a: &[u64], b: &[u64]) -> u16 {
    let bits = a
        .iter()
        .zip(b)
        .fold(0_u32, |sum, (a, b)| sum.wrapping_add((a ^ b).count_ones()));
    bits as u16
}

/// The smallest distance within which `count` rows lie.
fn border_of(distances: &[u16], count: usize, dimensions: usize) -> usize {
    let mut histogram = vec![0_usize; dimensions + 1];
    for distance in distances {
        histogram[usize::from(*distance)] += 1;
    }
    let mut within = 0;
    histogram
        .iter()
        .position(|rows| {
            within += rows;
            within >= count
        })
        .unwrap_or(dimensions)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::rows::Quantised;
    use super::*;

    #[test]
    fn a_vector_is_nearest_to_itself() {
        let vectors: Vec<Vec<f32>> = (0..300)
            .map(|row| {
                (0..70)
                    .map(|d| ((row * 31 + d * 17) % 97) as f32 - 48.0)
                    .collect()
            })
            .collect();
        let mut rows = Rows::new(70);
        let mut codes = Codes::new(70);
        for vector in &vectors {
            rows.push(&Quantised::of(vector));
            codes.catch_up(&rows, 0);
        }
        assert!(
            codes
                .nearest(&vectors[123], 0..300, 1, &|_| true)
                .contains(&123)
        );
        assert!(
            !codes
                .nearest(&vectors[123], 0..300, 1, &|row| row != 123)
                .contains(&123)
        );
    }

    proptest! {
        #[test]
        fn a_bitmap_has_what_was_set_and_nothing_else(
            rows in prop::collection::btree_set(0_u32..500, 0..40), asked in 0_usize..1_000,
        ) {
            let listed: Vec<u32> = rows.iter().copied().collect();
            prop_assert_eq!(Bitmap::of(&listed).has(asked), rows.contains(&(asked as u32)));
        }

        #[test]
        fn enough_wanted_rows_are_found_however_rare(
            step in 1_u32..60, count in 1_usize..20,
        ) {
            let mut rows = Rows::new(8);
            let mut codes = Codes::new(8);
            for row in 0..600_u32 {
                let vector: Vec<f32> = (0..8).map(|d| ((row * 7 + d * 13) % 11) as f32 - 5.0).collect();
                rows.push(&Quantised::of(&vector));
            }
            codes.catch_up(&rows, 0);
            let wanted = |row: u32| row.is_multiple_of(step);
            let found = codes.nearest(&[1.0; 8], 0..600, count, &wanted);
            prop_assert!(found.len() >= count.min(600_usize.div_ceil(step as usize)));
            prop_assert!(found.iter().all(|row| wanted(*row)));
        }
    }
}
