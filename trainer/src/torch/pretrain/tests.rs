use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::Pretraining;
use crate::config::Recipe;
use crate::dataset::sequence::Sequence;
use crate::echo::echo;
use crate::pack::Batch;
use crate::run::{Array, Learner as _, State};
use crate::torch::TorchError;

const VOCABULARY: usize = 300;

fn recipe(micro_tokens: usize) -> Recipe {
    let text = include_str!("../../../recipes/nano.toml");
    let mut recipe = Recipe::parse(text).unwrap();
    recipe.model.vocabulary = VOCABULARY;
    recipe.model.layers = 2;
    recipe.model.context = 256;
    recipe.train.precision = crate::config::Precision::F32;
    recipe.train.micro_tokens = micro_tokens;
    recipe
}

fn random_batch(seed: u64) -> Batch {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut sequences: Vec<Sequence> = (0..6)
        .map(|_| {
            let length = random.random_range(2..20);
            Sequence {
                tokens: (0..length)
                    .map(|_| random.random_range(0..VOCABULARY as u32))
                    .collect(),
                weights: (0..length).map(|_| random.random_range(0.0..1.0)).collect(),
                branches: Vec::new(),
            }
        })
        .collect();
    sequences.sort_by_key(|s| s.tokens.len());
    Batch { sequences }
}

