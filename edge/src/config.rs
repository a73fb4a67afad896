//! Configuration, resolved once: flag, environment, file, board, default.
