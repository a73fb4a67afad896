//! The line a person edits: history, and Ctrl-C that clears the line only.

use std::io;
use std::path::{Path, PathBuf};

use rustyline::DefaultEditor;
use rustyline::config::Config;
use rustyline::error::ReadlineError;

/// Lines kept in the history file.
const HISTORY_LINES: usize = 1_000;

/// Why no line could be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The terminal cannot be used for editing.
    #[error("cannot edit a line on this terminal")]
    Terminal {
        /// The system's reason.
        source: io::Error,
    },
    /// The history cannot be kept.
    #[error("cannot use the history file {path}")]
    History {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// What a person entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entered {
    /// A line, without its end.
    Line(String),
    /// Ctrl-C: this line is not to be used.
    Cleared,
    /// Ctrl-D: there will be no more.
    End,
}

/// Edits lines on the terminal.
pub struct Editor {
    lines: DefaultEditor,
    history: PathBuf,
}

impl Editor {
    /// An editor with the history kept in `history`; a missing file is an empty history.
    ///
    /// # Errors
    /// [`EditError`] if the terminal or an existing history cannot be used.
    pub fn open(history: &Path) -> Result<Self, EditError> {
        let config = Config::builder()
            .max_history_size(HISTORY_LINES)
            .map_err(terminal)?
            .history_ignore_space(true)
            .build();
        let mut lines = DefaultEditor::with_config(config).map_err(terminal)?;
        if history.exists() {
            lines
                .load_history(history)
                .map_err(|e| history_error(history, e))?;
        }
        Ok(Self {
            lines,
            history: history.to_owned(),
        })
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`EditError::Terminal`] if the terminal fails.
    pub fn line(&mut self, prompt: &str) -> Result<Entered, EditError> {
        match self.lines.readline(prompt) {
            Ok(line) => Ok(Entered::Line(line)),
            Err(ReadlineError::Eof) => Ok(Entered::End),
            Err(ReadlineError::Interrupted) => Ok(Entered::Cleared),
            Err(error) => Err(terminal(error)),
        }
    }

    /// Keeps a line in the history, unless it begins with a space.
    ///
    /// # Errors
    /// [`EditError::Terminal`] if the history does not take it.
    pub fn keep(&mut self, line: &str) -> Result<(), EditError> {
        self.lines.add_history_entry(line).map_err(terminal)?;
        Ok(())
    }

    /// Adds this run's lines to the history file.
    ///
    /// # Errors
    /// [`EditError::History`] if the file cannot be written.
    pub fn save(&mut self) -> Result<(), EditError> {
        self.lines
            .append_history(&self.history)
            .map_err(|e| history_error(&self.history, e))
    }
}

fn terminal(error: ReadlineError) -> EditError {
    EditError::Terminal {
        source: io_error(error),
    }
}

fn history_error(path: &Path, error: ReadlineError) -> EditError {
    EditError::History {
        path: path.to_owned(),
        source: io_error(error),
    }
}

fn io_error(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(source) => source,
        other => io::Error::other(other),
    }
}
