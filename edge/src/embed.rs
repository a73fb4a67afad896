//! Text to vectors, through tract.
