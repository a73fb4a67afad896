//! Vectors as they are stored: an int8 code with its scale for the scan, f16 for the
//! last comparison.
//!
//! Units: numbers of unit vectors, `-1.0..=1.0`; little-endian bytes.

use half::f16;

use super::index::rows::Quantised;
use super::schema::Space;
use super::store::append::Embedded;

/// Both stored forms of a vector.
pub(super) fn embedded(space: Space, vector: &[f32]) -> Embedded {
    let quantised = Quantised::of(vector);
    let mut code = quantised.scale.to_le_bytes().to_vec();
    code.extend(quantised.values.iter().map(|value| value.to_le_bytes()[0]));
    let halves = vector.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes());
    Embedded {
        space,
        code,
        vector: halves.collect(),
    }
}

/// Reads a code of so many dimensions.
pub(super) fn read_code(bytes: &[u8], dimensions: usize) -> Option<Quantised> {
    let (scale, values) = bytes.split_first_chunk()?;
    (values.len() == dimensions).then(|| Quantised {
        scale: f32::from_le_bytes(*scale),
        values: values.iter().map(|b| i8::from_le_bytes([*b])).collect(),
    })
}

/// Reads a full vector of so many dimensions.
pub(super) fn read_vector(bytes: &[u8], dimensions: usize) -> Option<Vec<f32>> {
    let (halves, rest) = bytes.as_chunks::<2>();
    (rest.is_empty() && halves.len() == dimensions).then(|| {
        let values = halves.iter().map(|h| f16::from_le_bytes(*h).to_f32());
        values.collect()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn stored_vectors_read_back_closely(vector in prop::collection::vec(-1.0f32..=1.0, 1..64)) {
            let stored = embedded(3, &vector);
            let code = read_code(&stored.code, vector.len()).unwrap();
            let full = read_vector(&stored.vector, vector.len()).unwrap();
            for ((value, byte), near) in vector.iter().zip(&code.values).zip(&full) {
                prop_assert!((value - code.scale * f32::from(*byte)).abs() <= code.scale);
                prop_assert!((value - near).abs() < 1e-3);
            }
        }

        #[test]
        fn junk_is_a_vector_of_these_dimensions_or_none(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(read_code(&bytes, 8).is_some(), bytes.len() == 12);
            prop_assert_eq!(read_vector(&bytes, 8).is_some(), bytes.len() == 16);
        }
    }
}
