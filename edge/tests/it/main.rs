//! Commands, run as a person runs them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails where its harness does"
)]

mod cli;
mod crash;
