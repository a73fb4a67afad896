//! LoRA adapters: read, checked against the model, freed.
//!
//! # Invariants
//! - An [`Adapter`] fits the weights it was loaded for, and does not outlive them.
//! - Adapters are loaded and freed on the one thread that computes: llama.cpp keeps a
//!   list of them in the model.

use std::ffi::CString;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use llama_cpp_sys_2 as sys;
use memmap2::Mmap;
use sha2::{Digest as _, Sha256};
use shared::gguf::{Gguf, Value};

use super::weights::Weights;
use crate::generate::AdapterError;

/// An adapter in memory.
pub(super) struct Adapter {
    raw: NonNull<sys::llama_adapter_lora>,
    /// Freed after the adapter: see `Drop`.
    _weights: Arc<Weights>,
}

#[expect(unsafe_code, reason = "an adapter is bound to no thread")]
// SAFETY: it is not changed after loading; it is freed by its one owner.
unsafe impl Send for Adapter {}
#[expect(unsafe_code, reason = "an adapter is bound to no thread")]
// SAFETY: as above: `&Adapter` gives its address only.
unsafe impl Sync for Adapter {}

#[expect(unsafe_code, reason = "llama.cpp's C interface")]
impl Adapter {
    /// Loads a file that [`check`] has read; `None` if llama.cpp refuses it.
    pub(super) fn load(path: &Path, weights: &Arc<Weights>) -> Option<Self> {
        let name = CString::new(path.to_str()?).ok()?;
        // SAFETY: the model is valid and `name` ends in NUL; the model's list of
        // adapters is touched by this thread alone.
        let raw = unsafe { sys::llama_adapter_lora_init(weights.as_ptr(), name.as_ptr()) };
        Some(Self {
            raw: NonNull::new(raw)?,
            _weights: Arc::clone(weights),
        })
    }

    /// The native adapter, valid as long as `self`.
    pub(super) const fn as_ptr(&self) -> *mut sys::llama_adapter_lora {
        self.raw.as_ptr()
    }
}

#[expect(unsafe_code, reason = "llama.cpp's C interface")]
impl Drop for Adapter {
    fn drop(&mut self) {
        // SAFETY: made by `llama_adapter_lora_init`, freed once, while the model lives;
        // whoever set it in a context has unset it.
        unsafe { sys::llama_adapter_lora_free(self.raw.as_ptr()) }
    }
}

/// Reads what a file says it is; returns its SHA-256 in hexadecimal.
///
/// # Errors
/// [`AdapterError`] for anything but a LoRA adapter for this architecture.
#[expect(
    unsafe_code,
    reason = "the file is mapped, not copied; see the comment inside"
)]
pub(super) fn check(path: &Path, architecture: &str) -> Result<String, AdapterError> {
    let fail = |source| AdapterError::Read { source };
    let file = fs_err::File::open(path).map_err(fail)?;
    // SAFETY: only read, and only here. Another program that cuts the file off meanwhile
    // would end this one with a bus error, as it would while llama.cpp reads it.
    let bytes = unsafe { Mmap::map(file.file()) }.map_err(fail)?;
    let gguf = Gguf::parse(&bytes).map_err(|source| AdapterError::Format { source })?;
    let text = |key: &str| match gguf.value(key) {
        Some(Value::Text(text)) => text.to_owned(),
        _ => String::new(),
    };
    let (kind, form) = (text("general.type"), text("adapter.type"));
    let alpha = gguf.value("adapter.lora.alpha");
    let plain_alpha = matches!(alpha, None | Some(Value::F32(_)));
    if kind != "adapter" || form != "lora" || !plain_alpha {
        let found = if kind == "adapter" { form } else { kind };
        return Err(AdapterError::Kind { found });
    }
    let found = text("general.architecture");
    if found != architecture {
        return Err(AdapterError::Architecture {
            found,
            expected: architecture.to_owned(),
        });
    }
    let digest = Sha256::digest(&bytes);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}
