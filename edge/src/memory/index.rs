//! Vectors in memory: which passages lie nearest to a question.
//!
//! Every vector is held as int8 with one scale, and as one bit a dimension. Up to
//! [`CASCADE_ROWS`] rows every int8 vector is compared and the best are compared again in
//! full precision; beyond, the bits choose [`cascade::SHORTLIST`] rows first. Beyond about a
//! million rows an archive may be sealed in a [`segment::Segment`]: a graph, searched
//! together with a scan of the rows after it. Measured figures stand in
//! `docs/benchmarks.md`.
//!
//! # Invariants
//! - A removed row is never found, whichever way answers.
//! - Everything here is derived from stored vectors and can be built anew.
//! - Rows are the numbers that postings use; a row without a vector is never found.
//!
//! Units: similarities are cosines of unit vectors, `-1.0..=1.0`.

pub mod cascade;
pub mod codes;
pub mod rows;
pub mod segment;

use super::query::SearchPath;
use codes::{Bitmap, Codes};
use rows::{Quantised, Rows};
use segment::Segment;

/// From so many rows on, bits choose what is compared in int8. A scan of so many takes
/// about a millisecond; the cascade a third of that, and as good as all that it finds.
pub const CASCADE_ROWS: usize = 20_000;
/// From so many rows on, sealing an archive pays.
pub const SEGMENT_ROWS: usize = 1_000_000;
/// A list of so many rows is compared one by one; the bits of all are read faster than
/// the scattered vectors of a longer list.
const LISTED_ROWS: usize = 5_000;

/// Which rows are searched.
#[derive(Clone, Copy, Debug)]
pub enum Among<'a> {
    /// All that are not removed.
    All,
    /// These, if not removed.
    Rows(&'a [u32]),
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Rows and their similarity, best first.
    pub nearest: Vec<(u32, f32)>,
    /// Which way answered.
    pub path: SearchPath,
}

/// The full vector of a row, where there is one: for the last comparison.
pub type Exact<'a> = &'a dyn Fn(u32) -> Option<Vec<f32>>;

/// All vectors of one embedder.
#[derive(Debug)]
pub struct Index {
    rows: Rows,
    codes: Codes,
    absent: Bitmap,
    live: usize,
    segment: Option<Segment>,
}

impl Index {
    /// An empty index for vectors of so many dimensions.
    #[must_use]
    pub fn new(dimensions: usize) -> Self {
        Self {
            rows: Rows::new(dimensions),
            codes: Codes::new(dimensions),
            absent: Bitmap::default(),
            live: 0,
            segment: None,
        }
    }

    /// Rows that can be found.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether nothing can be found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Puts a vector at a row, instead of one that is there. Rows passed over have none
    /// until it comes; a vector of zeros, or of other dimensions, is none.
    pub fn insert(&mut self, row: u32, vector: &Quantised) {
        self.remove(row);
        if vector.values.len() != self.rows.dimensions() || vector.scale == 0.0 {
            return;
        }
        let at = row as usize;
        while self.rows.len() <= at {
            self.absent.set(self.rows.len());
            self.rows.push(&Quantised::zero(self.rows.dimensions()));
        }
        self.rows.set(row, vector);
        self.codes.catch_up(&self.rows, row);
        self.absent.clear(at);
        self.live += 1;
        if self
            .segment
            .as_ref()
            .is_some_and(|segment| at < segment.rows())
        {
            self.segment = None;
        }
    }

    /// Takes a row out: it is not found until a vector is put there again.
    pub fn remove(&mut self, row: u32) {
        if !self.is_absent(row) {
            self.absent.set(row as usize);
            self.live -= 1;
        }
    }

