//! Texts embedded a second, cache excluded: every text is new.
//!
//! `cargo bench -p edge --bench embed`; with `SCRUBJAY_MINILM_WHEEL` set to the wheel
//! that `make deps` fetches, MiniLM is measured too.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use divan::Bencher;
use divan::counter::ItemsCount;
use edge::embed;
use edge::memory::embedder::{Embedder, Purpose};

fn main() {
    divan::main();
}

/// Texts in a call.
const BATCH: usize = 64;

static SEED: AtomicU64 = AtomicU64::new(1);

/// Texts of so many everyday words, never the same twice.
fn texts(words: usize) -> Vec<String> {
    const WORDS: [&str; 16] = [
        "where",
        "sister",
        "garden",
        "boiler",
        "yesterday",
        "ticket",
        "music",
        "bread",
        "winter",
        "doctor",
        "blue",
        "letter",
        "seven",
        "river",
        "repair",
        "holiday",
    ];
    (0..BATCH)
        .map(|_| {
            let mut state = SEED.fetch_add(1, Ordering::Relaxed);
            let word = |_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                WORDS[(state >> 60) as usize]
            };
            (0..words).map(word).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

fn measure(bencher: Bencher<'_, '_>, embedder: &Arc<dyn Embedder>, words: usize) {
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| texts(words))
        .bench_values(|texts| {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            embedder
                .embed(Purpose::Passage, &texts)
                .expect("texts are embedded")
        });
}

#[divan::bench(args = [8, 14, 30, 100], threads = [1, 2])]
fn student(bencher: Bencher<'_, '_>, words: usize) {
    measure(
        bencher,
        &embed::builtin().expect("the built-in embedder opens"),
        words,
    );
}

#[divan::bench(args = [8, 14, 30], threads = [1, 2], sample_count = 10)]
fn minilm(bencher: Bencher<'_, '_>, words: usize) {
    let Some(wheel) = std::env::var_os("SCRUBJAY_MINILM_WHEEL") else {
        return;
    };
    let dir = tempfile::tempdir().expect("a temporary folder");
    embed::minilm::build(Path::new(&wheel), dir.path()).expect("MiniLM is built");
    measure(
        bencher,
        &embed::open(dir.path()).expect("MiniLM opens"),
        words,
    );
}

/// From the program's own bytes to the first vector.
#[divan::bench]
fn open_builtin() -> Arc<dyn Embedder> {
    embed::builtin().expect("the built-in embedder opens")
}
