//! Logits to log-probabilities.
//!
//! Pure. Logarithms are natural.

use crate::generate::Token;

/// A token and the logarithm of its probability.
pub(super) type Scored = (Token, f32);

/// Most tokens that are told beside one.
pub(super) const MOST_TOP: usize = 100;

/// How likely `token` is by a row of logits, and the `top` likeliest ([`MOST_TOP`] at
/// most), best first; of equals the first.
///
/// Without any logits nothing is known: the logarithm is negative infinity.
pub(super) fn score(logits: &[f32], token: Token, top: usize) -> (f32, Vec<Scored>) {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    // Added up in 64 bits: a vocabulary has a hundred thousand small parts.
    let sum: f64 = logits.iter().map(|&l| f64::from(l - most).exp()).sum();
    let of = |logit: f32| logit - most - sum.ln() as f32;
    let own = usize::try_from(token)
        .ok()
        .and_then(|at| logits.get(at))
        .map_or(f32::NEG_INFINITY, |&logit| of(logit));
    let likeliest = likeliest(logits, top.min(MOST_TOP));
    let top = likeliest.into_iter().map(|(id, logit)| (id, of(logit)));
    (own, top.collect())
}

/// The `top` largest logits, largest first; of equals the first. NaN is never among them.
fn likeliest(logits: &[f32], top: usize) -> Vec<Scored> {
    let mut best: Vec<Scored> = Vec::with_capacity(top.min(logits.len()) + 1);
    for (id, &logit) in (0..).zip(logits) {
        let is_full = best.len() == top;
        if logit.is_nan() || top == 0 || (is_full && logit <= best[top - 1].1) {
            continue;
        }
        let at = best.partition_point(|&(_, other)| other >= logit);
        best.insert(at, (id, logit));
        best.truncate(top);
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn probabilities_are_those_of_the_softmax() {
        let logits = [0.0, 3.0_f32.ln(), 4.0_f32.ln()];
        let (own, top) = score(&logits, 1, 2);
        assert!((own - (3.0_f32 / 8.0).ln()).abs() < 1e-6);
        assert_eq!([top[0].0, top[1].0], [2, 1]);
        assert!((top[0].1 - 0.5_f32.ln()).abs() < 1e-6);
    }

    #[test]
    fn great_logits_do_not_overflow_and_tokens_outside_are_impossible() {
        let (own, _) = score(&[1e30, 1e30], 0, 0);
        assert!((own - 0.5_f32.ln()).abs() < 1e-6, "{own}");
        assert_eq!(score(&[1.0], 7, 0).0, f32::NEG_INFINITY);
        assert_eq!(score(&[1.0], -1, 0).0, f32::NEG_INFINITY);
    }

    proptest! {
        /// The top is what sorting everything gives, and all of it has probability one.
        #[test]
        fn the_top_is_sorted_and_everything_adds_up(
            logits in prop::collection::vec(-30.0f32..30.0, 1..60), top in 0usize..8,
        ) {
            let mut sorted: Vec<f32> = logits.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            let (_, found) = score(&logits, 0, top);
            let expected = sorted.iter().take(top);
            prop_assert_eq!(found.len(), expected.len());
            for ((id, _), logit) in found.iter().zip(expected) {
                prop_assert_eq!(logits[*id as usize], *logit);
            }
            let (_, all) = score(&logits, 0, logits.len());
            let sum: f32 = all.iter().map(|(_, logprob)| logprob.exp()).sum();
            prop_assert!((sum - 1.0).abs() < 1e-4, "{}", sum);
        }
    }
}
