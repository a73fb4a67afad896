//! Why a command cannot go on where every library call did what it should.

use std::path::PathBuf;

/// Why a command cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum Failure {
    /// The person said no.
    #[error("not confirmed: nothing was changed")]
    NotConfirmed,
    /// A turn was named where a memory is needed.
    #[error("{name:?} is a turn of a conversation, not a memory")]
    NotAMemory {
        /// What was named.
        name: String,
    },
    /// There is no answer to speak of.
    #[error("nothing was answered yet")]
    NoAnswer,
    /// No conversation has this identifier, or several end so.
    #[error("{found} conversations are called {name:?}")]
    Session {
        /// What was named.
        name: String,
        /// How many there are.
        found: usize,
    },
    /// A text is no time.
    #[error("{text:?} is not a time")]
    NotATime {
        /// What was given.
        text: String,
    },
    /// There is nothing to say.
    #[error("there is no question")]
    NoQuestion,
    /// A conversation has no such command.
    #[error("there is no command {command}")]
    Slash {
        /// What was typed.
        command: String,
    },
    /// A command needs words.
    #[error("this command needs words after it")]
    NoWords,
    /// A text is no rating.
    #[error("{text:?} is not a number from 1 to 5")]
    NotARating {
        /// What was given.
        text: String,
    },
    /// A check found faults.
    #[error("{faults} faults were found, {repaired} of them repaired")]
    Faults {
        /// How many.
        faults: usize,
        /// How many are mended.
        repaired: u64,
    },
    /// Something needed is missing.
    #[error("{n} of the checks found something missing")]
    Unwell {
        /// How many.
        n: usize,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// There is no going on without memory.
    #[error("memory is switched off, so no conversation can go on")]
    MemoryOff,
    /// Other machines may only come in with a token, and there is none.
    #[error("there is no token, so nobody may come in through {address}")]
    NoToken {
        /// The address.
        address: std::net::SocketAddr,
    },
    /// What the command needs was left out of this build.
    #[cfg(not(all(feature = "embed", feature = "llama")))]
    #[error("this build of edge has no {what}")]
    LeftOut {
        /// What is missing.
        what: &'static str,
    },
}
