//! Identifiers: a newtype for everything that is pointed at.
//!
//! An identifier is a ULID: 48 bits of milliseconds since 1970, 80 random bits. Its
//! sixteen big-endian bytes sort by time of creation, so do its 26 Crockford base-32
//! characters, and two processes never make the same one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::clock::Timestamp;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The text has not the 26 base-32 characters of an identifier.
    #[error("{text:?} is not an identifier (26 letters and digits)")]
    Malformed {
        /// What was given.
        text: String,
    },
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Ulid);

        impl $name {
            /// The least identifier there is.
            pub const MIN: Self = Self(Ulid::from_bytes([0; 16]));
            /// The greatest identifier there is.
            pub const MAX: Self = Self(Ulid::from_bytes([0xff; 16]));

            /// Makes the identifier of an instant, told apart by `random` (80 bits used).
            pub fn new(at: Timestamp, random: u128) -> Self {
                Self(Ulid::from_parts(at.millis().max(0).unsigned_abs(), random))
            }

            /// The next identifier in order; `None` after the last.
            pub fn successor(self) -> Option<Self> {
                u128::from_be_bytes(self.to_bytes()).checked_add(1).map(|n| Self(Ulid::from_bytes(n.to_be_bytes())))
            }

            /// Sixteen bytes that sort as the identifiers do.
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_bytes()
            }

            /// Reads what [`Self::to_bytes`] wrote; every sixteen bytes are an identifier.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Ulid::from_bytes(bytes))
            }

            /// When it was made, to the millisecond.
            pub fn created(self) -> Timestamp {
                Timestamp::from_millis(i64::try_from(self.0.timestamp_ms()).unwrap_or(i64::MAX))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Ulid::from_string(text).map(Self).map_err(|_| IdError::Malformed { text: text.to_owned() })
            }
        }
    )*};
}

identifiers! {
    /// Something said or done, kept verbatim.
    EpisodeId
    /// Something remembered, derived from episodes.
    MemoryId
    /// One conversation.
    SessionId
    /// A training example made from a finished turn.
    ExampleId
}