/// The largest difference between two states of one model.
fn distance(a: &State, b: &State) -> f32 {
    assert!(a.tensors.keys().eq(b.tensors.keys()));
    let pairs = a.tensors.values().zip(b.tensors.values());
    pairs
        .flat_map(|(a, b)| a.values.iter().zip(&b.values))
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn micro_batch_size_changes_nothing() {
    let batch = random_batch(1);
    let measured = [10_000, 30, 1].map(|micro_tokens| {
        let mut learner = Pretraining::new(&recipe(micro_tokens)).unwrap();
        let step = learner.step(&batch, 0.0).unwrap();
        (step.loss.value(), step.gradient.value())
    });
    for (loss, gradient) in measured {
        assert!((loss - measured[0].0).abs() < 1e-5, "{measured:?}");
        assert!(
            (gradient / measured[0].1 - 1.0).abs() < 1e-4,
            "{measured:?}"
        );
    }
}

/// A tree costs what its dialogues cost one by one: branches do not see each other.
#[test]
fn a_tree_is_read_as_its_dialogues_are() {
    let family: Vec<Sequence> = (0..4)
        .map(|index| {
            let mut one = echo(1, index, VOCABULARY);
            let mut tokens = vec![7, 8, 9, 10, 11];
            tokens.append(&mut one.tokens);
            one.tokens = tokens;
            one.weights.splice(0..0, [0.0; 5]);
            one
        })
        .collect();
    let tree = Sequence::tree(&family);
    assert_eq!((tree.trunk(), tree.branches.len()), (5, 4));
    let [apart, together] = [family, vec![tree]].map(|mut sequences| {
        sequences.sort_by_key(|s| s.tokens.len());
        let mut learner = Pretraining::new(&recipe(10_000)).unwrap();
        let step = learner.step(&Batch { sequences }, 1e-3).unwrap();
        (step, learner.save().unwrap())
    });
    assert!((apart.0.loss.value() - together.0.loss.value()).abs() < 1e-5);
    assert!((apart.0.gradient.value() - together.0.gradient.value()).abs() < 1e-4);
    assert!(distance(&apart.1, &together.1) < 1e-3);
}

#[test]
fn loading_a_saved_state_goes_on_bit_for_bit() {
    crate::torch::set_threads(1);
    let recipe = recipe(10_000);
    let mut unbroken = Pretraining::new(&recipe).unwrap();
    let mut first = Pretraining::new(&recipe).unwrap();
    for seed in 0..2 {
        unbroken.step(&random_batch(seed), 1e-3).unwrap();
        first.step(&random_batch(seed), 1e-3).unwrap();
    }
    let mut second = Pretraining::new(&recipe).unwrap();
    second.load(&first.save().unwrap(), 2).unwrap();
    for seed in 2..5 {
        unbroken.step(&random_batch(seed), 1e-3).unwrap();
        second.step(&random_batch(seed), 1e-3).unwrap();
    }
    assert_eq!(unbroken.save().unwrap(), second.save().unwrap());
}

#[test]
fn overflowing_loss_leaves_everything_as_it_was() {
    let mut learner = Pretraining::new(&recipe(10_000)).unwrap();
    learner.step(&random_batch(1), 1e-3).unwrap();
    let before = learner.save().unwrap();
    let mut batch = random_batch(2);
    batch.sequences[5].weights[1] = f32::INFINITY;
    let refused = learner.step(&batch, 1e-3);
    assert!(matches!(refused, Err(TorchError::NotFinite { .. })));
    assert_eq!(learner.save().unwrap(), before);
    learner.step(&random_batch(2), 1e-3).unwrap();
    assert!(distance(&learner.save().unwrap(), &before) > 0.0);
}

#[test]
fn steps_lower_the_loss() {
    let mut learner = Pretraining::new(&recipe(10_000)).unwrap();
    let batch = random_batch(3);
    let first = learner.step(&batch, 3e-3).unwrap().loss;
    for _ in 0..10 {
        learner.step(&batch, 3e-3).unwrap();
    }
    assert!(learner.step(&batch, 3e-3).unwrap().loss.value() < first.value() * 0.7);
}

/// From noise alone, the loss of echoes is still at chance after as many steps.
#[test]
fn repeating_is_learnt_within_fifty_steps() {
    let mut learner = Pretraining::new(&recipe(10_000)).unwrap();
    let mut loss = f64::INFINITY;
    for step in 0..50 {
        let sequences = (0..24).map(|index| echo(step, index, VOCABULARY));
        let batch = Batch {
            sequences: sequences.collect(),
        };
        loss = learner
            .step(&batch, 3e-5 * (step + 1) as f64)
            .unwrap()
            .loss
            .value();
    }
    assert!(loss < 0.6 * (VOCABULARY as f64).ln(), "{loss}");
}

#[test]
fn state_of_another_shape_is_refused() {
    let mut learner = Pretraining::new(&recipe(10_000)).unwrap();
    let mut state = learner.save().unwrap();
    state.tensors.remove("weight/output_norm.weight");
    assert!(matches!(
        learner.load(&state, 1),
        Err(TorchError::Missing { .. })
    ));
    let mut other = recipe(10_000);
    other.model.feed_forward = 256;
    let state = Pretraining::new(&other).unwrap().save().unwrap();
    assert!(matches!(
        learner.load(&state, 1),
        Err(TorchError::Dimensions { .. })
    ));
}

/// The model equals a plain reference in which rotary positions turn adjacent pairs.
#[test]
fn next_token_is_the_reference_implementation_s() {
    let recipe = recipe(10_000);
    let mut learner = Pretraining::new(&recipe).unwrap();
    for seed in 0..3 {
        learner.step(&random_batch(seed), 1e-2).unwrap();
    }
    let state = learner.save().unwrap();
    let reference = Reference::new(&recipe, &state);
    for seed in 0..8 {
        let prompt = random_batch(seed).sequences[5].tokens.clone();
        let said = learner
            .continuations(std::slice::from_ref(&prompt), 1, u32::MAX)
            .unwrap();
        assert_eq!(said[0], [reference.next_token(&prompt)]);
    }
}

/// A decoder in scalar loops, one position after the other.
struct Reference<'a> {
    recipe: &'a Recipe,
    weights: std::collections::HashMap<&'a str, &'a Array>,
}

impl<'a> Reference<'a> {
    fn new(recipe: &'a Recipe, state: &'a State) -> Self {
        Self {
            recipe,
            weights: state.weights().collect(),
        }
    }

