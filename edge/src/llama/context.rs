//! A native context: the sequences that were read, and logits after them.
//!
//! A thin layer of our own over llama.cpp's C interface, because the safe crate hides
//! the pointer that threads, the abort callback, adapters and states need.
//!
//! All sequences share one cache of cells; what is copied from one to another takes no
//! cells of its own.
//!
//! # Invariants
//! - The native context lives as long as the weights and the watch it points to.
//! - Logits are those of the last batch that was decoded, of the tokens that asked.
//!
//! Units: cells and positions in tokens, states in bytes.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use llama_cpp_sys_2 as sys;
use shared::board::{KvType, Threads};

use super::adapter::Adapter;
use super::ticket::Watch;
use super::weights::Weights;
use crate::generate::Token;

/// What [`Context::decode`] answers when its [`Watch`] told it to stop.
pub(super) const ABORTED: i32 = 2;

/// The batch could not be made: too many tokens, or positions beyond 32 bits.
const BAD_BATCH: i32 = -1;

/// How a context is made.
pub(super) struct ContextOptions {
    /// Tokens that all sequences hold together.
    pub(super) cells: u32,
    /// How many sequences there are.
    pub(super) sequences: usize,
    pub(super) threads: Threads,
    pub(super) kv_type: KvType,
    /// Most tokens in one batch.
    pub(super) batch_tokens: usize,
    /// Most tokens of a batch that ask for logits; at least one for each sequence.
    pub(super) outputs: usize,
}

/// A native context.
pub(super) struct Context {
    raw: NonNull<sys::llama_context>,
    options: ContextOptions,
    vocabulary: usize,
    /// Which tokens of the last batch have logits.
    outputs: Vec<bool>,
    // Dropped after the context that points to them: see `Drop`.
    watch: Arc<Watch>,
    weights: Arc<Weights>,
}

#[expect(unsafe_code, reason = "a native context may move between threads")]
// SAFETY: a context is bound to no thread; it is used through `&mut self` only, and
// what it points to is shared safely by itself.
unsafe impl Send for Context {}

#[expect(
    unsafe_code,
    reason = "llama.cpp's C interface; see the comments inside"
)]
impl Context {
    /// A context over `weights`; `None` if there is no memory for it.
    pub(super) fn new(
        weights: Arc<Weights>,
        options: ContextOptions,
        watch: Arc<Watch>,
    ) -> Option<Self> {
        let batch = u32::try_from(options.batch_tokens).ok()?;
        // SAFETY: takes nothing and returns a plain value.
        let mut params = unsafe { sys::llama_context_default_params() };
        params.n_ctx = options.cells;
        params.n_batch = batch;
        params.n_ubatch = batch;
        params.n_seq_max = u32::try_from(options.sequences).ok()?;
        params.n_outputs_max = u32::try_from(options.outputs.max(options.sequences)).ok()?;
        params.n_threads = i32::try_from(options.threads.decode).ok()?;
        params.n_threads_batch = i32::try_from(options.threads.prefill).ok()?;
        let kv = match options.kv_type {
            KvType::F16 => sys::GGML_TYPE_F16,
            KvType::Q8_0 => sys::GGML_TYPE_Q8_0,
        };
        params.type_k = kv;
        params.type_v = kv;
        params.kv_unified = true;
        params.no_perf = true;
        params.abort_callback = Some(is_over);
        params.abort_callback_data = Arc::as_ptr(&watch).cast_mut().cast::<c_void>();
        // SAFETY: the weights are loaded and kept alive by the new value, as is the watch.
        let raw = unsafe { sys::llama_init_from_model(weights.as_ptr(), params) };
        Some(Self {
            raw: NonNull::new(raw)?,
            vocabulary: weights.vocabulary(),
            options,
            outputs: Vec::new(),
            watch,
            weights,
        })
    }

    /// The model it runs.
    pub(super) const fn weights(&self) -> &Arc<Weights> {
        &self.weights
    }

    /// What it asks whether to go on.
    pub(super) const fn watch(&self) -> &Arc<Watch> {
        &self.watch
    }

