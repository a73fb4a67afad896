//! A sealed graph over the rows of an archive, for more rows than a scan is good for.
//!
//! `instant-distance` builds it once; it takes no inserts and no removals, so a search
//! asks for many and the index drops what was removed. Its points are row numbers: the
//! vectors stay where they are. Encoded it is derived data with a checksum, since the
//! graph's own links are followed unchecked.
//!
//! Source: Malkov and Yashunin, 2016 (HNSW).

use std::cell::RefCell;

use instant_distance::{Builder, Hnsw, Search};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::rows::{Quantised, Rows};
use std::sync::Arc;

/// Rows looked at while building and while searching: recall against time.
const EF_CONSTRUCTION: usize = 100;
const EF_SEARCH: usize = 160;
const CHECKSUM_BYTES: usize = 32;

/// Why an encoded segment cannot be used. It can always be built anew.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// The bytes are not those that were written.
    #[error("segment is damaged")]
    Checksum,
    /// The bytes are of another layout.
    #[error("segment is of another layout")]
    Layout {
        /// What the decoder says.
        source: postcard::Error,
    },
    /// It covers rows that are not there.
    #[error("segment covers {found} rows where {expected} are known")]
    Rows {
        /// Rows it covers.
        found: usize,
        /// Rows that are there.
        expected: usize,
    },
}

/// A point of the graph: a row, or the question.
#[derive(Clone)]
enum Point {
    Row { row: u32, rows: Arc<Rows> },
    Question(Arc<Quantised>),
}

impl instant_distance::Point for Point {
    fn distance(&self, other: &Self) -> f32 {
        let similarity = match (self, other) {
            (Self::Row { row, rows }, Self::Question(question))
            | (Self::Question(question), Self::Row { row, rows }) => {
                rows.similarity(*row, question)
            }
            (Self::Row { row, rows }, Self::Row { row: other, .. }) => rows.between(*row, *other),
            (Self::Question(_), Self::Question(_)) => 1.0,
        };
        1.0 - similarity
    }
}

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Row { row, .. } => serializer.serialize_u32(*row),
            Self::Question(_) => Err(serde::ser::Error::custom("a question is no row")),
        }
    }
}

thread_local! {
    /// The rows of the segment that this thread decodes just now: a point is decoded from
    /// its number alone, and the graph's decoder passes nothing else on.
    static DECODING: RefCell<Option<Arc<Rows>>> = const { RefCell::new(None) };
}

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let row = u32::deserialize(deserializer)?;
        DECODING.with_borrow(|rows| match rows {
            Some(rows) if (row as usize) < rows.len() => Ok(Self::Row {
                row,
                rows: Arc::clone(rows),
            }),
            _ => Err(serde::de::Error::custom("no such row")),
        })
    }
}

/// A sealed graph over the first rows of an index.
pub struct Segment {
    graph: Hnsw<Point>,
    rows: usize,
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl Segment {
    pub(in crate::memory) fn build(rows: &Rows, seed: u64) -> Self {
        let shared = Arc::new(rows.clone());
        let points = (0..rows.len() as u32).map(|row| Point::Row {
            row,
            rows: Arc::clone(&shared),
        });
        let (graph, _) = Builder::default()
            .ef_construction(EF_CONSTRUCTION)
            .ef_search(EF_SEARCH)
            .seed(seed)
            .build_hnsw(points.collect());
        Self {
            graph,
            rows: rows.len(),
        }
    }

    /// How many rows it covers: the first ones.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The rows nearest to a question, removed ones among them.
    pub(super) fn search(&self, question: &Quantised) -> Vec<(u32, f32)> {
        let question = Point::Question(Arc::new(question.clone()));
        let mut search = Search::default();
        let found = self.graph.search(&question, &mut search);
        found
            .filter_map(|item| match item.point {
                Point::Row { row, .. } => Some((*row, 1.0 - item.distance)),
                Point::Question(_) => None,
            })
            .collect()
    }

    /// The graph as bytes: checksum, number of rows, nodes.
    ///
    /// # Errors
    /// [`SegmentError::Layout`] if it cannot be written.
    pub fn encode(&self) -> Result<Vec<u8>, SegmentError> {
        let layout = |source| SegmentError::Layout { source };
        let body = postcard::to_stdvec(&(self.rows as u64, &self.graph)).map_err(layout)?;
        let mut bytes = Sha256::digest(&body).to_vec();
        bytes.extend(body);
        Ok(bytes)
    }

    /// Reads a graph back, over the rows it was built from.
    ///
    /// # Errors
    /// [`SegmentError`] if a byte has changed or rows are missing.
    pub fn decode(bytes: &[u8], rows: &Rows) -> Result<Self, SegmentError> {
        let (checksum, body) = bytes
            .split_at_checked(CHECKSUM_BYTES)
            .ok_or(SegmentError::Checksum)?;
        if Sha256::digest(body).as_slice() != checksum {
            return Err(SegmentError::Checksum);
        }
        DECODING.set(Some(Arc::new(rows.clone())));
        let decoded = postcard::from_bytes::<(u64, Hnsw<Point>)>(body);
        DECODING.set(None);
        let (covered, graph) = decoded.map_err(|source| SegmentError::Layout { source })?;
        Ok(Self {
            graph,
            rows: covered as usize,
        })
    }
}
