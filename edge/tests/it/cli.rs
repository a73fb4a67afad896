//! Wiring: output, errors and exit codes of every command.

mod chat;
#[cfg(feature = "llama")]
mod complete;
mod config;
#[cfg(all(feature = "embed", feature = "llama"))]
mod embedder;
mod mcp;
mod memory;
mod process;
mod redact;
mod usage;
mod world;
