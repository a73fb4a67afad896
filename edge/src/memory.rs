//! What is remembered.

pub mod embedder;
pub mod extract;
pub mod index;
pub mod lexicon;
pub mod recall;
pub mod retain;
pub mod schema;
mod store;
