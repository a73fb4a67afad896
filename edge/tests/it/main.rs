//! Commands, run as a person runs them, and what a process must survive.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails where its harness does"
)]

mod cli;
mod crash;
mod first_light;
#[cfg(feature = "llama")]
mod page;
#[cfg(feature = "llama")]
mod serve;
