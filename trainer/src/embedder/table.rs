//! The student: one vector a token, trained towards the teacher's sentence vectors.
//!
//! # Invariants
//! - Row 0, the unknown token, stays zero.
//! - Equal inputs and seed give equal tables, on every machine of equal float arithmetic.
//!
//! Source: Kingma and Ba, "Adam" (2014); moments of a row move only when it is used.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{Vectors, dot};

/// How strongly frequent tokens are weighed down: the share of a text at which a token
/// counts half.
const HALF_WEIGHT_SHARE: f32 = 1e-4;
/// The teacher's id of its most frequent word; ids before it are letters and marks.
const FIRST_WORD: u32 = 1_996;
/// Flattens the head of Zipf's law.
const HEAD: f32 = 30.0;

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const TINY: f32 = 1e-8;

/// How a table is trained.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Passes over all texts.
    pub epochs: usize,
    /// Texts in a step.
    pub batch: usize,
    /// First learning rate; it falls to zero in a straight line.
    pub rate: f32,
    /// Decides the order of the texts.
    pub seed: u64,
}

/// Texts as rows of the table, and where the teacher puts each.
#[derive(Debug, Clone, Copy)]
pub struct Lesson<'a> {
    /// Tokens of each text.
    pub texts: &'a [Vec<u32>],
    /// A unit vector for each text.
    pub targets: &'a Vectors,
}

/// The table before training: centred token vectors, the frequent ones made short.
///
/// `vectors` holds the projected teacher vector of each token, `teacher_ids` their ids
/// there, which tell how frequent a token is: the vocabulary is sorted so.
#[must_use]
pub fn initial(vectors: &Vectors, teacher_ids: impl Iterator<Item = u32>) -> Vectors {
    let mut table = vectors.clone();
    let count = table.len() as f32;
    let mut mean = vec![0.0; table.width()];
    for row in vectors.rows() {
        mean.iter_mut()
            .zip(row)
            .for_each(|(mean, value)| *mean += value / count);
    }
    let share = |id: u32| 1.0 / (id.saturating_sub(FIRST_WORD) as f32 + HEAD);
    let whole: f32 = (0..table.len() as u32 + FIRST_WORD).map(share).sum();
    let mut lengths = 0.0;
    for (at, id) in teacher_ids.enumerate().take(table.len()) {
        let weight = HALF_WEIGHT_SHARE / (HALF_WEIGHT_SHARE + share(id) / whole);
        let row = table.row_mut(at);
        row.iter_mut()
            .zip(&mean)
            .for_each(|(value, mean)| *value = (*value - mean) * weight);
        lengths += dot(row, row).sqrt();
    }
    let scale = if lengths > 0.0 { count / lengths } else { 1.0 };
    table.values.iter_mut().for_each(|value| *value *= scale);
    table.row_mut(0).fill(0.0);
    table
}

/// A table in training.
#[derive(Debug, Clone)]
pub struct Trainer {
    table: Vectors,
    first: Vec<f32>,
    second: Vec<f32>,
    steps: i32,
}

impl Trainer {
    /// Starts from a table.
    #[must_use]
    pub fn new(table: Vectors) -> Self {
        let count = table.values.len();
        Self {
            table,
            first: vec![0.0; count],
            second: vec![0.0; count],
            steps: 0,
        }
    }

    /// Trains; `on_epoch` hears each pass's number and mean `1 - cosine` per text.
    pub fn run(
        &mut self,
        lesson: Lesson<'_>,
        settings: &Settings,
        on_epoch: &mut dyn FnMut(usize, f64),
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        let mut order: Vec<usize> = (0..lesson.texts.len())
            .filter(|at| !lesson.texts[*at].is_empty())
            .collect();
        let batch = settings.batch.max(1);
        let steps = (settings.epochs * order.len().div_ceil(batch)).max(1);
        let mut step = 0;
        for epoch in 1..=settings.epochs {
            order.shuffle(&mut rng);
            let mut loss = 0.0;
            for batch in order.chunks(batch) {
                let rate = settings.rate * (1.0 - step as f32 / steps as f32);
                loss += self.step(lesson, batch, rate);
                step += 1;
            }
            on_epoch(epoch, loss / order.len().max(1) as f64);
        }
    }

    /// The table as it is.
    #[must_use]
    pub fn into_table(self) -> Vectors {
        self.table
    }

    /// One step; returns the sum of `1 - cosine` over the batch.
    fn step(&mut self, lesson: Lesson<'_>, batch: &[usize], rate: f32) -> f64 {
        let width = self.table.width;
        let mut rows: Vec<u32> = batch
            .iter()
            .flat_map(|at| lesson.texts[*at].iter().copied())
            .collect();
        rows.sort_unstable();
        rows.dedup();
        let mut gradients = vec![0.0; rows.len() * width];
        let mut loss = 0.0;
        for at in batch {
            let text = &lesson.texts[*at];
            let (gap, slope) = slope(&self.table, text, lesson.targets.row(*at));
            loss += f64::from(gap);
            for token in text {
                if let Ok(place) = rows.binary_search(token) {
                    let gradient = &mut gradients[place * width..(place + 1) * width];
                    gradient
                        .iter_mut()
                        .zip(&slope)
                        .for_each(|(sum, part)| *sum += part);
                }
            }
        }
        self.steps += 1;
        for (row, gradient) in rows.iter().zip(gradients.chunks_exact(width)) {
            self.update(*row as usize, gradient, rate);
        }
        loss
    }

