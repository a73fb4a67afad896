//! Memories and conversation to a prompt within budget.
