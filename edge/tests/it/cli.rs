//! Wiring: output, errors and exit codes of every command.

mod chat;
mod config;
mod memory;
mod process;
mod redact;
mod usage;
mod world;
