//! The only caller of llama.cpp.
