//! Commands, run as a person runs them.

mod cli;
