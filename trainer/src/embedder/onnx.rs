//! The student as an ONNX file: look up 8-bit rows, scale, average, bring to length 1.

use shared::onnx::{Attribute, Dim, Element, Graph, OnnxError, Values};

use super::Vectors;

/// Operator set of the file: the last whose reductions take their axes as attributes.
const OPERATOR_SET: u32 = 17;
/// Largest magnitude of an 8-bit value.
const MOST: f32 = 127.0;
/// Keeps a text of unknown tokens from being divided by zero.
const SHORTEST: f32 = 1e-12;

/// Rows as 8-bit values with a scale each.
#[derive(Debug, Clone, PartialEq)]
pub struct Rounded {
    width: usize,
    values: Vec<i8>,
    scales: Vec<f32>,
}

impl Rounded {
    /// Rounds a table; a value is off by at most half its row's scale.
    #[must_use]
    pub fn of(table: &Vectors) -> Self {
        let mut rounded = Self {
            width: table.width(),
            values: Vec::with_capacity(table.values().len()),
            scales: Vec::with_capacity(table.len()),
        };
        for row in table.rows() {
            let most = row
                .iter()
                .fold(0.0_f32, |most, value| most.max(value.abs()));
            let scale = if most > 0.0 { most / MOST } else { 0.0 };
            let values = row.iter().map(|value| {
                if scale > 0.0 {
                    (value / scale).round() as i8
                } else {
                    0
                }
            });
            rounded.values.extend(values);
            rounded.scales.push(scale);
        }
        rounded
    }

    /// The 8-bit values alone, a byte each, row after row.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.values.into_iter().map(i8::cast_unsigned).collect()
    }

    /// The values that the rounded rows stand for.
    pub fn rows(&self) -> impl Iterator<Item = Vec<f32>> {
        let rows = self.values.chunks_exact(self.width).zip(&self.scales);
        rows.map(|(row, scale)| row.iter().map(|value| f32::from(*value) * scale).collect())
    }
}

/// The bytes of the ONNX file: `input_ids` `[B, S]` in, unit vectors `[B, width]` out.
///
/// # Errors
/// [`OnnxError`] if the table's parts do not fit each other.
pub fn encode(table: &Rounded) -> Result<Vec<u8>, OnnxError> {
    let mut graph = Graph::new("student");
    let (batch, length) = (Dim::Named("B"), Dim::Named("S"));
    graph.input("input_ids", Element::I64, &[batch, length]);
    let rows = table.scales.len();
    graph.tensor("table", &[rows, table.width], Values::I8(&table.values))?;
    graph.tensor("scale", &[rows, 1], Values::F32(&table.scales))?;
    graph.tensor("shortest", &[1], Values::F32(&[SHORTEST]))?;

    let row = graph.node("Gather", &["table", "input_ids"], &[]);
    let row = graph.node("Cast", &[&row], &[("to", Attribute::Int(1))]);
    let scale = graph.node("Gather", &["scale", "input_ids"], &[]);
    let row = graph.node("Mul", &[&row, &scale], &[]);
    let along = |axis: &'static [i64], keep| {
        [
            ("axes", Attribute::Ints(axis)),
            ("keepdims", Attribute::Int(keep)),
        ]
    };
    let mean = graph.node("ReduceMean", &[&row], &along(&[1], 0));
    let norm = graph.node("ReduceL2", &[&mean], &along(&[1], 1));
    let norm = graph.node("Max", &[&norm, "shortest"], &[]);
    let vector = graph.node("Div", &[&mean, &norm], &[]);
    graph.output(&vector, Element::F32, &[batch, Dim::Fixed(table.width)]);
    Ok(graph.encode(OPERATOR_SET))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rounding_is_off_by_at_most_half_a_scale(
            values in prop::collection::vec(-3.0_f32..3.0, 12)
        ) {
            let table = Vectors::new(4, values).unwrap();
            let rounded = Rounded::of(&table);
            for ((row, back), scale) in table.rows().zip(rounded.rows()).zip(&rounded.scales) {
                for (value, back) in row.iter().zip(back) {
                    prop_assert!((value - back).abs() <= scale * 0.5001);
                }
            }
        }
    }

    #[test]
    fn a_row_of_zeros_stays_zero() {
        let rounded = Rounded::of(&Vectors::new(2, vec![0.0, 0.0, 1.0, -1.0]).unwrap());
        let rows: Vec<_> = rounded.rows().collect();
        assert_eq!(rows[0], [0.0, 0.0]);
        assert!((rows[1][0] - 1.0).abs() < 1e-6 && (rows[1][1] + 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_file_holds_the_table_at_a_byte_a_value() {
        let table = Vectors::new(256, vec![0.25; 256 * 50]).unwrap();
        let bytes = encode(&Rounded::of(&table)).unwrap();
        assert!(
            (256 * 50..256 * 50 + 1_200).contains(&bytes.len()),
            "{}",
            bytes.len()
        );
    }
}
