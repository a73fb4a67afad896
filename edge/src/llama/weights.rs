//! A model's weights and vocabulary, loaded.

use std::ffi::CString;
use std::path::Path;
use std::ptr::NonNull;

use llama_cpp_2::model::LlamaModel as Loaded;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_sys_2 as sys;

use super::{Mapping, Repack};
use crate::generate::Token;

/// Text longer than this is not tokenised: llama.cpp counts bytes in 32 bits.
const MOST_TEXT_BYTES: usize = 1 << 30;

/// What a control token's name in a text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// The token.
    Read,
    /// The words it is written with.
    Words,
}

/// A loaded model; shared by the contexts that use it.
pub(super) struct Weights {
    raw: NonNull<sys::llama_model>,
    loaded: Loaded,
}

#[expect(
    unsafe_code,
    reason = "llama.cpp's weights may be read from any thread"
)]
// SAFETY: the weights do not change after loading; contexts only read them.
unsafe impl Send for Weights {}
#[expect(
    unsafe_code,
    reason = "llama.cpp's weights may be read from any thread"
)]
// SAFETY: as above: `&Weights` gives reading access only.
unsafe impl Sync for Weights {}

impl Weights {
    /// Loads a file; `None` if llama.cpp refuses it. The backend must be started.
    #[expect(
        unsafe_code,
        reason = "llama.cpp's C interface; see the comments inside"
    )]
    pub(super) fn load(path: &Path, mapping: Mapping, repack: Repack) -> Option<Self> {
        let name = CString::new(path.to_str()?).ok()?;
        // SAFETY: takes nothing and returns a plain value.
        let mut params = unsafe { sys::llama_model_default_params() };
        params.n_gpu_layers = 0;
        params.load_mode = match mapping {
            Mapping::Mapped => sys::LLAMA_LOAD_MODE_MMAP,
            Mapping::Copied => sys::LLAMA_LOAD_MODE_NONE,
        };
        params.use_extra_bufts = repack == Repack::Yes;
        // SAFETY: `name` ends in NUL and lives through the call; the parameters hold no
        // pointers but the defaults.
        let raw = unsafe { sys::llama_model_load_from_file(name.as_ptr(), params) };
        let raw = NonNull::new(raw)?;
        // SAFETY: llama-cpp-2's model is `repr(transparent)` over exactly this pointer
        // (the sizes are checked at compile time); it becomes the owner and frees it.
        let loaded = unsafe { std::mem::transmute::<NonNull<sys::llama_model>, Loaded>(raw) };
        Some(Self { raw, loaded })
    }

    /// The native model, valid as long as `self`.
    pub(super) const fn as_ptr(&self) -> *mut sys::llama_model {
        self.raw.as_ptr()
    }

    /// Whether the vocabulary wants every text to begin with the beginning token.
    pub(super) fn adds_bos(&self) -> bool {
        self.loaded.vocab().should_add_bos()
    }

    /// How many tokens there are.
    pub(super) fn vocabulary(&self) -> usize {
        usize::try_from(self.loaded.vocab().n_tokens()).unwrap_or(0)
    }

    /// Cuts text into tokens; adds none of its own. Where control tokens are read, their
    /// names in the text become them; otherwise such names are words like others.
    pub(super) fn tokenize(&self, text: &str, control: Control) -> Option<Vec<Token>> {
        if text.len() > MOST_TEXT_BYTES {
            return None;
        }
        let special = control == Control::Read;
        let tokens = self
            .loaded
            .vocab()
            .tokenize(text.as_bytes(), false, special);
        Some(tokens.into_iter().map(|token| token.0).collect())
    }

    /// The tokens of plain words; at least one.
    pub(super) fn words(&self, text: &str) -> Vec<Token> {
        let tokens = self.tokenize(text, Control::Words).unwrap_or_default();
        if tokens.is_empty() { vec![0] } else { tokens }
    }

    /// The texts of all control tokens.
    pub(super) fn control(&self) -> Vec<String> {
        (0..self.loaded.vocab().n_tokens())
            .map(LlamaToken)
            .filter(|&token| self.loaded.vocab().is_control(token))
            .map(|token| self.name(token))
            .filter(|name| !name.is_empty())
            .collect()
    }

    /// A sampler that allows what a grammar describes, from its rule `root`; `None` if
    /// llama.cpp cannot use it.
    pub(super) fn grammar(&self, grammar: &str) -> Option<LlamaSampler> {
        LlamaSampler::grammar(&self.loaded, grammar, "root").ok()
    }

    /// Whether parts of what was read can be forgotten and shared: not where a model
    /// keeps one running state instead of every token.
    pub(super) fn keeps_tokens(&self) -> bool {
        !self.loaded.is_recurrent() && !self.loaded.is_hybrid()
    }

    /// A token's bytes; none for a control token.
    pub(super) fn piece(&self, token: Token) -> Vec<u8> {
        self.loaded
            .vocab()
            .token_to_piece(LlamaToken(token), false, None)
    }

    /// Whether a token ends an answer.
    pub(super) fn ends_answer(&self, token: Token) -> bool {
        self.loaded.vocab().is_eog(LlamaToken(token))
    }

    /// The text of the token that begins a document.
    pub(super) fn bos(&self) -> String {
        self.name(self.loaded.vocab().bos())
    }

    /// The text of the token that ends an answer.
    pub(super) fn eos(&self) -> String {
        self.name(self.loaded.vocab().eos())
    }

    fn name(&self, token: LlamaToken) -> String {
        if token.0 < 0 {
            return String::new();
        }
        let bytes = self.loaded.vocab().token_to_piece(token, true, None);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
