//! A native context: what was read, and the logits after it.
//!
//! A thin layer of our own over llama.cpp's C interface, because the safe crate hides
//! the pointer that threads, the abort callback and single batches need.
//!
//! # Invariants
//! - The native context lives as long as the weights and the abort flag it points to.
//! - Logits are those of the last token of the last batch that was decoded.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use llama_cpp_sys_2 as sys;
use shared::board::{KvType, Threads};

use super::weights::Weights;
use crate::generate::Token;

/// What [`Context::decode`] answers when the abort flag was raised.
pub(super) const ABORTED: i32 = 2;

/// The batch could not be made: too many tokens, or positions beyond 32 bits.
const BAD_BATCH: i32 = -1;

/// The one conversation that a context holds.
const SEQUENCE: i32 = 0;

/// How a context is made.
pub(super) struct ContextOptions {
    pub(super) tokens: u32,
    pub(super) threads: Threads,
    pub(super) kv_type: KvType,
    /// Most tokens in one batch.
    pub(super) batch_tokens: usize,
}

/// A native context.
pub(super) struct Context {
    raw: NonNull<sys::llama_context>,
    batch: Batch,
    batch_tokens: usize,
    vocabulary: usize,
    has_logits: bool,
    // Dropped after the context that points to them: see `Drop`.
    _abort: Arc<AtomicBool>,
    _weights: Arc<Weights>,
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
        options: &ContextOptions,
        abort: Arc<AtomicBool>,
    ) -> Option<Self> {
        let batch = u32::try_from(options.batch_tokens).ok()?;
        // SAFETY: takes nothing and returns a plain value.
        let mut params = unsafe { sys::llama_context_default_params() };
        params.n_ctx = options.tokens;
        params.n_batch = batch;
        params.n_ubatch = batch;
        params.n_seq_max = 1;
        params.n_outputs_max = 1;
        params.n_threads = i32::try_from(options.threads.decode).ok()?;
        params.n_threads_batch = i32::try_from(options.threads.prefill).ok()?;
        let kv = match options.kv_type {
            KvType::F16 => sys::GGML_TYPE_F16,
            KvType::Q8_0 => sys::GGML_TYPE_Q8_0,
        };
        params.type_k = kv;
        params.type_v = kv;
        params.no_perf = true;
        params.abort_callback = Some(is_raised);
        params.abort_callback_data = Arc::as_ptr(&abort).cast_mut().cast::<c_void>();
        // SAFETY: the weights are loaded and kept alive by the new value, as is the flag.
        let raw = unsafe { sys::llama_init_from_model(weights.as_ptr(), params) };
        Some(Self {
            raw: NonNull::new(raw)?,
            batch: Batch::default(),
            batch_tokens: options.batch_tokens,
            vocabulary: weights.vocabulary(),
            has_logits: false,
            _abort: abort,
            _weights: weights,
        })
    }

    /// Reads tokens at positions `from..`; afterwards the logits are those of the last.
    ///
    /// # Errors
    /// llama.cpp's code. What was read of the batch may remain: remove it.
    pub(super) fn decode(&mut self, tokens: &[Token], from: usize) -> Result<(), i32> {
        self.has_logits = false;
        if tokens.is_empty() || tokens.len() > self.batch_tokens {
            return Err(BAD_BATCH);
        }
        let batch = self.batch.fill(tokens, from).ok_or(BAD_BATCH)?;
        // SAFETY: the batch's pointers are to vectors in `self.batch` of `n_tokens`
        // entries each, which nothing changes during the call.
        let code = unsafe { sys::llama_decode(self.raw.as_ptr(), batch) };
        if code != 0 {
            return Err(code);
        }
        self.has_logits = true;
        Ok(())
    }

    /// One logit per token of the vocabulary; empty before anything was read.
    pub(super) fn logits(&mut self) -> &[f32] {
        if !self.has_logits {
            return &[];
        }
        // SAFETY: the context is valid; -1 names the last output.
        let logits = unsafe { sys::llama_get_logits_ith(self.raw.as_ptr(), -1) };
        if logits.is_null() {
            return &[];
        }
        // SAFETY: llama.cpp answers with one row of the vocabulary's size, valid until
        // the next decode, which needs `&mut self`.
        unsafe { std::slice::from_raw_parts(logits, self.vocabulary) }
    }

    /// Forgets what stands at `position` and after it; false if this kind of model
    /// can only forget everything.
    pub(super) fn remove_from(&mut self, position: usize) -> bool {
        self.has_logits = false;
        let Ok(position) = i32::try_from(position) else {
            return false;
        };
        // SAFETY: the context is valid and owns its memory; -1 means "to the end".
        unsafe {
            let memory = sys::llama_get_memory(self.raw.as_ptr());
            sys::llama_memory_seq_rm(memory, SEQUENCE, position, -1)
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.has_logits = false;
        // SAFETY: the context is valid and owns its memory.
        unsafe { sys::llama_memory_clear(sys::llama_get_memory(self.raw.as_ptr()), false) }
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
unsafe extern "C" fn is_raised(flag: *mut c_void) -> bool {
    // SAFETY: the pointer is to the flag that the context keeps alive.
    unsafe { &*flag.cast::<AtomicBool>() }.load(Ordering::Relaxed)
}

/// The arrays of a native batch, kept between calls.
#[derive(Default)]
struct Batch {
    tokens: Vec<Token>,
    positions: Vec<i32>,
    counts: Vec<i32>,
    sequence: Vec<i32>,
    sequences: Vec<*mut i32>,
    outputs: Vec<i8>,
}

impl Batch {
    /// A batch of one sequence with an output for its last token; valid until the next.
    fn fill(&mut self, tokens: &[Token], from: usize) -> Option<sys::llama_batch> {
        let n_tokens = i32::try_from(tokens.len()).ok()?;
        let first = i32::try_from(from).ok()?;
        let past = first.checked_add(n_tokens)?;
        self.tokens.clear();
        self.tokens.extend_from_slice(tokens);
        self.positions.clear();
        self.positions.extend(first..past);
        self.counts.clear();
        self.counts.resize(tokens.len(), 1);
        self.sequence.clear();
        self.sequence.push(SEQUENCE);
        self.sequences.clear();
        self.sequences
            .resize(tokens.len(), self.sequence.as_mut_ptr());
        self.outputs.clear();
        self.outputs.resize(tokens.len(), 0);
        *self.outputs.last_mut()? = 1;
        Some(sys::llama_batch {
            n_tokens,
            token: self.tokens.as_mut_ptr(),
            embd: std::ptr::null_mut(),
            pos: self.positions.as_mut_ptr(),
            n_seq_id: self.counts.as_mut_ptr(),
            seq_id: self.sequences.as_mut_ptr(),
            logits: self.outputs.as_mut_ptr(),
        })
    }
}
