//! A device in a temporary folder, its clock standing still.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Cursor, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use edge::cli::input::Input;
use edge::cli::{Env, Interrupt, StandIns};
use edge::generate::scripted::{PromptLog, ScriptedModel};
use edge::memory::embedder::HashedWords;
use edge::ui::{Terminal, Ui};
use jiff::tz::TimeZone;
use regex::{Captures, Regex};
use shared::board::Machine;
use shared::clock::{ManualClock, Timestamp};
use tempfile::TempDir;

/// 2026-03-20T09:46:40Z.
const NOW: Timestamp = Timestamp::from_millis(1_774_000_000_000);

/// Each message between marks, as many real models have it.
const CHAT_TEMPLATE: &str = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}\
    {% if add_generation_prompt %}<|assistant|>{% endif %}";

/// A device.
pub(super) struct World {
    home: TempDir,
    clock: Arc<ManualClock>,
    pub(super) variables: BTreeMap<String, OsString>,
    /// Whether a person types what is on standard input.
    pub(super) typed: bool,
    runs: AtomicU64,
    answers: Mutex<Vec<String>>,
    prompts: Mutex<PromptLog>,
}

/// How a command ended.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) code: u8,
    pub(super) out: String,
    pub(super) err: String,
}

impl World {
    pub(super) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let variables = BTreeMap::from([("SCRUBJAY_HOME".to_owned(), home.path().into())]);
        Self {
            home,
            clock: Arc::new(ManualClock::new(NOW)),
            variables,
            typed: false,
            runs: AtomicU64::new(0),
            answers: Mutex::default(),
            prompts: Mutex::default(),
        }
    }

    /// What the model answers in the next run, one after the other.
    pub(super) fn model_says(&self, answers: &[&str]) {
        *self.answers.lock().unwrap() = answers.iter().map(ToString::to_string).collect();
    }

    /// What the model was given to read in the last run.
    pub(super) fn prompts(&self) -> Vec<String> {
        self.prompts.lock().unwrap().prompts()
    }

    /// A command's JSON as it is.
    pub(super) fn json(&self, args: &str) -> serde_json::Value {
        let words = args.split_whitespace().chain(["--json"]);
        let run = self.run(&words.collect::<Vec<_>>(), b"");
        serde_json::from_str(&run.out).unwrap()
    }

    /// The identifier that stands at `pointer` of a command's JSON.
    pub(super) fn id(&self, args: &str, pointer: &str) -> String {
        let json = self.json(args);
        let id = json.pointer(pointer).and_then(|id| id.as_str());
        id.unwrap_or_else(|| panic!("{pointer} in {json}"))
            .to_owned()
    }

    /// A command's output as it is.
    pub(super) fn edge_raw(&self, args: &str) -> String {
        self.run(&args.split_whitespace().collect::<Vec<_>>(), b"")
            .out
    }

    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Lets days pass.
    pub(super) fn days(&self, days: u64) {
        self.clock.advance(Duration::from_secs(days * 86_400));
    }

    /// Runs `edge` with words separated by spaces and nothing on standard input.
    pub(super) fn edge(&self, args: &str) -> Run {
        self.edge_with(&args.split_whitespace().collect::<Vec<_>>(), b"")
    }

    pub(super) fn edge_with(&self, args: &[&str], input: &[u8]) -> Run {
        let run = self.run(args, input);
        Run {
            code: run.code,
            out: self.scrub(&run.out),
            err: self.scrub(&run.err),
        }
    }

    fn run(&self, args: &[&str], input: &[u8]) -> Run {
        let (out, err) = (Shared::default(), Shared::default());
        let mut ui = Ui::new(
            Box::new(out.clone()),
            Box::new(err.clone()),
            Terminal::default(),
        );
        let code = self.edge_on(args, input, &mut ui);
        Run {
            code,
            out: out.text(),
            err: err.text(),
        }
    }

    /// Runs `edge` on a given terminal.
    pub(super) fn edge_on(&self, args: &[&str], input: &[u8], ui: &mut Ui) -> u8 {
        let env = Env {
            clock: self.clock.clone(),
            zone: TimeZone::UTC,
            seed: self.runs.fetch_add(1, Ordering::Relaxed),
            variables: self.variables.clone(),
            input: Input::new(Box::new(Cursor::new(input.to_vec())), self.typed),
            interrupt: Arc::new(Interrupt::default()),
            stand_ins: self.stand_ins(),
        };
        edge::cli::main(std::iter::once("edge").chain(args.iter().copied()), env, ui)
    }

    fn stand_ins(&self) -> StandIns {
        let answers = std::mem::take(&mut *self.answers.lock().unwrap());
        let model = ScriptedModel::saying(answers)
            .with_card(|card| card.chat_template = Some(CHAT_TEMPLATE.to_owned()));
        *self.prompts.lock().unwrap() = model.log();
        StandIns {
            model: Some(Box::new(model)),
            embedder: Some(Arc::new(HashedWords::new(64))),
            machine: Some(Machine {
                device_tree: None,
                memory_mib: 16_000,
                cores: 8,
            }),
        }
    }

    /// The text without what differs between runs: folders and identifiers.
    fn scrub(&self, text: &str) -> String {
        let text = text.replace(self.home.path().to_str().unwrap(), "HOME");
        let long = Regex::new(r"\b[0-9A-HJKMNP-TV-Z]{26}\b").unwrap();
        let short = Regex::new(r"\b[0-9A-HJKMNP-TV-Z]{8}\b").unwrap();
        let text = long.replace_all(&text, "ID");
        let is_number = |found: &str| found.bytes().all(|b| b.is_ascii_digit());
        short
            .replace_all(&text, |found: &Captures| match is_number(&found[0]) {
                true => found[0].to_owned(),
                false => "SHORT-ID".to_owned(),
            })
            .into_owned()
    }
}

/// A stream that can be read after it was written.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream whose reader went away.
pub(super) struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream on a disk without room.
pub(super) struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