    /// The `count` rows nearest to a question.
    #[must_use]
    pub fn search(&self, query: &[f32], count: usize, among: Among<'_>, exact: Exact<'_>) -> Found {
        let path = self.path();
        if query.len() != self.rows.dimensions() || self.is_empty() {
            let nearest = Vec::new();
            return Found { nearest, path };
        }
        let coded = Quantised::of(query);
        let candidates = match among {
            Among::Rows(rows) if rows.len() <= LISTED_ROWS => {
                let live = rows.iter().copied().filter(|row| !self.is_absent(*row));
                rows::compare(&self.rows, &coded, live)
            }
            Among::Rows(rows) => {
                let wanted = Bitmap::of(rows);
                self.shortlist(query, &coded, count, &|row| {
                    wanted.has(row as usize) && !self.is_absent(row)
                })
            }
            Among::All => self.shortlist(query, &coded, count, &|row| !self.is_absent(row)),
        };
        Found {
            nearest: cascade::rescore(candidates, query, count, exact),
            path,
        }
    }

    /// The cosine of a question and the weighted sum of some rows' vectors.
    #[must_use]
    pub fn blend(&self, query: &[f32], parts: &[(u32, f32)]) -> f32 {
        let known = parts.iter().filter(|(row, _)| !self.is_absent(*row));
        self.rows.blend(query, known)
    }

    /// Which way a search for all rows takes.
    #[must_use]
    pub fn path(&self) -> SearchPath {
        match self.rows.len() {
            _ if self.rows.dimensions() == 0 => SearchPath::Lexical,
            _ if self.segment.is_some() => SearchPath::Segments,
            rows if rows < CASCADE_ROWS => SearchPath::Scan,
            _ => SearchPath::Cascade,
        }
    }

    /// Bytes held for vectors and codes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.rows.bytes() + self.codes.bytes()
    }

    /// Builds a graph over the rows so far; costs about a second a thousand rows. Searches
    /// use it once it is [attached](Self::attach).
    #[must_use]
    pub fn seal(&self, seed: u64) -> Segment {
        Segment::build(&self.rows, seed)
    }

    /// Whether a graph is missing, or more than a fifth of the rows came after it, or more
    /// than a fifth of its own are gone.
    #[must_use]
    pub fn wants_sealing(&self) -> bool {
        let sealed = self.segment.as_ref().map_or(0, Segment::rows);
        let alive = (0..sealed).filter(|row| !self.absent.has(*row)).count();
        sealed == 0 || alive * 5 < self.live * 4 || alive * 5 < sealed * 4
    }

    /// Uses a sealed graph from now on. One that covers more rows than there are is refused.
    ///
    /// # Errors
    /// [`segment::SegmentError::Rows`] then.
    pub fn attach(&mut self, segment: Segment) -> Result<(), segment::SegmentError> {
        if segment.rows() > self.rows.len() {
            return Err(segment::SegmentError::Rows {
                found: segment.rows(),
                expected: self.rows.len(),
            });
        }
        self.segment = Some(segment);
        Ok(())
    }

    /// The vectors: a cheap clone, for decoding a segment.
    #[must_use]
    pub fn rows(&self) -> Rows {
        self.rows.clone()
    }

    fn is_absent(&self, row: u32) -> bool {
        self.absent.has(row as usize) || row as usize >= self.rows.len()
    }

    fn shortlist(
        &self,
        query: &[f32],
        coded: &Quantised,
        count: usize,
        wanted: &dyn Fn(u32) -> bool,
    ) -> Vec<(u32, f32)> {
        let tail = self.segment.as_ref().map_or(0, Segment::rows);
        let from = tail as u32..self.rows.len() as u32;
        let mut found = if from.len() < CASCADE_ROWS {
            rows::compare(&self.rows, coded, from.filter(|row| wanted(*row)))
        } else {
            let shortlist = self
                .codes
                .nearest(query, from, cascade::SHORTLIST.max(count), wanted);
            rows::compare(&self.rows, coded, shortlist.into_iter())
        };
        if let Some(segment) = &self.segment {
            found.extend(
                segment
                    .search(coded)
                    .into_iter()
                    .filter(|(row, _)| wanted(*row)),
            );
        }
        found
    }
}

#[cfg(test)]
mod tests;
