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
        self.lines += 1;
        let Some(mut bytes) = self.take(Until::LineEnd)? else {
            return Ok(None);
        };
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
        let bytes = self.take(Until::End)?;
        text(bytes.unwrap_or_default(), self.lines + 1)
    }

    /// Reads up to the end asked for, which is taken and not kept; `None` if nothing is
    /// left. Counts, without keeping, what is over the limit.
    fn take(&mut self, until: Until) -> Result<Option<Vec<u8>>, InputError> {
        const MOST: usize = MESSAGE_LIMIT + 1;
        let mut kept = None;
        let mut length = 0;
        loop {
            let mut part = Vec::new();
            let mut limited = (&mut self.reader).take(MOST as u64);
            let read = match until {
                Until::LineEnd => limited.read_until(b'\n', &mut part),
                Until::End => limited.read_to_end(&mut part),
            };
            let read = read.map_err(|source| InputError::Read { source })?;
            let ended = until == Until::LineEnd && part.last() == Some(&b'\n');
            if ended {
                part.pop();
            }
            length += part.len();
            if kept.is_none() && read > 0 {
                kept = Some(part);
            }
            if ended || read < MOST {
                check(length)?;
                return Ok(kept);
            }
        }
    }
}

/// Where to stop reading.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    LineEnd,
    End,
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

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn input(bytes: impl Into<Vec<u8>>) -> Input {
        Input::new(Box::new(Cursor::new(bytes.into())), false)
    }

    #[test]
    fn lines_come_without_their_ends_and_empty_ones_count() {
        let mut input = input("one\r\n\nlast");
        let lines: Vec<String> = std::iter::from_fn(|| input.line().unwrap()).collect();
        assert_eq!(lines, ["one", "", "last"]);
    }

    #[test]
    fn a_line_that_is_not_text_is_named_and_the_next_one_is_read() {
        let mut input = input(b"fine\nna\xefve\nfine again\n".as_slice());
        assert_eq!(input.line().unwrap().as_deref(), Some("fine"));
        match input.line() {
            Err(InputError::NotText { line: 2, byte: 2 }) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(input.line().unwrap().as_deref(), Some("fine again"));
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        let text = "x".repeat(MESSAGE_LIMIT);
        assert_eq!(input(format!("{text}\n")).line().unwrap(), Some(text));
        let text = "x".repeat(MESSAGE_LIMIT);
        assert_eq!(input(text.clone()).rest().unwrap(), text);
    }

    #[test]
    fn a_longer_message_is_counted_and_refused_and_the_next_one_is_read() {
        let mut input = input(format!("{}\nnext\n", "x".repeat(10_000_000)));
        match input.line() {
            Err(InputError::TooLong { bytes, limit }) => {
                assert_eq!((bytes, limit), (10_000_000, 1_048_576));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(input.line().unwrap().as_deref(), Some("next"));
        assert_eq!(input.line().unwrap(), None);
    }

    #[test]
    fn a_bad_byte_in_a_whole_text_is_named_by_its_line() {
        match input(b"a\nb\n\xff".as_slice()).rest() {
            Err(InputError::NotText { line: 3, byte: 4 }) => {}
            other => panic!("{other:?}"),
        }
    }
}