    /// Most tokens of a batch that may ask for logits.
    pub(super) const fn outputs(&self) -> usize {
        self.options.outputs
    }

    /// Reads a batch; afterwards [`Self::logits`] has rows for the tokens that asked.
    ///
    /// # Errors
    /// llama.cpp's code. What was read of the batch may remain: remove it.
    pub(super) fn decode(&mut self, batch: &mut Batch) -> Result<(), i32> {
        self.outputs.clear();
        let asking = batch.outputs.iter().filter(|&&output| output != 0).count();
        if batch.is_empty()
            || batch.len() > self.options.batch_tokens
            || asking > self.options.outputs
        {
            return Err(BAD_BATCH);
        }
        let native = batch.native().ok_or(BAD_BATCH)?;
        // SAFETY: the batch's pointers are to vectors in `batch` of `n_tokens` entries
        // each, which nothing changes during the call.
        let code = unsafe { sys::llama_decode(self.raw.as_ptr(), native) };
        if code != 0 {
            return Err(code);
        }
        self.outputs
            .extend(batch.outputs.iter().map(|&output| output != 0));
        Ok(())
    }

    /// One logit per token of the vocabulary, after the token at `index` in the last
    /// batch; empty if it did not ask for them.
    pub(super) fn logits(&mut self, index: usize) -> &[f32] {
        if self.outputs.get(index) != Some(&true) {
            return &[];
        }
        let Ok(index) = i32::try_from(index) else {
            return &[];
        };
        // SAFETY: the context is valid; the index is of a token with an output.
        let logits = unsafe { sys::llama_get_logits_ith(self.raw.as_ptr(), index) };
        if logits.is_null() {
            return &[];
        }
        // SAFETY: llama.cpp answers with one row of the vocabulary's size, valid until
        // the next decode, which needs `&mut self`.
        unsafe { std::slice::from_raw_parts(logits, self.vocabulary) }
    }

    /// Forgets what `sequence` holds at `position` and after it. Where this kind of
    /// model can only forget everything, it does, and answers false.
    pub(super) fn remove(&mut self, sequence: usize, position: usize) -> bool {
        let (Some(id), Ok(position)) = (self.id(sequence), i32::try_from(position)) else {
            return false;
        };
        // SAFETY: the context is valid and owns its memory; the sequence exists; -1
        // means "to the end", and removing a whole sequence never fails.
        unsafe {
            let memory = sys::llama_get_memory(self.raw.as_ptr());
            let removed = sys::llama_memory_seq_rm(memory, id, position, -1);
            if !removed {
                sys::llama_memory_seq_rm(memory, id, -1, -1);
            }
            removed
        }
    }

    /// Lets `to`, which holds nothing, share the first `count` tokens of `from`.
    pub(super) fn share(&mut self, from: usize, to: usize, count: usize) {
        let (Some(from), Some(to)) = (self.id(from), self.id(to)) else {
            return;
        };
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        // SAFETY: the context is valid and owns its memory; both sequences exist.
        unsafe {
            let memory = sys::llama_get_memory(self.raw.as_ptr());
            sys::llama_memory_seq_cp(memory, from, to, 0, count);
        }
    }

    /// What a sequence holds, as bytes for [`Self::restore`]; `None` if there is no
    /// memory for them.
    pub(super) fn state(&mut self, sequence: usize) -> Option<Vec<u8>> {
        let id = self.id(sequence)?;
        // SAFETY: the context is valid; the buffer has the size that is handed on.
        unsafe {
            let size = sys::llama_state_seq_get_size(self.raw.as_ptr(), id);
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(size).ok()?;
            bytes.resize(size, 0);
            let raw = self.raw.as_ptr();
            let written = sys::llama_state_seq_get_data(raw, bytes.as_mut_ptr(), size, id);
            (written == size).then_some(bytes)
        }
    }

    /// Puts back what [`Self::state`] gave for the same model and settings; whether that
    /// worked. Otherwise the sequence holds nothing.
    pub(super) fn restore(&mut self, sequence: usize, state: &[u8]) -> bool {
        let Some(id) = self.id(sequence) else {
            return false;
        };
        let (from, size) = (state.as_ptr(), state.len());
        // SAFETY: the context is valid; llama.cpp reads no more than `size` bytes.
        let read =
            unsafe { sys::llama_state_seq_set_data(self.raw.as_ptr(), from, size, id) } == size;
        if !read {
            self.remove(sequence, 0);
        }
        read
    }

