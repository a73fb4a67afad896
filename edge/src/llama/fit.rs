//! What a model may keep of what it reads, within the memory there is.
//!
//! Pure. Where everything that is wanted does not fit, first the slots share fewer
//! cells, then cells take fewer bits, then the context is shorter; each is said.
//!
//! Units: cells and contexts in tokens, memory in bytes.

use shared::board::KvType;

use super::engine::outputs;
use super::file::{Header, Need};
use super::{LlamaError, LoadOptions, mib};

/// A shorter context than this is of no use.
const LEAST_CONTEXT: u32 = 512;

/// llama.cpp makes caches of whole pages.
const PAGE: u32 = 256;

/// What fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fit {
    /// Tokens of one answer and its prompt.
    pub(super) context_tokens: u32,
    /// Tokens of all slots together.
    pub(super) cells: u32,
    pub(super) kv_type: KvType,
    /// What was lowered, in words.
    pub(super) notes: Vec<String>,
}

/// The most of what is wanted that fits the budget.
///
/// # Errors
/// [`LlamaError::Budget`] if not even a short context fits.
pub(super) fn fit(header: &Header, load: &LoadOptions, slots: usize) -> Result<Fit, LlamaError> {
    let context = load.context_tokens.min(header.context_tokens).max(1);
    let wanted = u32::try_from(slots)
        .unwrap_or(u32::MAX)
        .saturating_mul(context);
    let outputs = outputs(slots, header.vocabulary());
    let room = |kv_type| match load.budget {
        None => wanted,
        Some(budget) => most_cells(header, wanted, kv_type, outputs, budget),
    };
    let mut found = Fit {
        context_tokens: context,
        cells: room(load.kv_type),
        kv_type: load.kv_type,
        notes: Vec::new(),
    };
    if found.cells < context && load.kv_type == KvType::F16 && header.can_quantise_kv() {
        found.kv_type = KvType::Q8_0;
        found.cells = room(KvType::Q8_0);
    }
    if found.cells < context.min(LEAST_CONTEXT) {
        let least = context.min(LEAST_CONTEXT);
        return Err(LlamaError::Budget {
            path: load.path.clone(),
            need: header.need_of_cells(least, found.kv_type, outputs),
            budget: load.budget.unwrap_or(u64::MAX),
        });
    }
    found.context_tokens = context.min(found.cells);
    found.notes = notes(&found, load, context, wanted);
    Ok(found)
}

/// The most cells, of those wanted, that fit.
fn most_cells(header: &Header, wanted: u32, kv_type: KvType, outputs: usize, budget: u64) -> u32 {
    let need = |cells| header.need_of_cells(cells, kv_type, outputs);
    let fits = |cells: u32| need(cells).total() <= budget;
    if fits(wanted) {
        return wanted;
    }
    let fixed = Need { kv: 0, ..need(0) }.total();
    let page = need(PAGE).kv.max(1);
    let pages = budget.saturating_sub(fixed) / page;
    let cells = u32::try_from(pages)
        .unwrap_or(u32::MAX)
        .saturating_mul(PAGE);
    cells.min(wanted)
}

fn notes(found: &Fit, load: &LoadOptions, context: u32, wanted: u32) -> Vec<String> {
    let budget = mib(load.budget.unwrap_or(u64::MAX));
    let mut notes = Vec::new();
    if found.kv_type != load.kv_type {
        let (from, to) = (load.kv_type.name(), found.kv_type.name());
        notes.push(format!(
            "what is read is kept as {to} instead of {from}: the memory budget is {budget} MiB"
        ));
    }
    if found.context_tokens < context {
        notes.push(format!(
            "the context has {} tokens instead of {context}: the memory budget is {budget} MiB",
            found.context_tokens
        ));
    } else if found.cells < wanted {
        notes.push(format!(
            "all slots together hold {} tokens instead of {wanted}: the memory budget is \
             {budget} MiB",
            found.cells
        ));
    }
    notes
}
