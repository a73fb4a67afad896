//! How many vectors a millisecond a search compares, by size and by way.
//!
//! `cargo bench -p edge --bench index`. Vectors are random, of 256 dimensions; the last
//! comparison has no full vectors, so the disk is not measured.

use divan::Bencher;
use divan::counter::ItemsCount;
use edge::memory::index::rows::Quantised;
use edge::memory::index::{Among, CASCADE_ROWS, Index};

const DIMENSIONS: usize = 256;

/// The values of one vector: a small generator, always the same.
fn vector(seed: usize) -> Vec<f32> {
    let mut state = seed as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    };
    let mut vector: Vec<f32> = (0..DIMENSIONS).map(|_| next()).collect();
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|v| *v /= length);
    vector
}

fn index(rows: usize) -> Index {
    let mut index = Index::new(DIMENSIONS);
    for row in 0..rows {
        index.insert(row as u32, &Quantised::of(&vector(row)));
    }
    index
}

#[divan::bench(args = [CASCADE_ROWS - 1, CASCADE_ROWS, 200_000])]
fn search_all(bencher: Bencher<'_, '_>, rows: usize) {
    let index = index(rows);
    let query = vector(usize::MAX);
    bencher
        .counter(ItemsCount::new(rows))
        .bench_local(|| index.search(&query, 300, Among::All, &|_| None));
}

#[divan::bench(args = [1_000, 20_000])]
fn search_a_list_among_200_000(bencher: Bencher<'_, '_>, listed: usize) {
    let index = index(200_000);
    let query = vector(usize::MAX);
    let rows: Vec<u32> = (0..listed as u32).map(|row| row * 7).collect();
    bencher
        .counter(ItemsCount::new(listed))
        .bench_local(|| index.search(&query, 300, Among::Rows(&rows), &|_| None));
}

fn main() {
    divan::main();
}
