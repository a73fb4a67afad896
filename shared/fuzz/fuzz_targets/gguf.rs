//! Any bytes are a GGUF or an error, and what is read stays within them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::gguf::Gguf;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(gguf) = Gguf::parse(bytes) {
        let _ = gguf.architecture();
        let _ = gguf.str("general.name");
        let _ = gguf.strings("tokenizer.ggml.tokens");
        let _ = gguf.tensor("token_embd.weight");
    }
});