    fn next_token(&self, tokens: &[u32]) -> u32 {
        let embedding = self.weights["token_embd.weight"];
        let mut stream: Vec<Vec<f64>> = tokens
            .iter()
            .map(|&token| row(embedding, token as usize).map(f64::from).collect())
            .collect();
        for block in 0..self.recipe.model.layers {
            self.attention(block, &mut stream);
            for x in &mut stream {
                let y = self.norm(&format!("blk.{block}.ffn_norm.weight"), x);
                let gate = self.times(&format!("blk.{block}.ffn_gate.weight"), &y);
                let up = self.times(&format!("blk.{block}.ffn_up.weight"), &y);
                let inner = gate.iter().zip(up).map(|(g, u)| g / (1.0 + (-g).exp()) * u);
                let inner: Vec<f64> = inner.collect();
                add(
                    x,
                    &self.times(&format!("blk.{block}.ffn_down.weight"), &inner),
                );
            }
        }
        let last = self.norm("output_norm.weight", &stream[tokens.len() - 1]);
        let scores = self.times("token_embd.weight", &last);
        (0..scores.len())
            .max_by(|&a, &b| scores[a].total_cmp(&scores[b]))
            .unwrap() as u32
    }

    fn attention(&self, block: usize, stream: &mut [Vec<f64>]) {
        let shape = &self.recipe.model;
        let (head, groups) = (shape.head(), shape.heads / shape.kv_heads);
        let project = |name: &str, turn: bool| -> Vec<Vec<f64>> {
            let norm = format!("blk.{block}.attn_norm.weight");
            let rows = stream.iter().enumerate().map(|(at, x)| {
                let mut y = self.times(&format!("blk.{block}.{name}.weight"), &self.norm(&norm, x));
                if turn {
                    y.chunks_mut(head).for_each(|part| self.rotate(part, at));
                }
                y
            });
            rows.collect()
        };
        let (q, k, v) = (
            project("attn_q", true),
            project("attn_k", true),
            project("attn_v", false),
        );
        for (at, x) in stream.iter_mut().enumerate() {
            let mut out = vec![0.0; shape.width];
            for h in 0..shape.heads {
                let (own, kv) = (h * head, h / groups * head);
                let scores = (0..=at).map(|past| {
                    let product = (0..head).map(|i| q[at][own + i] * k[past][kv + i]);
                    (product.sum::<f64>() / (head as f64).sqrt()).exp()
                });
                let scores: Vec<f64> = scores.collect();
                let total: f64 = scores.iter().sum();
                for (past, score) in scores.iter().enumerate() {
                    for i in 0..head {
                        out[own + i] += score / total * v[past][kv + i];
                    }
                }
            }
            add(
                x,
                &self.times(&format!("blk.{block}.attn_output.weight"), &out),
            );
        }
    }

    fn rotate(&self, head: &mut [f64], at: usize) {
        let size = head.len() as f64;
        for (i, pair) in head.chunks_mut(2).enumerate() {
            let angle = at as f64 * self.recipe.model.rope_base.powf(-2.0 * i as f64 / size);
            let (sin, cos) = angle.sin_cos();
            let (a, b) = (pair[0], pair[1]);
            pair[0] = a * cos - b * sin;
            pair[1] = a * sin + b * cos;
        }
    }

    fn norm(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let mean = x.iter().map(|a| a * a).sum::<f64>() / x.len() as f64;
        let scale = 1.0 / (mean + self.recipe.model.norm_epsilon).sqrt();
        let weight = &self.weights[name].values;
        x.iter()
            .zip(weight)
            .map(|(a, w)| a * scale * f64::from(*w))
            .collect()
    }

    fn times(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let matrix = self.weights[name];
        (0..matrix.dimensions[0])
            .map(|at| row(matrix, at).zip(x).map(|(w, a)| f64::from(w) * a).sum())
            .collect()
    }
}

fn row(matrix: &Array, at: usize) -> impl Iterator<Item = f32> + '_ {
    let width = matrix.dimensions[1];
    matrix.values[at * width..(at + 1) * width].iter().copied()
}

fn add(x: &mut [f64], more: &[f64]) {
    for (a, b) in x.iter_mut().zip(more) {
        *a += b;
    }
}
