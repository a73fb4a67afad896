//! The only terminal writer.
//!
//! Data goes to standard output, everything else to standard error: a progress bar
//! where that is a terminal, plain lines where it is not.

use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Where words go.
pub struct Ui {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    terminal: bool,
}

impl Ui {
    /// The process's own streams.
    pub fn new() -> Self {
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            terminal: io::stderr().is_terminal(),
        }
    }

    /// Any two streams; neither is taken for a terminal.
    pub fn to(out: Box<dyn Write>, err: Box<dyn Write>) -> Self {
        Self {
            out,
            err,
            terminal: false,
        }
    }

    /// Writes a line of data.
    ///
    /// # Errors
    /// If standard output is closed.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// Writes a line about what is going on. A closed standard error stops nothing.
    pub fn note(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}");
    }

    /// A bar of `length` steps, hidden where there is no terminal.
    pub fn bar(&self, length: u64) -> ProgressBar {
        let target = if self.terminal {
            ProgressDrawTarget::stderr_with_hz(4)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        bar
    }

    /// Whether standard error is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }
}

impl Default for Ui {
    fn default() -> Self {
        Self::new()
    }
}

/// A length of time for people: "12 minutes".
pub fn duration(span: Duration) -> String {
    HumanDuration(Duration::from_secs(span.as_secs())).to_string()
}
