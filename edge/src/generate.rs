//! What a language model does for us, whatever runs it.
