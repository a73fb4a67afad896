//! The words around a question: the system prompt, and the block of recalled memories.
//!
//! Device and trainer share this text to the byte, for a model is trained on exactly
//! what it will be shown. What is recalled stands beside the newest question and never
//! above the history, so that a conversation only ever grows at its end.
//!
//! ```
//! use shared::turn::{Recalled, user_message};
//! let today = jiff::civil::date(2026, 11, 20);
//! let told = [Recalled { date: jiff::civil::date(2026, 3, 12), text: "My sister Maya lives in Lisbon".into() }];
//! assert_eq!(
//!     user_message(today, &told, "Where does Maya live?"),
//!     "Memories, oldest first (today is 2026-11-20):\n- 2026-03-12: My sister Maya lives in Lisbon\n\nWhere does Maya live?",
//! );
//! assert_eq!(user_message(today, &[], "Hello"), "Hello");
//! ```

use std::fmt::Write as _;

/// The standing instructions.
pub const SYSTEM_PROMPT: &str = "You are Scrubjay, a private assistant that remembers. \
    Answer from the memories you are shown and from this conversation; what is newer wins. \
    If the answer is in neither, say that you do not know and offer to remember it.";

/// One memory as a prompt shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recalled {
    /// The day it was said, in the owner's time zone.
    pub date: jiff::civil::Date,
    /// What was said; line breaks are shown as spaces.
    pub text: String,
}

/// What the user's message becomes: recalled memories, oldest first, then the words.
///
/// `memories` must come in the order they are to be shown. Without any, the words alone.
pub fn user_message(today: jiff::civil::Date, memories: &[Recalled], words: &str) -> String {
    if memories.is_empty() {
        return words.to_owned();
    }
    let mut out = format!("Memories, oldest first (today is {today}):\n");
    for memory in memories {
        let text = memory.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(out, "- {}: {text}", memory.date);
    }
    out.push('\n');
    out.push_str(words);
    out
}
