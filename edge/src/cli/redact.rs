//! `redact`: a filter that takes secrets out of whatever flows through it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::Serialize;
use shared::redact::{Finding, Redactor};

use crate::cli::App;
use crate::ui::{Format, Ui};

/// How much is held back in search of the end of a line or a key, in bytes.
const HELD_LIMIT: usize = 4 << 20;

/// Replace the secrets in standard input by placeholders
///
/// With --json, lists what is found instead of passing the text on.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// A secret, and where in the whole input it stands.
#[derive(Debug, Serialize)]
struct Located<'a> {
    kind: &'a str,
    start: u64,
    end: u64,
}

pub(super) fn run(_: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let redactor = Redactor::new(&app.config().redact).context("cannot use the redaction rules")?;
    let mut filter = Filter {
        redactor,
        passed: 0,
        counts: BTreeMap::new(),
    };
    let mut held = Vec::new();
    loop {
        let mut input = app.input();
        let read = input.bytes().fill_buf();
        let read = read.context("cannot read standard input")?;
        let length = read.len();
        held.extend_from_slice(read);
        input.bytes().consume(length);
        let ready = if length == 0 {
            held.len()
        } else {
            complete(&held)
        };
        filter.pass(&held[..ready], ui)?;
        held.drain(..ready);
        if length == 0 {
            return Ok(ui.note(&filter.summary())?);
        }
    }
}

/// How many bytes can be judged without what follows: whole lines, and whole keys.
fn complete(held: &[u8]) -> usize {
    if held.len() > HELD_LIMIT {
        return held.len();
    }
    let lines = held
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    match rfind(&held[..lines], b"-----BEGIN ") {
        Some(begin) if rfind(&held[begin..lines], b"-----END ").is_none() => held[..begin]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1),
        _ => lines,
    }
}

fn rfind(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .rposition(|window| window == wanted)
}

struct Filter {
    redactor: Redactor,
    /// How many bytes went through.
    passed: u64,
    counts: BTreeMap<String, u64>,
}

impl Filter {
    /// Judges a block; bytes that are not UTF-8 part it and go through as they are.
    fn pass(&mut self, block: &[u8], ui: &mut Ui) -> anyhow::Result<()> {
        let mut out = Vec::with_capacity(block.len());
        for chunk in block.utf8_chunks() {
            let redacted = self.redactor.redact(chunk.valid());
            out.extend_from_slice(redacted.text.as_bytes());
            out.extend_from_slice(chunk.invalid());
            for finding in &redacted.found {
                *self.counts.entry(finding.kind.clone()).or_default() += 1;
                if ui.format() == Format::Json {
                    ui.json(&self.locate(finding))?;
                }
            }
            self.passed += (chunk.valid().len() + chunk.invalid().len()) as u64;
        }
        if ui.format() == Format::Plain {
            ui.bytes(&out)?;
        }
        Ok(())
    }

    fn locate<'a>(&self, finding: &'a Finding) -> Located<'a> {
        Located {
            kind: &finding.kind,
            start: self.passed + finding.start as u64,
            end: self.passed + finding.end as u64,
        }
    }

    /// What was found, in words: `3 secrets: 2 github-token, 1 password`.
    fn summary(&self) -> String {
        let total: u64 = self.counts.values().sum();
        if total == 0 {
            return "no secrets".to_owned();
        }
        let kinds: Vec<String> = self
            .counts
            .iter()
            .map(|(kind, n)| format!("{n} {kind}"))
            .collect();
        let noun = if total == 1 { "secret" } else { "secrets" };
        format!("{total} {noun}: {}", kinds.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_are_passed_on() {
        assert_eq!(complete(b"one\ntwo\nthr"), 8);
        assert_eq!(complete(b"no end yet"), 0);
    }

    #[test]
    fn a_key_is_held_back_until_its_last_line() {
        let begun = b"one\n-----BEGIN RSA PRIVATE KEY-----\nAAAA\n";
        assert_eq!(complete(begun), 4);
        let ended = [&begun[..], b"-----END RSA PRIVATE KEY-----\nafter\n"].concat();
        assert_eq!(complete(&ended), ended.len());
    }

    #[test]
    fn a_line_without_end_is_passed_on_at_the_limit() {
        let long = vec![b'a'; HELD_LIMIT + 1];
        assert_eq!(complete(&long), long.len());
    }
}
