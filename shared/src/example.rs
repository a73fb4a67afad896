//! A training example with its lineage: the device writes it, the trainer reads it.
//!
//! Layout: one version byte, then the fields of [`Example`] in order as `postcard`
//! writes them. A new layout is a new version with a golden file of its own under
//! `tests/golden/`; an old version is read for ever.
//!
//! # Invariants
//! - [`Example::decode`] answers every input with a value or an error, and allocates
//!   no more than a small multiple of the input.
//! - Nothing follows the last field: trailing bytes are refused.
//! - A rating lies in `1..=5`, going in and coming out.

use serde::{Deserialize, Serialize};

use crate::chat::Message;
use crate::clock::Timestamp;
use crate::id::{EpisodeId, ExampleId, MemoryId, SessionId};

/// The version that [`Example::encode`] writes.
pub const VERSION: u8 = 1;

/// The longest example there is, in bytes.
pub const MAX_BYTES: usize = 4 << 20;

/// The ratings a person can give, worst and best.
pub const RATINGS: std::ops::RangeInclusive<i8> = 1..=5;

/// One finished turn: what the model was shown, what it said, what the person made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Its identifier.
    pub id: ExampleId,
    /// The conversation it comes from.
    pub session: SessionId,
    /// When the turn was finished.
    pub created: Timestamp,
    /// Everything the model was shown, oldest first; the last message is the question.
    pub prompt: Vec<Message>,
    /// What the model answered.
    pub answer: String,
    /// What the person says it should have answered.
    pub corrected: Option<String>,
    /// The person's rating, one of [`RATINGS`].
    pub rating: Option<i8>,
    /// The episodes this example is made of: forgetting one taints what is trained on it.
    pub episodes: Vec<EpisodeId>,
    /// The memories shown in the prompt, with the same consequence.
    pub memories: Vec<MemoryId>,
    /// The model that answered, by digest.
    pub model: String,
    /// The adapter that was applied.
    pub adapter: Option<String>,
    /// Whether it holds what only its owner may see: never exported or trained on unless allowed.
    pub sensitive: bool,
}

/// Why bytes are not an example, or an example cannot become bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExampleError {
    /// There is not even a version byte.
    #[error("an example of no bytes")]
    Empty,
    /// Written by a newer program, or no example at all.
    #[error("example has version {found}, this program reads up to {newest}")]
    Version {
        /// The version byte read.
        found: u8,
        /// The newest version known here.
        newest: u8,
    },
    /// Longer than [`MAX_BYTES`].
    #[error("example has {found} bytes, at most {limit} are allowed")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// [`MAX_BYTES`].
        limit: usize,
    },
    /// The fields do not read, or do not write.
    #[error("example is malformed")]
    Malformed {
        /// What `postcard` says.
        source: postcard::Error,
    },
    /// Something stands behind the last field.
    #[error("{count} bytes follow the example")]
    Trailing {
        /// How many bytes.
        count: usize,
    },
    /// The rating is none a person can give.
    #[error("rating {found} is not one of 1 to 5")]
    Rating {
        /// The rating read.
        found: i8,
    },
}

impl Example {
    /// The example as bytes of the newest version.
    ///
    /// # Errors
    /// [`ExampleError::Rating`] and [`ExampleError::TooLong`], so that whatever is
    /// written can be read again.
    pub fn encode(&self) -> Result<Vec<u8>, ExampleError> {
        self.check()?;
        let bytes = postcard::to_extend(self, vec![VERSION])
            .map_err(|source| ExampleError::Malformed { source })?;
        check_length(bytes.len())?;
        Ok(bytes)
    }

    /// Reads what [`Self::encode`] of this or an older version wrote.
    ///
    /// # Errors
    /// Whatever [`ExampleError`] names; never a panic, whatever the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, ExampleError> {
        check_length(bytes.len())?;
        let (&version, fields) = bytes.split_first().ok_or(ExampleError::Empty)?;
        if version != VERSION {
            return Err(ExampleError::Version {
                found: version,
                newest: VERSION,
            });
        }
        let (example, rest) = postcard::take_from_bytes::<Self>(fields)
            .map_err(|source| ExampleError::Malformed { source })?;
        if !rest.is_empty() {
            return Err(ExampleError::Trailing { count: rest.len() });
        }
        example.check()?;
        Ok(example)
    }

    fn check(&self) -> Result<(), ExampleError> {
        match self.rating {
            Some(found) if !RATINGS.contains(&found) => Err(ExampleError::Rating { found }),
            _ => Ok(()),
        }
    }
}

