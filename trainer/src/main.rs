//! The workstation program.

fn main() {}
