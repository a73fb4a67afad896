//! Standard input, read as bytes and checked.
//!
//! # Invariants
//! - No message is longer than [`MESSAGE_LIMIT`]; a longer one is counted, not kept.
//! - A message is UTF-8, or an error says which line and byte are not.
//!
//! Units: bytes; lines counted from 1.

use std::io::{self, BufRead, Read as _};

/// Most bytes of one message.
pub const MESSAGE_LIMIT: usize = 1 << 20;

/// Why standard input is no message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// It cannot be read.
    #[error("cannot read standard input")]
    Read {
        /// The system's reason.
        source: io::Error,
    },
    /// It is too long.
    #[error("a message of {bytes} bytes is longer than {limit} bytes may be")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// It is not text.
    #[error("line {line} of standard input is not UTF-8 (byte {byte} of the message)")]
    NotText {
        /// The line.
        line: u64,
        /// Where in the message the first bad byte is, from 0.
        byte: usize,
    },
}

/// Standard input.
pub struct Input {
    reader: Box<dyn BufRead + Send>,
    terminal: bool,
    lines: u64,
}

impl Input {
    /// Reads from `reader`, which is or is not a terminal.
    pub fn new(reader: Box<dyn BufRead + Send>, terminal: bool) -> Self {
        Self {
            reader,
            terminal,
            lines: 0,
        }
    }

    /// Whether a person types it.
    pub const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// The bytes as they come.
    pub fn bytes(&mut self) -> &mut dyn BufRead {
        &mut self.reader
    }

    /// The next line without its end; `None` at the end of the input.
    ///
    /// # Errors
    /// [`InputError`] if the line is too long or not UTF-8; the next call reads on after it.
    pub fn line(&mut self) -> Result<Option<String>, InputError> {
        let mut bytes = Vec::new();
        let taken = self.take(&mut bytes, Until::LineEnd)?;
        if taken == 0 {
            return Ok(None);
        }
        self.lines += 1;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        text(bytes, self.lines).map(Some)
    }

    /// All that is left as one message.
    ///
    /// # Errors
    /// [`InputError`] if it is too long or not UTF-8.
    pub fn rest(&mut self) -> Result<String, InputError> {
        let mut bytes = Vec::new();
        self.take(&mut bytes, Until::End)?;
        text(bytes, self.lines + 1)
    }

    /// Reads up to the end asked for; counts, without keeping, what is over the limit.
    fn take(&mut self, bytes: &mut Vec<u8>, until: Until) -> Result<usize, InputError> {
        let most = u64::try_from(MESSAGE_LIMIT).unwrap_or(u64::MAX) + 1;
        let mut total = 0;
        loop {
            let mut part = Vec::new();
            let mut limited = (&mut self.reader).take(most);
            let read = match until {
                Until::LineEnd => limited.read_until(b'\n', &mut part),
                Until::End => limited.read_to_end(&mut part),
            };
            let read = read.map_err(|source| InputError::Read { source })?;
            if total == 0 {
                bytes.append(&mut part);
            }
            let ended = match until {
                Until::LineEnd => bytes.last() == Some(&b'\n') || part.last() == Some(&b'\n'),
                Until::End => false,
            };
            total += read;
            if ended || read == 0 || read < MESSAGE_LIMIT {
                break;
            }
        }
        check_length(total, bytes)?;
        Ok(total)
    }
}

#[derive(Clone, Copy)]
enum Until {
    LineEnd,
    End,
}

fn check_length(total: usize, bytes: &[u8]) -> Result<(), InputError> {
    let line_end = usize::from(bytes.last() == Some(&b'\n'));
    check(total - line_end)
}

/// Checks the length of a message that came another way.
///
/// # Errors
/// [`InputError::TooLong`].
pub(super) fn check(bytes: usize) -> Result<(), InputError> {
    if bytes <= MESSAGE_LIMIT {
        return Ok(());
    }
    Err(InputError::TooLong {
        bytes,
        limit: MESSAGE_LIMIT,
    })
}

fn text(bytes: Vec<u8>, first_line: u64) -> Result<String, InputError> {
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        let before = &error.as_bytes()[..byte];
        let lines = before.iter().filter(|b| **b == b'\n').count();
        InputError::NotText {
            line: first_line + u64::try_from(lines).unwrap_or(u64::MAX),
            byte,
        }
    })
}