fn check_length(found: usize) -> Result<(), ExampleError> {
    if found > MAX_BYTES {
        return Err(ExampleError::TooLong {
            found,
            limit: MAX_BYTES,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Role;
    use proptest::prelude::*;

    const GOLDEN: &[u8] = include_bytes!("../tests/golden/v1/example.postcard");

    /// The example that the golden file holds.
    fn golden() -> Example {
        Example {
            id: ExampleId::from_bytes([1; 16]),
            session: SessionId::from_bytes([2; 16]),
            created: Timestamp::from_millis(1_795_000_000_000),
            prompt: vec![
                Message::new(Role::System, "Answer from the memories."),
                Message::new(Role::User, "Where does Maya live?"),
            ],
            answer: "In Lisbon.".into(),
            corrected: Some("In Porto.".into()),
            rating: Some(2),
            episodes: vec![EpisodeId::from_bytes([3; 16]), EpisodeId::MAX],
            memories: vec![MemoryId::MIN],
            model: "sha256:00ff".into(),
            adapter: None,
            sensitive: true,
        }
    }

    fn examples() -> impl Strategy<Value = Example> {
        let role = prop_oneof![Just(Role::System), Just(Role::User), Just(Role::Assistant)];
        let message = (role, ".{0,40}").prop_map(|(role, content)| Message { role, content });
        (
            any::<[[u8; 16]; 2]>(),
            any::<i64>(),
            prop::collection::vec(message, 0..5),
            (
                ".{0,40}",
                prop::option::of(".{0,40}"),
                prop::option::of(RATINGS),
            ),
            prop::collection::vec(any::<[u8; 16]>(), 0..4),
            (".{0,20}", prop::option::of(".{0,20}"), any::<bool>()),
        )
            .prop_map(|(ids, at, prompt, said, lineage, made)| Example {
                id: ExampleId::from_bytes(ids[0]),
                session: SessionId::from_bytes(ids[1]),
                created: Timestamp::from_millis(at),
                prompt,
                answer: said.0,
                corrected: said.1,
                rating: said.2,
                episodes: lineage.iter().copied().map(EpisodeId::from_bytes).collect(),
                memories: lineage.into_iter().map(MemoryId::from_bytes).collect(),
                model: made.0,
                adapter: made.1,
                sensitive: made.2,
            })
    }

    #[test]
    fn version_one_still_reads_and_is_still_what_is_written() {
        assert_eq!(Example::decode(GOLDEN), Ok(golden()));
        assert_eq!(golden().encode().as_deref(), Ok(GOLDEN));
    }

    #[test]
    fn a_newer_version_is_refused_by_name() {
        let mut bytes = golden().encode().unwrap();
        bytes[0] = VERSION + 1;
        assert_eq!(
            Example::decode(&bytes),
            Err(ExampleError::Version {
                found: VERSION + 1,
                newest: VERSION
            })
        );
        assert_eq!(Example::decode(&[]), Err(ExampleError::Empty));
    }

    #[test]
    fn trailing_bytes_are_refused() {
        let mut bytes = golden().encode().unwrap();
        bytes.push(0);
        assert_eq!(
            Example::decode(&bytes),
            Err(ExampleError::Trailing { count: 1 })
        );
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = golden().encode().unwrap();
        for end in 0..bytes.len() {
            assert!(Example::decode(&bytes[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn a_rating_outside_one_to_five_neither_leaves_nor_enters() {
        let wrong = Example {
            rating: Some(6),
            ..golden()
        };
        assert_eq!(wrong.encode(), Err(ExampleError::Rating { found: 6 }));
        let forged = postcard::to_extend(&wrong, vec![VERSION]).unwrap();
        assert_eq!(
            Example::decode(&forged),
            Err(ExampleError::Rating { found: 6 })
        );
    }

    #[test]
    fn an_example_past_the_limit_is_refused_both_ways() {
        let long = Example {
            answer: "a".repeat(MAX_BYTES),
            ..golden()
        };
        assert!(matches!(long.encode(), Err(ExampleError::TooLong { .. })));
        let bytes = vec![VERSION; MAX_BYTES + 1];
        assert!(matches!(
            Example::decode(&bytes),
            Err(ExampleError::TooLong { .. })
        ));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(example in examples()) {
            prop_assert_eq!(Example::decode(&example.encode().unwrap()), Ok(example));
        }

        #[test]
        fn junk_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..400), versioned: bool) {
            if let (true, Some(first)) = (versioned, bytes.first_mut()) {
                *first = VERSION;
            }
            let _ = Example::decode(&bytes);
        }

        #[test]
        fn a_flipped_byte_never_panics(at in 0..GOLDEN.len(), to: u8) {
            let mut bytes = GOLDEN.to_vec();
            bytes[at] = to;
            let _ = Example::decode(&bytes);
        }
    }
}
