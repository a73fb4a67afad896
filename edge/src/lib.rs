//! A private assistant that lives on your own device, remembers, and runs offline.
//!
//! The binary `edge` is a thin shell around this library; see `ARCHITECTURE.md` for
//! the map and the arrows between the modules.

pub mod assistant;
pub mod board;
pub mod cli;
pub mod config;
#[cfg(feature = "embed")]
pub mod embed;
pub mod generate;
#[cfg(feature = "llama")]
pub mod llama;
pub mod mcp;
pub mod memory;
pub mod models;
pub mod prompt;
pub mod sample;
pub mod server;
pub mod ui;
