//! Placeholder until the model writer is there.
