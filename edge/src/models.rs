//! Which models are installed.
