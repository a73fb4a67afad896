//! What was typed in conversations: kept like everything else, and forgotten with it.
//!
//! # Invariants
//! - A line is redacted before it is kept; one that tells a secret aloud is not kept.
//! - What is forgotten leaves the history, too.

use std::io;
use std::path::Path;

use anyhow::Context as _;
use shared::redact::Redactor;

use crate::cli::App;
use crate::ui::editor::Editor;

/// Keeps a line as far as it may be kept.
pub(super) fn keep(line: &str, redactor: &Redactor, editor: &mut Editor) -> anyhow::Result<()> {
    if redactor.spoken_secrets(line).is_empty() {
        editor.keep(&redactor.redact(line).text)?;
    }
    Ok(())
}

/// Removes every line that holds one of `texts`; how many there were.
pub(super) fn forget(texts: &[String], app: &App) -> anyhow::Result<usize> {
    remove(&app.paths().history(), texts).context("cannot forget what was typed")
}

/// Removes every line of `file` that holds one of `texts`; how many there were.
pub(super) fn remove(file: &Path, texts: &[String]) -> io::Result<usize> {
    let lines = match fs_err::read_to_string(file) {
        Ok(lines) => lines,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let is_forgotten = |line: &&str| {
        let mut texts = texts.iter().map(|text| text.trim());
        texts.any(|text| !text.is_empty() && line.contains(text))
    };
    let (gone, kept): (Vec<&str>, Vec<&str>) = lines.lines().partition(is_forgotten);
    if !gone.is_empty() {
        // In place: the file keeps its owner and its mode.
        fs_err::write(file, kept.join("\n") + "\n")?;
    }
    Ok(gone.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_hold_a_forgotten_text_go_and_the_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history");
        let maya = "My sister Maya lives in Lisbon".to_owned();
        fs_err::write(&file, format!("#V2\nHello\n{maya}.\n/why\n")).unwrap();
        assert_eq!(remove(&file, &[maya, " ".to_owned()]).unwrap(), 1);
        assert_eq!(fs_err::read_to_string(&file).unwrap(), "#V2\nHello\n/why\n");
    }

    #[test]
    fn without_a_history_there_is_nothing_to_forget() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history");
        assert_eq!(remove(&file, &["Maya".to_owned()]).unwrap(), 0);
        assert!(!file.exists());
    }
}
