//! Vectors as they are stored: an int8 code with its scale for the scan, f16 for the
//! last comparison.
//!
//! Units: numbers of unit vectors, `-1.0..=1.0`; little-endian bytes.

use half::f16;

use super::schema::Space;
use super::store::append::Embedded;

/// A vector in int8.
struct Quantised {
    scale: f32,
    values: Vec<i8>,
}

impl Quantised {
    fn of(vector: &[f32]) -> Self {
        let scale = vector.iter().fold(0.0_f32, |max, v| max.max(v.abs())) / 127.0;
        let step = if scale > 0.0 { scale } else { 1.0 };
        let values = vector.iter().map(|v| (v / step).round() as i8);
        Self {
            scale,
            values: values.collect(),
        }
    }
}

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
