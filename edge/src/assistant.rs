//! One turn: capture, recall, prompt, generate, remember.
