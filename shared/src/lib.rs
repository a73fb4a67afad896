//! What Scrubjay's device and workstation must agree on.
//!
//! Values, codecs and pure functions: no files, no sockets, no clocks but the one
//! passed in, no foreign code. `edge` and `trainer` depend on this crate and never
//! on each other.
#![forbid(unsafe_code)]

pub mod board;
pub mod chat;
pub mod clock;
pub mod example;
pub mod gguf;
pub mod id;
pub mod minilm;
pub mod onnx;
pub mod redact;
pub mod template;
pub mod turn;
