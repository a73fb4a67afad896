//! The only caller of libtorch.

pub mod teacher;