    fn update(&mut self, row: usize, gradient: &[f32], rate: f32) {
        let warm1 = 1.0 - BETA1.powi(self.steps);
        let warm2 = 1.0 - BETA2.powi(self.steps);
        let span = row * self.table.width..(row + 1) * self.table.width;
        let moments = self.first[span.clone()]
            .iter_mut()
            .zip(self.second[span.clone()].iter_mut());
        for ((value, (first, second)), slope) in self.table.values[span]
            .iter_mut()
            .zip(moments)
            .zip(gradient)
        {
            *first = BETA1 * *first + (1.0 - BETA1) * slope;
            *second = BETA2 * *second + (1.0 - BETA2) * slope * slope;
            *value -= rate * (*first / warm1) / ((*second / warm2).sqrt() + TINY);
        }
    }
}

/// `1 - cosine` of a text's mean and its target, and its slope for each of its tokens.
fn slope(table: &Vectors, text: &[u32], target: &[f32]) -> (f32, Vec<f32>) {
    let mean = mean(table, text);
    let length = dot(&mean, &mean).sqrt().max(TINY);
    let cosine = dot(&mean, target) / length;
    let scale = 1.0 / (length * text.len() as f32);
    let slope = mean
        .iter()
        .zip(target)
        .map(|(value, target)| (cosine * value / length - target) * scale)
        .collect();
    (1.0 - cosine, slope)
}

/// The mean over a text's tokens; zeros for a text without tokens.
#[must_use]
pub fn mean(table: &Vectors, text: &[u32]) -> Vec<f32> {
    let mut sum = vec![0.0; table.width];
    for token in text {
        sum.iter_mut()
            .zip(table.row(*token as usize))
            .for_each(|(sum, value)| *sum += value);
    }
    let count = text.len().max(1) as f32;
    sum.iter_mut().for_each(|value| *value /= count);
    sum
}

/// How close the texts' means are to their targets, on average; 1 is best.
#[must_use]
pub fn mean_cosine(table: &Vectors, texts: &[Vec<u32>], targets: &Vectors) -> f32 {
    let cosines = texts.iter().zip(targets.rows()).map(|(text, target)| {
        let mean = mean(table, text);
        dot(&mean, target) / dot(&mean, &mean).sqrt().max(TINY)
    });
    cosines.sum::<f32>() / texts.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Vectors {
        Vectors::new(
            3,
            vec![0.0, 0.0, 0.0, 0.5, -1.0, 2.0, 1.0, 0.3, -0.2, 0.1, 0.9, 0.4],
        )
        .unwrap()
    }

    #[test]
    fn the_slope_is_that_of_the_loss() {
        let (text, target) = ([1, 2, 2], [0.6, 0.0, 0.8]);
        let (_, slope) = slope(&table(), &text, &target);
        for (at, expected) in slope.iter().enumerate() {
            let moved = |by: f32| {
                let mut table = table();
                table.row_mut(1)[at] += by;
                super::slope(&table, &text, &target).0
            };
            let measured = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!(
                (measured - expected).abs() < 1e-3,
                "{at}: {measured} {expected}"
            );
        }
    }

    #[test]
    fn training_brings_texts_to_their_targets_and_leaves_unused_rows() {
        let texts = vec![vec![1], vec![1, 2], vec![]];
        let targets = Vectors::new(3, vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]).unwrap();
        let lesson = Lesson {
            texts: &texts,
            targets: &targets,
        };
        let settings = Settings {
            epochs: 400,
            batch: 2,
            rate: 0.05,
            seed: 1,
        };
        let mut trainer = Trainer::new(table());
        let mut losses = Vec::new();
        trainer.run(lesson, &settings, &mut |_, loss| losses.push(loss));
        assert!(losses[0] > 0.5 && losses[399] < 0.01, "{losses:?}");
        assert_eq!(trainer.into_table().row(3), table().row(3));
    }

    #[test]
    fn equal_seeds_give_equal_tables() {
        let texts: Vec<Vec<u32>> = (0..20).map(|n| vec![1 + n % 3, 1 + n % 2]).collect();
        let targets = Vectors::new(3, (0..60).map(|n| (n as f32).sin()).collect()).unwrap();
        let train = |seed| {
            let mut trainer = Trainer::new(table());
            let settings = Settings {
                epochs: 2,
                batch: 4,
                rate: 0.01,
                seed,
            };
            let lesson = Lesson {
                texts: &texts,
                targets: &targets,
            };
            trainer.run(lesson, &settings, &mut |_, _| ());
            trainer.into_table()
        };
        assert_eq!(train(7), train(7));
        assert_ne!(train(7), train(8));
    }

    #[test]
    fn rare_tokens_start_longer_than_frequent_ones_and_the_unknown_is_zero() {
        let vectors = Vectors::new(2, vec![1.0, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0, -1.0]).unwrap();
        let table = initial(
            &vectors,
            [100, FIRST_WORD, FIRST_WORD + 20, 25_000].into_iter(),
        );
        let length = |at: usize| dot(table.row(at), table.row(at)).sqrt();
        assert_eq!(table.row(0), [0.0, 0.0]);
        assert!(length(1) < length(2) && length(2) < length(3));
    }
}
