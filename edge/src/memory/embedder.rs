//! What memory needs of an embedder: text in, unit vectors out.
//!
//! The trait stands here, not beside tract, so that memory builds and is tested without
//! a neural network. [`Lexical`] has no vectors at all: recall by words only.
//! [`HashedWords`] is the fake that tests use: texts that share words lie close.
//!
//! # Invariants
//! - Every vector has [`Embedder::dimensions`] numbers, and length 1 or 0.
//! - Vectors of two embedders are never compared: [`Embedder::id`] is stored with each.

use std::error::Error;

/// What a text is embedded for. Some models want another prefix for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Something is looked for.
    Query,
    /// Something may be found.
    Passage,
}

/// Why texts could not be embedded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The tokenizer refused a text.
    #[error("embedder {embedder} cannot cut a text into tokens")]
    Tokenize {
        /// The embedder's id.
        embedder: String,
        /// What the tokenizer says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The network failed.
    #[error("embedder {embedder} cannot run its network")]
    Run {
        /// The embedder's id.
        embedder: String,
        /// What the runtime says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The network answered with another number of values than it promises.
    #[error("embedder {embedder} answered {found} values where {expected} were expected")]
    Shape {
        /// The embedder's id.
        embedder: String,
        /// Values that came.
        found: usize,
        /// Values that should have come.
        expected: usize,
    },
    /// The network answered with a number that is not finite.
    #[error("embedder {embedder} answered with a value that is not a number")]
    NotFinite {
        /// The embedder's id.
        embedder: String,
    },
}

/// Turns texts into vectors whose dot product tells how alike they are.
///
/// ```
/// use edge::memory::embedder::{Embedder, HashedWords, Purpose};
///
/// let embedder = HashedWords::new(64);
/// let vectors = embedder.embed(Purpose::Passage, &["a red bicycle", "the red bicycle"])?;
/// let dot: f32 = vectors[0].iter().zip(&vectors[1]).map(|(a, b)| a * b).sum();
/// assert!(dot > 0.4);
/// # Ok::<(), edge::memory::embedder::EmbedError>(())
/// ```
pub trait Embedder: Send + Sync {
    /// The name of this vector space, stored beside each vector: `student-256@1f0c9a2b`.
    fn id(&self) -> &str;

    /// Numbers in a vector; 0 for an embedder that has none.
    fn dimensions(&self) -> usize;

    /// Embeds texts: one vector each, in order. Length 1, or all zeros for a text in
    /// which the embedder knows nothing.
    ///
    /// # Errors
    /// [`EmbedError`] if the tokenizer or the network fails; no vector is returned then.
    fn embed(&self, purpose: Purpose, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError>;
}

/// The embedder of those who want none: 0 dimensions, recall by words only.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lexical;

impl Embedder for Lexical {
    fn id(&self) -> &str {
        "lexical"
    }

    fn dimensions(&self) -> usize {
        0
    }

    fn embed(&self, _: Purpose, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(vec![Vec::new(); texts.len()])
    }
}

/// A fake for tests: each word has a fixed pseudo-random direction, a text is their sum.
#[derive(Debug, Clone)]
pub struct HashedWords {
    id: String,
    dimensions: usize,
}

impl HashedWords {
    /// An embedder of so many dimensions; equal dimensions give equal vectors.
    #[must_use]
    pub fn new(dimensions: usize) -> Self {
        Self {
            id: format!("hashed-words-{dimensions}"),
            dimensions,
        }
    }

    fn vector(&self, text: &str) -> Vec<f32> {
        let mut sum = vec![0.0; self.dimensions];
        for word in text.split(|c: char| !c.is_alphanumeric()) {
            if word.is_empty() {
                continue;
            }
            let mut state = fnv1a(word.to_lowercase().as_bytes());
            for value in &mut sum {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                *value += if state >> 63 == 0 { 1.0 } else { -1.0 };
            }
        }
        normalise(&mut sum);
        sum
    }
}

impl Embedder for HashedWords {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn embed(&self, _: Purpose, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(texts.iter().map(|text| self.vector(text)).collect())
    }
}

/// Scales a vector to length 1; one of zeros stays.
pub fn normalise(vector: &mut [f32]) {
    let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|v| *v /= norm);
    }
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn texts_that_share_words_lie_closer_than_others() {
        let vectors = HashedWords::new(256)
            .embed(
                Purpose::Passage,
                &[
                    "Maya lives in Lisbon",
                    "where does maya live, lisbon?",
                    "the boiler code",
                ],
            )
            .unwrap();
        assert!(dot(&vectors[0], &vectors[1]) > dot(&vectors[0], &vectors[2]) + 0.2);
    }

    #[test]
    fn vectors_have_length_one_or_zero() {
        let vectors = HashedWords::new(32)
            .embed(Purpose::Query, &["one", "", "…"])
            .unwrap();
        assert!((dot(&vectors[0], &vectors[0]) - 1.0).abs() < 1e-5);
        assert_eq!(vectors[1], vec![0.0; 32]);
        assert_eq!(vectors[2], vec![0.0; 32]);
    }

    #[test]
    fn lexical_gives_one_empty_vector_for_each_text() {
        let vectors = Lexical.embed(Purpose::Passage, &["a", "b"]).unwrap();
        assert_eq!(vectors, vec![Vec::<f32>::new(); 2]);
    }
}
