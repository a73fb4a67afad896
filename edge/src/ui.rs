//! The only writer to the terminal.
//!
//! Data goes to standard output, everything else to standard error. Data is a
//! [`View`]: one line of JSON with `--json`, plain text without.
//!
//! # Invariants
//! - Plain text never carries a control character or a bidirectional override to a
//!   terminal: [`safe`] spells them out. What is stored is not changed.
//! - Colours and moving bars appear on a terminal only, and not where `NO_COLOR` is set.
//! - A reader that went away is noticed, whoever was writing: [`Ui::is_closed`].

pub mod editor;
pub mod progress;
pub mod safe;
pub mod table;

use std::io::{self, Write};

use serde::Serialize;

use crate::ui::progress::Progress;
use crate::ui::table::Table;

/// How data is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Plain,
    /// For programs: one JSON value a line.
    Json,
}

/// What stands at the other end of the output streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Standard output is a terminal.
    pub output: bool,
    /// Standard error is a terminal.
    pub errors: bool,
    /// Colours are welcome where there is a terminal.
    pub colours: bool,
    /// Columns of the terminal, where known.
    pub columns: Option<u16>,
}

/// Why nothing more can be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The stream does not take it.
    #[error("cannot write the output")]
    Stream {
        /// The system's reason.
        source: io::Error,
    },
}

impl From<io::Error> for WriteError {
    fn from(source: io::Error) -> Self {
        Self::Stream { source }
    }
}

/// Something a command shows: serialised for programs, set as text for people.
pub trait View: Serialize {
    /// Writes it for people.
    ///
    /// # Errors
    /// [`WriteError`] when the output cannot be written.
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError>;
}

/// A stream the program writes to.
pub type Stream = Box<dyn Write + Send>;

/// Standard output, and whether its reader went away.
struct Output {
    stream: Stream,
    closed: bool,
}

impl Output {
    fn noted<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &done {
            self.closed |= error.kind() == io::ErrorKind::BrokenPipe;
        }
        done
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.stream.write(bytes);
        self.noted(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.stream.flush();
        self.noted(done)
    }
}

/// The output streams and how to write to them.
pub struct Ui {
    output: Output,
    errors: Stream,
    terminal: Terminal,
    format: Format,
}

impl Ui {
    /// Writes to these streams.
    pub fn new(output: Stream, errors: Stream, terminal: Terminal) -> Self {
        Self {
            output: Output {
                stream: output,
                closed: false,
            },
            errors,
            terminal,
            format: Format::Plain,
        }
    }

    /// Chooses how data is written.
    pub fn set_format(&mut self, format: Format) {
        self.format = format;
    }

    /// How data is written.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Whether the reader of standard output went away. No failure: it has seen enough.
    pub const fn is_closed(&self) -> bool {
        self.output.closed
    }

    /// What stands at the other end.
    pub const fn terminal(&self) -> Terminal {
        self.terminal
    }

    /// Shows data in the chosen format.
    ///
    /// # Errors
    /// [`WriteError`] when the output cannot be written.
    pub fn show(&mut self, view: &impl View) -> Result<(), WriteError> {
        match self.format {
            Format::Plain => view.plain(self),
            Format::Json => self.json(view),
        }
    }

    /// Writes one line of JSON, whatever the format.
    ///
    /// # Errors
    /// [`WriteError`] when the output cannot be written.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), WriteError> {
        let text = serde_json::to_string(value).map_err(io::Error::from)?;
        writeln!(self.output, "{text}")?;
        Ok(self.output.flush()?)
    }

    /// Writes a line of plain data.
    ///
    /// # Errors
    /// [`WriteError`] when the output cannot be written.
    pub fn line(&mut self, text: &str) -> Result<(), WriteError> {
        writeln!(self.output, "{}", safe::shown(text))?;
        Ok(self.output.flush()?)
    }

    /// Writes part of a line at once: an answer while it is being made.
    ///
    /// # Errors
    /// [`WriteError`] when the output cannot be written.
    pub fn part(&mut self, text: &str) -> Result<(), WriteError> {
        write!(self.output, "{}", safe::shown(text))?;
        Ok(self.output.flush()?)
    }

    /// Writes a table, or `empty` where it has no rows.
    ///
    /// # Errors
    /// [`WriteError`] when the output cannot be written.
    pub fn table(&mut self, table: &Table, empty: &str) -> Result<(), WriteError> {
        if table.is_empty() {
            return self.note(empty);
        }
        let columns = self.terminal.output.then_some(self.terminal.columns);
        for line in table.lines(columns.flatten()) {
            writeln!(self.output, "{line}")?;
        }
        Ok(self.output.flush()?)
    }

    /// Writes bytes as they are: for what another program reads unchanged.
    ///
    /// # Errors
    /// [`WriteError`] when the output cannot be written.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.output.write_all(bytes)?;
        Ok(self.output.flush()?)
    }

    /// Standard output itself, for a writer of bytes that another program reads unchanged.
    pub fn verbatim(&mut self) -> &mut dyn Write {
        &mut self.output
    }

    /// Tells something beside the data, on standard error.
    ///
    /// # Errors
    /// [`WriteError`] when standard error cannot be written.
    pub fn note(&mut self, text: &str) -> Result<(), WriteError> {
        self.aside(Tone::Dim, text)
    }

    /// Tells something that deserves attention, on standard error.
    ///
    /// # Errors
    /// [`WriteError`] when standard error cannot be written.
    pub fn warn(&mut self, text: &str) -> Result<(), WriteError> {
        self.labelled(Tone::Yellow, "warning", text)
    }

    /// Writes `label: text` on standard error, the label in a tone.
    ///
    /// # Errors
    /// [`WriteError`] when standard error cannot be written.
    pub(crate) fn labelled(
        &mut self,
        tone: Tone,
        label: &str,
        text: &str,
    ) -> Result<(), WriteError> {
        let label = self.toned(tone, &format!("{label}:"));
        Ok(writeln!(self.errors, "{label} {}", safe::shown(text))?)
    }

    /// Writes text on standard error as it is set.
    ///
    /// # Errors
    /// [`WriteError`] when standard error cannot be written.
    pub(crate) fn text_aside(&mut self, text: &str) -> Result<(), WriteError> {
        Ok(write!(self.errors, "{}", safe::shown(text))?)
    }

    /// A bar for work of `total` steps; hidden where there is no terminal.
    pub fn progress(&self, label: &str, total: u64) -> Progress {
        Progress::new(label, total, self.terminal.errors)
    }

    fn aside(&mut self, tone: Tone, text: &str) -> Result<(), WriteError> {
        let text = self.toned(tone, &safe::shown(text));
        Ok(writeln!(self.errors, "{text}")?)
    }

    /// Text in a tone, where standard error is a terminal that shows colours.
    fn toned(&self, tone: Tone, text: &str) -> String {
        if self.terminal.errors && self.terminal.colours {
            format!("\u{1b}[{}m{text}\u{1b}[0m", tone.code())
        } else {
            text.to_owned()
        }
    }
}

/// How text on standard error is set apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Dim,
    Red,
    Yellow,
    Cyan,
}

impl Tone {
    /// The terminal's code (ECMA-48, "select graphic rendition").
    const fn code(self) -> u8 {
        match self {
            Self::Dim => 2,
            Self::Red => 31,
            Self::Yellow => 33,
            Self::Cyan => 36,
        }
    }
}
