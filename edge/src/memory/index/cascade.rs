//! The last steps of a search: from many rows in int8 to a few in full precision.

use super::Exact;
use super::rows::product;

/// Rows that the bits choose for int8.
pub const SHORTLIST: usize = 1_000;
/// Rows that int8 chooses for full precision, or as many as are asked for.
pub const RESCORED: usize = 30;

/// Orders candidates by similarity, the best by their full vectors where there are such.
pub(super) fn rescore(
    mut candidates: Vec<(u32, f32)>,
    query: &[f32],
    count: usize,
    exact: Exact<'_>,
) -> Vec<(u32, f32)> {
    keep_best(&mut candidates, count.max(RESCORED));
    for (row, similarity) in candidates.iter_mut().take(RESCORED) {
        if let Some(vector) = exact(*row).filter(|vector| vector.len() == query.len()) {
            *similarity = product(&vector, query);
        }
    }
    keep_best(&mut candidates, count);
    candidates
}

/// Best first, at most `count`, each row once; ties go to the later row.
fn keep_best(candidates: &mut Vec<(u32, f32)>, count: usize) {
    let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0));
    if candidates.len() > 2 * count.max(1) {
        candidates.select_nth_unstable_by(2 * count.max(1), order);
        candidates.truncate(2 * count.max(1));
    }
    candidates.sort_unstable_by(order);
    candidates.dedup_by_key(|(row, _)| *row);
    candidates.truncate(count);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_vectors_decide_among_the_best() {
        let candidates = vec![(1, 0.50), (2, 0.51), (3, 0.1)];
        let exact = |row: u32| (row < 3).then(|| vec![if row == 1 { 0.9 } else { 0.2 }]);
        assert_eq!(rescore(candidates, &[1.0], 2, &exact), [(1, 0.9), (2, 0.2)]);
    }

    #[test]
    fn a_row_found_twice_counts_once() {
        let candidates = vec![(7, 0.5), (7, 0.5), (8, 0.4)];
        assert_eq!(
            rescore(candidates, &[1.0], 9, &|_| None),
            [(7, 0.5), (8, 0.4)]
        );
    }
}
