//! Keys as bytes that sort as the keys do.

use shared::id::{EpisodeId, ExampleId, MemoryId, SessionId};

use super::SchemaError;
use crate::memory::episode::ItemId;

/// A key of one length.
pub(crate) trait Key: Sized {
    /// Bytes of every key of this kind.
    const LEN: usize;

    /// Appends exactly [`Self::LEN`] bytes.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads exactly [`Self::LEN`] bytes.
    ///
    /// # Errors
    /// [`SchemaError`] for another length or an unknown tag.
    fn decode(bytes: &[u8]) -> Result<Self, SchemaError>;

    /// The bytes alone.
    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LEN);
        self.encode(&mut out);
        out
    }
}

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], SchemaError> {
    bytes.try_into().map_err(|_| SchemaError::KeyLength {
        found: bytes.len(),
        expected: N,
    })
}

macro_rules! id_keys {
    ($($id:ty)*) => {$(
        impl Key for $id {
            const LEN: usize = 16;

            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_bytes());
            }

            fn decode(bytes: &[u8]) -> Result<Self, SchemaError> {
                array(bytes).map(Self::from_bytes)
            }
        }
    )*};
}
id_keys!(EpisodeId MemoryId SessionId ExampleId);

macro_rules! number_keys {
    ($($number:ty)*) => {$(
        impl Key for $number {
            const LEN: usize = size_of::<$number>();

            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }

            fn decode(bytes: &[u8]) -> Result<Self, SchemaError> {
                array(bytes).map(Self::from_be_bytes)
            }
        }
    )*};
}
number_keys!(u16 u32 u64);

impl Key for [u8; 32] {
    const LEN: usize = 32;

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn decode(bytes: &[u8]) -> Result<Self, SchemaError> {
        array(bytes)
    }
}

impl Key for ItemId {
    const LEN: usize = 17;

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Memory(id) => {
                out.push(1);
                id.encode(out);
            }
            Self::Episode(id) => {
                out.push(2);
                id.encode(out);
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, SchemaError> {
        match array::<17>(bytes)? {
            [1, id @ ..] => Ok(Self::Memory(MemoryId::from_bytes(id))),
            [2, id @ ..] => Ok(Self::Episode(EpisodeId::from_bytes(id))),
            [found, ..] => Err(SchemaError::KeyTag { found }),
        }
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    const LEN: usize = A::LEN + B::LEN;

    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
        self.1.encode(out);
    }

    fn decode(bytes: &[u8]) -> Result<Self, SchemaError> {
        match bytes.split_at_checked(A::LEN) {
            Some((first, second)) if second.len() == B::LEN => {
                Ok((A::decode(first)?, B::decode(second)?))
            }
            _ => Err(SchemaError::KeyLength {
                found: bytes.len(),
                expected: Self::LEN,
            }),
        }
    }
}

/// Under which keys a memory about `attribute` of `subject` is found: one for each word
/// of the subject, so that "my sister Maya" and "Maya" meet. FNV-1a, 64 bits.
pub(crate) fn slot_keys(subject: &str, attribute: &str) -> Vec<u64> {
    let mut keys: Vec<u64> = subject
        .split_whitespace()
        .map(|word| {
            let bytes = word.bytes().chain([0]).chain(attribute.bytes());
            bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            })
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_order<K: Key + Ord + std::fmt::Debug>(a: &K, b: &K) {
        assert_eq!(K::decode(&a.bytes()).as_ref(), Ok(a));
        assert_eq!(a.bytes().len(), K::LEN);
        assert_eq!(a.bytes().cmp(&b.bytes()), a.cmp(b), "{a:?} {b:?}");
    }

    fn episode(n: u128) -> EpisodeId {
        EpisodeId::from_bytes(n.to_be_bytes())
    }

    fn item(tag: bool, n: u128) -> ItemId {
        if tag {
            ItemId::Memory(MemoryId::from_bytes(n.to_be_bytes()))
        } else {
            ItemId::Episode(episode(n))
        }
    }

    proptest! {
        #[test]
        fn keys_read_back_and_sort_as_their_bytes(
            (a, b) in any::<(u128, u128)>(),
            (m, n) in any::<(u32, u32)>(),
            (s, t) in any::<(bool, bool)>(),
        ) {
            check_order(&episode(a), &episode(b));
            check_order(&m, &n);
            check_order(&u64::from(m), &u64::from(n));
            check_order(&(m as u16, n), &(n as u16, m));
            check_order(&(episode(a), m), &(episode(b), n));
            check_order(&(episode(a), m), &(episode(a), n));
            check_order(&item(s, a), &item(t, b));
            check_order(&(item(s, a), episode(b)), &(item(t, a), episode(a)));
        }

        #[test]
        fn junk_is_a_key_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(EpisodeId::decode(&bytes).is_ok(), bytes.len() == 16);
            prop_assert_eq!(u32::decode(&bytes).is_ok(), bytes.len() == 4);
            prop_assert_eq!(<(u16, u32)>::decode(&bytes).is_ok(), bytes.len() == 6);
            let tagged = bytes.len() == 17 && matches!(bytes[0], 1 | 2);
            prop_assert_eq!(ItemId::decode(&bytes).is_ok(), tagged);
        }
    }
}
