//! First weights that can already look up and repeat.
//!
//! A small model that starts from noise learns phrases for a long time before it copies
//! its first value. So two circuits are laid into the noise: in block 0, heads that look
//! one and two tokens back and note what they saw in a part of the residual stream that
//! we call the notebook; in block 1, heads that look for a place whose notes are the
//! present token and the one before it, and say what stands there. Together they are an
//! induction head, and training refines it from the first step on.
//!
//! Source: Olsson et al., "In-context Learning and Induction Heads" (2022), for the
//! circuit; Trockman and Kolter, "Mimetic Initialization of Self-Attention Layers" (2023),
//! for starting from the shape of a trained model.

use tch::{Kind, Tensor};

use super::TorchError;
use crate::config::Shape;

/// Share of a token's embedding that all tokens have in common: what position heads read.
const COMMON: f64 = 0.5;
/// Rotary pairs that turn fast enough to tell neighbours apart.
const FAST_PAIRS: usize = 8;
/// Scale of a note against an embedding.
const NOTE: f64 = 0.08;
/// Scale of queries and keys that match notes.
const MATCH: f64 = 1.9;
/// Scale of what is repeated.
const REPEAT: f64 = 0.08;
/// Standard deviation of an embedding.
pub(super) const EMBEDDING: f64 = 0.04;

/// Whether a model has room for the circuits: four heads' worth of stream, and two
/// heads that share keys.
pub(super) const fn fits(shape: &Shape) -> bool {
    shape.heads >= 4 && shape.heads >= 2 * shape.kv_heads
}

/// Gives all tokens a direction in common.
pub(super) fn embedding(weight: &mut Tensor) -> Result<(), TorchError> {
    let _ = weight.f_add_scalar_(COMMON * EMBEDDING)?;
    Ok(())
}

/// Heads 0 and 1 look one and two tokens back; the notebook is the second `head` rows.
pub(super) fn look_back(
    shape: &Shape,
    (q, k, v, output): (&mut Tensor, &mut Tensor, &mut Tensor, &mut Tensor),
) -> Result<(), TorchError> {
    let (head, width) = (shape.head(), shape.width);
    let _ = q.f_narrow(0, 0, 2 * head as i64)?.f_mul_scalar_(0.1)?;
    let _ = k.f_narrow(0, 0, head as i64)?.f_mul_scalar_(0.1)?;
    let unit = 1.0 / (width as f64).sqrt();
    for pair in 0..FAST_PAIRS.min(head / 2) {
        let angle = shape.rope_base.powf(-2.0 * pair as f64 / head as f64);
        for (query, back) in [(0, 1.0), (1, 2.0)] {
            let row = query * head + 2 * pair;
            add_row(q, row, unit * (back * angle).cos())?;
            add_row(q, row + 1, -unit * (back * angle).sin())?;
        }
        add_row(k, 2 * pair, unit)?;
    }
    identity(v, (0, 0), head, 1.0)?;
    identity(output, (head, 0), head, NOTE)?;
    identity(output, (2 * head, head), head, NOTE)
}

/// Heads 0 and 2 find the place whose notes fit and say what stands there: the one wants
/// the present token before it, the other the token before that as well.
pub(super) fn repeat(
    shape: &Shape,
    (q, k, v, output): (&mut Tensor, &mut Tensor, &mut Tensor, &mut Tensor),
) -> Result<(), TorchError> {
    let head = shape.head();
    let groups = shape.heads / shape.kv_heads;
    // The slow half of the pairs: they match over hundreds of tokens.
    let slow = head / 2 + head / 16..head;
    for kv in 0..shape.kv_heads.min(2) {
        let query = kv * groups;
        let _ = q
            .f_narrow(0, (query * head) as i64, head as i64)?
            .f_mul_scalar_(0.1)?;
        let _ = k
            .f_narrow(0, (kv * head) as i64, head as i64)?
            .f_mul_scalar_(0.1)?;
        let middle = slow.start + slow.len() / 2;
        for at in slow.clone() {
            // Earlier by one: what this token is there, the note is here.
            let earlier = if kv == 1 && at >= middle { head } else { 0 };
            set(q, query * head + at, earlier + at, MATCH)?;
            set(k, kv * head + at, head + earlier + at, MATCH)?;
        }
        let source = if kv == 0 { 0 } else { 3 * head };
        identity(v, (kv * head, source), head, 1.0)?;
        identity(output, (source, query * head), head, REPEAT)?;
    }
    Ok(())
}

fn add_row(matrix: &Tensor, row: usize, value: f64) -> Result<(), TorchError> {
    let _ = matrix.f_get(row as i64)?.f_add_scalar_(value)?;
    Ok(())
}

fn set(matrix: &Tensor, row: usize, column: usize, value: f64) -> Result<(), TorchError> {
    let _ = matrix
        .f_get(row as i64)?
        .f_get(column as i64)?
        .f_fill_(value)?;
    Ok(())
}

/// Writes a scaled identity of `size` at `(row, column)`.
fn identity(
    matrix: &Tensor,
    (row, column): (usize, usize),
    size: usize,
    scale: f64,
) -> Result<(), TorchError> {
    let size = size as i64;
    let eye = Tensor::f_eye(size, (Kind::Float, matrix.device()))?.f_mul_scalar(scale)?;
    matrix
        .f_narrow(0, row as i64, size)?
        .f_narrow(1, column as i64, size)?
        .f_copy_(&eye)?;
    Ok(())
}
