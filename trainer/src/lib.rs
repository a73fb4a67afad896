//! The workstation program: trains the very model a device runs, and proves the gain.

pub mod cli;
pub mod config;
pub mod dataset;
pub mod echo;
pub mod embedder;
pub mod evaluate;
pub mod export;
pub mod pack;
pub mod pretrain;
pub mod run;
pub mod schedule;
pub mod torch;
pub mod ui;
