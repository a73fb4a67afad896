//! What clients ask of the engine's thread, and what it tells them.

use std::path::PathBuf;
use std::sync::mpsc::Sender;

use super::slot::Line;
use crate::generate::{
    AdapterChoice, AdapterError, AdapterState, Completion, GenerateError, Request, Token,
    TokenScore,
};
use crate::llama::constrain::Form;

/// What is asked.
pub(super) enum Job {
    /// An answer, or scores.
    Work(Box<Asked>),
    /// Something about adapters.
    Adapter(AdapterJob),
    /// Forget what was read and is not being answered; told when that is done.
    Forget(Sender<()>),
}

/// A request that waits for a slot.
pub(super) struct Asked {
    pub(super) prompt: Vec<Token>,
    pub(super) task: Task,
    pub(super) adapter: AdapterChoice,
    pub(super) line: Line,
    /// How many were told to be before it.
    pub(super) told: Option<usize>,
}

/// What is wanted of a prompt.
pub(super) enum Task {
    /// To go on with it.
    Answer {
        request: Request,
        form: Option<Form>,
    },
    /// How likely its tokens are, with this many of the likeliest beside each.
    Score { top: usize },
}

/// What happens to a request.
pub(super) enum Update {
    /// It waits, with so many before it.
    Queued(usize),
    /// So many of so many new tokens were read.
    Prefill(usize, usize),
    Scores(Vec<TokenScore>),
    Text(String),
    /// Nothing comes after this.
    Done(Result<Done, GenerateError>),
}

/// What came of a request.
pub(super) enum Done {
    Answered(Completion),
    Scored(Vec<TokenScore>),
}

/// What is asked about adapters, and where the answer goes.
pub(super) enum AdapterJob {
    Load {
        name: String,
        path: PathBuf,
        digest: String,
        scale: f32,
        reply: Sender<Result<AdapterState, AdapterError>>,
    },
    Activate {
        name: Option<String>,
        reply: Sender<Result<(), AdapterError>>,
    },
    Scale {
        name: String,
        scale: f32,
        reply: Sender<Result<(), AdapterError>>,
    },
    Unload {
        name: String,
        reply: Sender<Result<(), AdapterError>>,
    },
    List {
        reply: Sender<Vec<AdapterState>>,
    },
}
