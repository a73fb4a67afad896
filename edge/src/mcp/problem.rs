//! Why a tool could not do it, and what to do next.

use crate::memory::MemoryError;
use crate::memory::store::StoreError;

/// Why a tool could not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// The arguments are not those of the schema.
    #[error("the arguments do not fit the tool's schema")]
    Arguments {
        /// What is wrong with them.
        source: serde_json::Error,
    },
    /// There are no words.
    #[error("`{argument}` is empty")]
    Empty {
        /// The argument.
        argument: &'static str,
    },
    /// There are too many words.
    #[error("`{argument}` has {found} bytes, {limit} are allowed")]
    TooLong {
        /// The argument.
        argument: &'static str,
        /// Its bytes.
        found: usize,
        /// The most there may be.
        limit: usize,
    },
    /// A number out of range.
    #[error("`limit` is 1 to {most}, not {found}")]
    Limit {
        /// What was asked for.
        found: usize,
        /// The most there may be.
        most: usize,
    },
    /// It is not shown to programs.
    #[error("this item is sensitive, and its words are shown to its owner alone")]
    Sensitive,
    /// Memory could not do it.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// What was typed in conversations could not be forgotten with it.
    #[error("it was forgotten, but not in the history of what was typed")]
    Typed {
        /// What the system says.
        source: std::io::Error,
    },
    /// The answer cannot be written as JSON.
    #[error("the answer cannot be written")]
    Answer {
        /// Why.
        source: serde_json::Error,
    },
}

impl Problem {
    /// The error, its causes, and what to do next, as one text.
    pub(super) fn told(&self) -> String {
        let mut told = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            told.push_str(": ");
            told.push_str(&error.to_string());
            cause = error.source();
        }
        if let Some(hint) = self.hint() {
            told.push_str(". ");
            told.push_str(hint);
        }
        told
    }

    const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Arguments { .. } => "Call the tool again with the arguments of its inputSchema.",
            Self::Empty { .. } => "Call the tool again with words in it.",
            Self::TooLong { .. } => "Call the tool several times, with a part of the text each.",
            Self::Limit { .. } => "Call the tool again with a limit in this range, or without one.",
            Self::Sensitive => "Its owner sees it with `edge memory show`.",
            Self::Memory(error) => return memory_hint(error),
            Self::Typed { .. } => "Its owner can delete the file that `edge config path` names.",
            Self::Answer { .. } => return None,
        })
    }
}

const fn memory_hint(error: &MemoryError) -> Option<&'static str> {
    Some(match error {
        MemoryError::Unknown { .. } => {
            "Call `recall` or `history`, and use an id of their answer; \
             what was forgotten is there no more."
        }
        MemoryError::Ambiguous { .. } => "Use the whole id.",
        MemoryError::TooLong { .. } => "Call the tool several times, with a part of the text each.",
        MemoryError::Store(StoreError::ReadOnly { .. }) => {
            "This memory can be read only; tell its owner."
        }
        MemoryError::Store(StoreError::Full { .. }) => {
            "The disk is full; tell its owner. Nothing that was kept is lost."
        }
        _ => "Tell the memory's owner: `edge doctor` looks into it.",
    })
}
