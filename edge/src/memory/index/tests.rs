//! The index against an exact scan of full vectors.

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::memory::embedder::normalise;

const DIMENSIONS: usize = 128;

/// Directions in which the vectors vary, fewer than dimensions, as those of texts do.
const DIRECTIONS: usize = 24;

/// Unit vectors around a few hundred centres, as texts on a few hundred matters are.
fn clustered(count: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut shape = StdRng::seed_from_u64(0);
    let mut numbers =
        |count: usize| -> Vec<f32> { (0..count).map(|_| shape.random::<f32>() - 0.5).collect() };
    let directions: Vec<Vec<f32>> = (0..DIRECTIONS).map(|_| numbers(DIMENSIONS)).collect();
    let centres: Vec<Vec<f32>> = (0..400).map(|_| numbers(DIRECTIONS)).collect();
    let mut random = StdRng::seed_from_u64(seed);
    let vectors = (0..count).map(|at| {
        let mut vector = vec![0.0; DIMENSIONS];
        for (direction, centre) in directions.iter().zip(&centres[at % centres.len()]) {
            let along = 2.0 * centre + 0.3 + random.random::<f32>() - 0.5;
            vector
                .iter_mut()
                .zip(direction)
                .for_each(|(v, d)| *v += along * d);
        }
        normalise(&mut vector);
        vector
    });
    vectors.collect()
}

fn index_of(vectors: &[Vec<f32>]) -> Index {
    let mut index = Index::new(DIMENSIONS);
    for (row, vector) in vectors.iter().enumerate() {
        index.insert(row as u32, &Quantised::of(vector));
    }
    index
}

fn exact_best(
    vectors: &[Vec<f32>],
    query: &[f32],
    count: usize,
    wanted: impl Fn(u32) -> bool,
) -> Vec<u32> {
    let mut all: Vec<(f32, u32)> = (0_u32..)
        .zip(vectors)
        .filter(|(row, _)| wanted(*row))
        .map(|(row, vector)| (vector.iter().zip(query).map(|(a, b)| a * b).sum(), row))
        .collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
    all.into_iter().take(count).map(|(_, row)| row).collect()
}

/// The share of the exact ten best that a search finds, over many questions.
fn recall_at_10(vectors: &[Vec<f32>], search: impl Fn(&[f32]) -> Vec<(u32, f32)>) -> f32 {
    let questions = clustered(60, 99);
    let found: usize = questions
        .iter()
        .map(|question| {
            let best = exact_best(vectors, question, 10, |_| true);
            let nearest = search(question);
            let hits = nearest
                .iter()
                .take(10)
                .filter(|(row, _)| best.contains(row));
            hits.count()
        })
        .sum();
    found as f32 / (10 * questions.len()) as f32
}

#[test]
fn a_scan_finds_what_full_precision_finds() {
    let vectors = clustered(3_000, 1);
    let index = index_of(&vectors);
    let exact = |row: u32| Some(vectors[row as usize].clone());
    let recall = recall_at_10(&vectors, |question| {
        index.search(question, 10, Among::All, &exact).nearest
    });
    assert!(recall >= 0.99, "{recall}");
    assert_eq!(index.path(), SearchPath::Scan);
}

#[test]
fn the_cascade_finds_what_full_precision_finds() {
    let vectors = clustered(CASCADE_ROWS + 2_000, 2);
    let index = index_of(&vectors);
    let exact = |row: u32| Some(vectors[row as usize].clone());
    let recall = recall_at_10(&vectors, |question| {
        index.search(question, 10, Among::All, &exact).nearest
    });
    assert!(recall >= 0.98, "{recall}");
    assert_eq!(index.path(), SearchPath::Cascade);
}

#[test]
fn a_sealed_segment_and_the_rows_after_it_answer_together() {
    let vectors = clustered(4_000, 3);
    let mut index = index_of(&vectors[..3_000]);
    let segment = index.seal(7);
    for (row, vector) in (3_000..).zip(&vectors[3_000..]) {
        index.insert(row, &Quantised::of(vector));
    }
    let read = Segment::decode(&segment.encode().unwrap(), &index.rows()).unwrap();
    index.attach(read).unwrap();
    index.remove(5);
    index.remove(3_500);

    let exact = |row: u32| Some(vectors[row as usize].clone());
    let recall = recall_at_10(&vectors, |question| {
        index.search(question, 10, Among::All, &exact).nearest
    });
    assert!(recall >= 0.98, "{recall}");
    for removed in [5, 3_500] {
        let found = index.search(&vectors[removed], 10, Among::All, &exact);
        assert_eq!(found.path, SearchPath::Segments);
        assert!(
            found
                .nearest
                .iter()
                .all(|(row, _)| *row as usize != removed)
        );
    }
}

#[test]
fn a_damaged_segment_is_refused() {
    let vectors = clustered(200, 4);
    let index = index_of(&vectors);
    let mut bytes = index.seal(7).encode().unwrap();
    let fewer = index_of(&vectors[..100]).rows();
    assert!(matches!(
        Segment::decode(&bytes, &fewer),
        Err(segment::SegmentError::Layout { .. })
    ));
    bytes[40] ^= 1;
    assert!(matches!(
        Segment::decode(&bytes, &index.rows()),
        Err(segment::SegmentError::Checksum)
    ));
    assert!(Segment::decode(&[], &index.rows()).is_err());
}

#[test]
fn rows_are_found_by_the_vector_they_have_now() {
    let mut index = Index::new(2);
    index.insert(0, &Quantised::zero(2));
    index.insert(4, &Quantised::of(&[1.0, 0.0]));
    let found = index.search(&[1.0, 0.0], 10, Among::All, &|_| None);
    assert_eq!(
        found
            .nearest
            .iter()
            .map(|(row, _)| *row)
            .collect::<Vec<_>>(),
        [4]
    );
    index.insert(2, &Quantised::of(&[0.0, 1.0]));
    index.insert(4, &Quantised::of(&[0.0, -1.0]));
    let found = index.search(&[1.0, 0.1], 10, Among::All, &|_| None);
    assert_eq!(
        found
            .nearest
            .iter()
            .map(|(row, _)| *row)
            .collect::<Vec<_>>(),
        [2, 4]
    );
    assert_eq!(index.len(), 2);
    assert!((index.blend(&[0.0, 1.0], &[(0, 1.0), (2, 0.5), (9, 1.0)]) - 1.0).abs() < 1e-3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_search_answers_only_with_live_rows_that_are_asked_for(
        removed in prop::collection::btree_set(0_u32..300, 0..150),
        listed in prop::collection::btree_set(0_u32..400, 0..300),
        seed in 0_u64..8,
    ) {
        let vectors = clustered(300, seed);
        let mut index = index_of(&vectors);
        for row in &removed {
            index.remove(*row);
        }
        prop_assert_eq!(index.len(), 300 - removed.len());
        let listed: Vec<u32> = listed.into_iter().collect();
        let exact = |row: u32| Some(vectors[row as usize].clone());
        let wanted = |row: u32| !removed.contains(&row) && listed.contains(&row);
        let question = &vectors[seed as usize];
        let found = index.search(question, 10, Among::Rows(&listed), &exact).nearest;
        prop_assert!(found.iter().all(|(row, _)| wanted(*row)));
        let best = exact_best(&vectors, question, 10, wanted);
        prop_assert_eq!(found.len(), best.len());
        let agree = found.iter().filter(|(row, _)| best.contains(row)).count();
        prop_assert!(agree + 1 >= best.len());
    }
}
