//! llama.cpp itself, started once per process.

use std::ffi::CStr;
use std::sync::OnceLock;

use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::{LogOptions, send_logs_to_tracing};
use llama_cpp_sys_2 as sys;

use super::LlamaError;

/// Starts llama.cpp and sends its log to `tracing`. Later calls do nothing.
pub(super) fn start() -> Result<(), LlamaError> {
    static BACKEND: OnceLock<Option<LlamaBackend>> = OnceLock::new();
    let started = BACKEND.get_or_init(|| {
        send_logs_to_tracing(LogOptions::default());
        LlamaBackend::init().ok()
    });
    started.as_ref().map(|_| ()).ok_or(LlamaError::Backend)
}

/// What llama.cpp was built for and found on this processor, as it says it.
#[expect(unsafe_code, reason = "llama.cpp's C interface")]
pub fn system_description() -> String {
    if start().is_err() {
        return String::new();
    }
    // SAFETY: takes nothing; returns a string in static storage or null.
    let text = unsafe { sys::llama_print_system_info() };
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, ends in NUL, and is rewritten only by another call, which would
    // write the same words: they depend on the build and the processor alone.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .trim()
        .to_owned()
}