    /// Computes with `adapter` at a scale from now on, or with none.
    ///
    /// What was read before was read without it: the caller keeps them apart.
    pub(super) fn set_adapter(&mut self, adapter: Option<(&Adapter, f32)>) {
        let mut adapters = [std::ptr::null_mut()];
        let mut scales = [0.0];
        if let Some((adapter, scale)) = adapter {
            (adapters, scales) = ([adapter.as_ptr()], [scale]);
        }
        let count = usize::from(adapter.is_some());
        let (adapters, scales) = (adapters.as_mut_ptr(), scales.as_mut_ptr());
        // SAFETY: both arrays have `count` entries and are only read; an adapter is set
        // aside before it is freed.
        unsafe { sys::llama_set_adapters_lora(self.raw.as_ptr(), adapters, count, scales) };
    }

    /// The native number of a sequence that exists.
    fn id(&self, sequence: usize) -> Option<i32> {
        (sequence < self.options.sequences)
            .then(|| i32::try_from(sequence).ok())
            .flatten()
    }
}

#[expect(unsafe_code, reason = "llama.cpp's C interface")]
impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: made by `llama_init_from_model`, freed once; fields drop after this.
        unsafe { sys::llama_free(self.raw.as_ptr()) }
    }
}

/// Asked by llama.cpp between operations: whether to stop.
#[expect(unsafe_code, reason = "called from C")]
unsafe extern "C" fn is_over(watch: *mut c_void) -> bool {
    // SAFETY: the pointer is to the watch that the context keeps alive.
    unsafe { &*watch.cast::<Watch>() }.is_over()
}

/// Tokens of several sequences that are read together.
#[derive(Default)]
pub(super) struct Batch {
    tokens: Vec<Token>,
    positions: Vec<i32>,
    counts: Vec<i32>,
    sequences: Vec<i32>,
    pointers: Vec<*mut i32>,
    outputs: Vec<i8>,
}

#[expect(
    unsafe_code,
    reason = "its pointers are to its own vectors, and null between calls"
)]
// SAFETY: the pointers are written and read within one call to `Context::decode`.
unsafe impl Send for Batch {}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.tokens.clear();
        self.positions.clear();
        self.sequences.clear();
        self.outputs.clear();
    }

    pub(super) const fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// How many tokens ask for logits.
    pub(super) fn asking(&self) -> usize {
        self.outputs.iter().filter(|&&output| output != 0).count()
    }

    /// Adds a token of `sequence` at `position`; answers with its index.
    pub(super) fn push(
        &mut self,
        token: Token,
        position: usize,
        sequence: usize,
        output: bool,
    ) -> usize {
        self.tokens.push(token);
        // What does not fit is refused when the batch is decoded.
        self.positions.push(i32::try_from(position).unwrap_or(-1));
        self.sequences.push(i32::try_from(sequence).unwrap_or(-1));
        self.outputs.push(i8::from(output));
        self.tokens.len() - 1
    }

    /// The native batch; valid until this one changes.
    fn native(&mut self) -> Option<sys::llama_batch> {
        let n_tokens = i32::try_from(self.tokens.len()).ok()?;
        if self.positions.contains(&-1) || self.sequences.contains(&-1) {
            return None;
        }
        self.counts.clear();
        self.counts.resize(self.tokens.len(), 1);
        self.pointers.clear();
        self.pointers
            .extend(self.sequences.iter_mut().map(std::ptr::from_mut));
        Some(sys::llama_batch {
            n_tokens,
            token: self.tokens.as_mut_ptr(),
            embd: std::ptr::null_mut(),
            pos: self.positions.as_mut_ptr(),
            n_seq_id: self.counts.as_mut_ptr(),
            seq_id: self.pointers.as_mut_ptr(),
            logits: self.outputs.as_mut_ptr(),
        })
    }
}
