use proptest::prelude::*;

use super::write::Builder;
use super::{Gguf, GgufError, TensorType, Value};

/// A small file with every kind of entry that the writer knows.
fn sample() -> Vec<u8> {
    let mut builder = Builder::default();
    builder.text("general.architecture", "llama").unwrap();
    builder.text("general.name", "Häher").unwrap();
    builder.u32("llama.block_count", 4).unwrap();
    builder.f32("llama.rope.freq_base", 10_000.0).unwrap();
    builder.bool("tokenizer.ggml.add_bos_token", false).unwrap();
    builder
        .texts("tokenizer.ggml.tokens", &["a", "", "é"])
        .unwrap();
    builder
        .i32s("tokenizer.ggml.token_type", &[3, 1, 1])
        .unwrap();
    let norm: Vec<u8> = [1.0_f32, -2.0, 0.5]
        .iter()
        .flat_map(|n| n.to_le_bytes())
        .collect();
    builder
        .tensor("norm.weight", &[3], TensorType::F32, norm)
        .unwrap();
    let matrix: Vec<u8> = (0..12).collect();
    builder
        .tensor("matrix.weight", &[2, 3], TensorType::F16, matrix)
        .unwrap();
    let mut file = Vec::new();
    builder.write_to(&mut file).unwrap();
    file
}

#[test]
fn what_is_written_is_read_back() {
    let file = sample();
    let gguf = Gguf::parse(&file).unwrap();
    assert_eq!(gguf.version(), 3);
    assert_eq!(gguf.architecture(), Ok("llama"));
    assert_eq!(gguf.str("general.name"), Ok("Häher"));
    assert_eq!(gguf.u32("llama.block_count"), Ok(4));
    assert_eq!(gguf.f32("llama.rope.freq_base"), Ok(10_000.0));
    assert_eq!(gguf.bool("tokenizer.ggml.add_bos_token"), Ok(false));
    assert_eq!(
        gguf.strings("tokenizer.ggml.tokens"),
        Ok(vec!["a", "", "é"])
    );
    let types: Vec<Value> = gguf
        .array("tokenizer.ggml.token_type")
        .unwrap()
        .values()
        .collect();
    assert_eq!(types, [Value::I32(3), Value::I32(1), Value::I32(1)]);
    let matrix = gguf.tensor("matrix.weight").unwrap();
    assert_eq!(
        (&matrix.dimensions[..], matrix.kind),
        (&[2, 3][..], TensorType::F16)
    );
    assert_eq!(gguf.bytes_of(matrix), (0..12).collect::<Vec<u8>>());
    assert_eq!(matrix.range.start % 32, 0);
    assert_eq!(gguf.tensors().len(), 2);
}

#[test]
fn absent_and_mistyped_keys_are_errors() {
    let file = sample();
    let gguf = Gguf::parse(&file).unwrap();
    assert!(matches!(
        gguf.str("no.such.key"),
        Err(GgufError::Key { .. })
    ));
    assert!(matches!(
        gguf.u32("general.name"),
        Err(GgufError::Key { .. })
    ));
    assert!(matches!(
        gguf.strings("tokenizer.ggml.token_type"),
        Err(GgufError::Key { .. })
    ));
}

#[test]
fn every_truncation_is_an_error() {
    let file = sample();
    for cut in 0..file.len() - 32 {
        assert!(
            Gguf::parse(&file[..cut]).is_err(),
            "{cut} of {} bytes",
            file.len()
        );
    }
    assert_eq!(
        Gguf::parse(b"PK\x03\x04 something else"),
        Err(GgufError::Magic)
    );
}

/// A length field that promises more than the file has must not be believed.
#[test]
fn huge_counts_cost_no_memory() {
    for at in [8, 16, 24] {
        let mut file = sample();
        file[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(Gguf::parse(&file).is_err());
    }
}

#[test]
fn writer_refuses_what_no_reader_would_take() {
    let mut builder = Builder::default();
    builder.u32("a", 1).unwrap();
    assert!(matches!(
        builder.u32("a", 2),
        Err(GgufError::Duplicate { .. })
    ));
    assert!(matches!(
        builder.tensor("t", &[4], TensorType::F16, vec![0; 7]),
        Err(GgufError::Size {
            found: 7,
            expected: 8,
            ..
        })
    ));
    assert!(matches!(
        builder.tensor("t", &[1, 1, 1, 1, 1], TensorType::F32, vec![0; 4]),
        Err(GgufError::Dimensions { .. })
    ));
    builder
        .tensor("t", &[4], TensorType::F16, vec![0; 8])
        .unwrap();
    assert!(matches!(
        builder.tensor("t", &[4], TensorType::F16, vec![0; 8]),
        Err(GgufError::Duplicate { .. })
    ));
}

#[test]
fn quantised_rows_hold_whole_blocks() {
    let q4_k = TensorType::find(12).unwrap();
    assert_eq!(q4_k.bytes(&[512, 3]), Some(6 * 144));
    assert_eq!(q4_k.bytes(&[100, 3]), None);
    assert_eq!(TensorType::F32.bytes(&[u64::MAX, 2]), None);
}

/// Asks a parsed file for everything it has.
fn visit(bytes: &[u8]) {
    if let Ok(gguf) = Gguf::parse(bytes) {
        for (_, value) in gguf.metadata() {
            if let Value::Array(array) = value {
                assert_eq!(array.values().count(), array.len());
            }
        }
        for tensor in gguf.tensors() {
            assert_eq!(gguf.bytes_of(tensor).len(), tensor.range.len());
        }
    }
}

proptest! {
    #[test]
    fn flipped_bytes_never_panic(at in 0_usize..4096, byte: u8, more in prop::collection::vec((0_usize..4096, any::<u8>()), 0..4)) {
        let mut file = sample();
        let length = file.len();
        file[at % length] = byte;
        for (at, byte) in more {
            file[at % length] = byte;
        }
        visit(&file);
    }

    #[test]
    fn junk_never_panics(junk in prop::collection::vec(any::<u8>(), 0..300)) {
        visit(&junk);
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        file.extend(junk);
        visit(&file);
    }

    #[test]
    fn any_metadata_and_tensors_survive(
        texts in prop::collection::btree_map("[a-z.]{1,12}", ".{0,20}", 0..6),
        sizes in prop::collection::btree_map("[a-z.]{1,12}", 0_u64..40, 0..6),
    ) {
        let mut builder = Builder::default();
        for (key, text) in &texts {
            builder.text(key, text).unwrap();
        }
        for (name, &size) in &sizes {
            builder.tensor(name, &[size, 2], TensorType::F16, vec![size as u8; size as usize * 4]).unwrap();
        }
        let mut file = Vec::new();
        builder.write_to(&mut file).unwrap();
        let gguf = Gguf::parse(&file).unwrap();
        for (key, text) in &texts {
            prop_assert_eq!(gguf.str(key), Ok(&text[..]));
        }
        for (name, &size) in &sizes {
            let tensor = gguf.tensor(name).unwrap();
            prop_assert_eq!(gguf.bytes_of(tensor), vec![size as u8; size as usize * 4]);
        }
    }
}
