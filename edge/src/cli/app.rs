//! What commands share: configuration at once, memory and model on first use.

use std::cell::{OnceCell, RefCell, RefMut};
use std::ffi::{OsStr, OsString};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use jiff::tz::TimeZone;
use shared::board::{Board, Machine};
use shared::clock::{Clock, Timestamp};
use shared::id::SessionId;

use crate::assistant::defaults::{Defaults, MostTokens};
use crate::assistant::{Assistant, Settings};
use crate::board;
use crate::cli::failure::Failure;
use crate::cli::input::Input;
use crate::cli::{Env, Interrupt, StandIns, load};
use crate::config::layer::Layer;
use crate::config::paths::Paths;
use crate::config::{Config, ConfigError, Origin, Resolved, keys};
use crate::generate::{Engine, LanguageModel};
use crate::memory::embedder::{Embedder, Lexical};
use crate::memory::episode::Source;
use crate::memory::{Memory, Options};
use crate::server::{client, systemd};
use crate::ui::Ui;

/// Variables that begin like a key's and are none; the last three belong to the build.
const OTHER_VARIABLES: &[&str] = &[
    "SCRUBJAY_HOME",
    "SCRUBJAY_LOG",
    "SCRUBJAY_DEPS",
    "SCRUBJAY_MINILM_WHEEL",
    "SCRUBJAY_OPENAI",
];

/// Names a file of certificates to trust, as for other programs.
const CERTIFICATES: &str = "SSL_CERT_FILE";
/// The board that is found by looking at the machine.
const AUTO: &str = "auto";

/// What commands share.
pub struct App {
    clock: Arc<dyn Clock>,
    zone: TimeZone,
    seed: u64,
    input: RefCell<Input>,
    interrupt: Arc<Interrupt>,
    paths: Paths,
    certificates: Option<PathBuf>,
    notify_socket: Option<OsString>,
    /// Variables and flags: they win over the file.
    above: Vec<Layer>,
    resolved: Resolved,
    machine: Machine,
    board: Option<Board>,
    stand_ins: RefCell<StandIns>,
    memory: OnceCell<Arc<Memory>>,
    /// What answers, once it was started.
    engine: OnceCell<Arc<dyn Engine>>,
    /// What is worth knowing of how it was started.
    notes: RefCell<Vec<String>>,
}

impl App {
    /// Finds the directories and resolves the configuration; `settings` are flags of
    /// the form `section.name=value`.
    ///
    /// # Errors
    /// When the configuration is not valid.
    pub(super) fn open(env: Env, settings: &[String], ui: &mut Ui) -> anyhow::Result<Self> {
        let paths = Paths::find(&env.variables)?;
        let mut above = variable_layers(&env, ui)?;
        for setting in settings {
            above.push(Layer::flag(setting)?);
        }
        let machine = env.stand_ins.machine.clone().unwrap_or_else(board::machine);
        let wanted = resolve(None, &paths, &above)?.config.device.board;
        let board = find_board(&wanted, &machine)?;
        let certificates = env
            .variables
            .get(CERTIFICATES)
            .filter(|path| !path.is_empty());
        Ok(Self {
            certificates: certificates.map(PathBuf::from),
            notify_socket: env.variables.get(systemd::VARIABLE).cloned(),
            resolved: resolve(board.as_ref(), &paths, &above)?,
            above,
            machine,
            board,
            stand_ins: RefCell::new(env.stand_ins),
            clock: env.clock,
            zone: env.zone,
            seed: env.seed,
            input: RefCell::new(env.input),
            interrupt: env.interrupt,
            paths,
            memory: OnceCell::new(),
            engine: OnceCell::new(),
            notes: RefCell::default(),
        })
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.resolved.config
    }

    /// The settings with their origins.
    pub fn resolved(&self) -> &Resolved {
        &self.resolved
    }

    /// The settings as they would be now: the file may have changed.
    ///
    /// # Errors
    /// When the configuration is not valid.
    pub fn reread(&self) -> Result<Resolved, ConfigError> {
        resolve(self.board.as_ref(), &self.paths, &self.above)
    }

    /// Where the service manager listens.
    pub fn notify_socket(&self) -> Option<&OsStr> {
        self.notify_socket.as_deref()
    }

    /// Where files belong.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// What this machine is.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The profile that describes this machine, or the one that was asked for.
    pub fn board(&self) -> Option<&Board> {
        self.board.as_ref()
    }

    /// Standard input, for a thread of its own; there is none left here.
    #[cfg(feature = "llama")]
    pub(super) fn take_input(&self) -> Input {
        self.input.replace(Input::new(Box::new(io::empty()), false))
    }

    /// Standard input. Held by one reader at a time.
    pub fn input(&self) -> RefMut<'_, Input> {
        self.input.borrow_mut()
    }

    /// Ctrl-C.
    pub fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// The clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time zone days are shown in.
    pub fn zone(&self) -> TimeZone {
        self.zone.clone()
    }

    /// Memory, opened on first use.
    ///
    /// # Errors
    /// When its folder or its embedder cannot be opened.
    pub fn memory(&self) -> anyhow::Result<Arc<Memory>> {
        if let Some(memory) = self.memory.get() {
            return Ok(Arc::clone(memory));
        }
        let memory = self.open_memory(&self.paths.memory, self.embedder()?)?;
        Ok(Arc::clone(self.memory.get_or_init(|| memory)))
    }

    /// What turns text into vectors.
    ///
    /// # Errors
    /// When its files cannot be used.
    pub fn embedder(&self) -> anyhow::Result<Arc<dyn Embedder>> {
        if let Some(embedder) = &self.stand_ins.borrow().embedder {
            return Ok(Arc::clone(embedder));
        }
        load::embedder(self).context("cannot open the embedder")
    }

    /// Certificates that the owner trusts instead of the public ones, as PEM.
    ///
    /// # Errors
    /// When the file that `SSL_CERT_FILE` names cannot be read.
    pub fn roots(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let read = |path| fs_err::read(path).context("cannot read the trusted certificates");
        self.certificates.as_ref().map(read).transpose()
    }

    /// The model that the configuration names, lent by this device's server where one
    /// runs it.
    ///
    /// # Errors
    /// When there is none, or it cannot be loaded.
    pub fn model(&self) -> anyhow::Result<Box<dyn LanguageModel>> {
        if let Some(model) = self.stand_ins.borrow_mut().model.take() {
            return Ok(model);
        }
        if let Some(model) = load::served(self) {
            return Ok(Box::new(model));
        }
        load::model(self).context("cannot load the model")
    }

    /// Remembers what was started to answer, and what is to be told of it.
    #[cfg(feature = "llama")]
    pub(super) fn started(&self, engine: Arc<dyn Engine>, notes: &[String]) {
        self.notes.borrow_mut().extend_from_slice(notes);
        // The first stays: a command starts one.
        let _ = self.engine.set(engine);
    }

    /// Tells what is worth knowing of how the model was started.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub(super) fn tell_notes(&self, ui: &mut Ui) -> anyhow::Result<()> {
        for note in self.notes.take() {
            ui.warn(&note)?;
        }
        Ok(())
    }

    /// Forgets what models have read and is not being answered, in memory and on disk:
    /// it may hold what was just forgotten.
    ///
    /// # Errors
    /// When the files cannot be deleted.
    pub(super) fn forget_read(&self) -> anyhow::Result<()> {
        if let Some(engine) = self.engine.get() {
            engine.forget();
        }
        client::forget_read(&self.paths.socket())
            .context("the server cannot forget what its model has read")?;
        match fs_err::remove_dir_all(self.paths.snapshots()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).context("what the model has read of conversations cannot be deleted")
            }
            _ => Ok(()),
        }
    }

    /// The memory that a conversation uses: where [`Config`] switches it off, one that is
    /// kept nowhere. Its files have no name once it is open, so nothing can outlive it.
    ///
    /// # Errors
    /// As [`Self::memory`].
    pub fn conversation_memory(&self) -> anyhow::Result<Arc<Memory>> {
        if self.config().memory.enabled {
            return self.memory();
        }
        let folder = self.paths.cache.join(format!("unkept-{:016x}", self.seed));
        let memory = self.open_memory(&folder, Arc::new(Lexical))?;
        fs_err::remove_dir_all(&folder)?;
        Ok(memory)
    }

    fn open_memory(
        &self,
        folder: &Path,
        embedder: Arc<dyn Embedder>,
    ) -> anyhow::Result<Arc<Memory>> {
        let options = Options {
            redaction: self.config().redact.clone(),
            policy: self.config().retain.clone(),
            zone: self.zone(),
            seed: self.seed,
        };
        let clock = Arc::clone(&self.clock);
        let memory = Memory::open(folder, embedder, clock, options);
        Ok(Arc::new(memory.context("cannot open memory")?))
    }

    /// An assistant with the model that the configuration names.
    ///
    /// # Errors
    /// When the model cannot be loaded or is not made for conversations.
    pub fn assistant(
        &self,
        memory: &Arc<Memory>,
        session: SessionId,
        source: Source,
    ) -> anyhow::Result<Assistant> {
        let model = self.model()?;
        let mut settings = self.assistant_settings(self.config(), source);
        let defaults = self.answer_defaults(&self.resolved);
        settings.max_tokens = defaults.max_tokens(model.card());
        settings.sampling = defaults.sampling(model.card());
        let assistant = Assistant::new(Arc::clone(memory), model, session, settings);
        assistant.context("cannot talk with this model")
    }

    /// How an assistant uses memory; how it answers depends on the model.
    pub fn assistant_settings(&self, config: &Config, source: Source) -> Settings {
        let memory = &config.memory;
        let mut settings = Settings::new(source, Arc::clone(&self.clock), self.zone());
        settings.recall_tokens = memory.recall_tokens;
        settings.recall_limit = if memory.enabled {
            memory.recall_limit
        } else {
            0
        };
        settings
    }

    /// What holds for answers where a question does not say otherwise.
    pub fn answer_defaults(&self, resolved: &Resolved) -> Defaults {
        let answer = &resolved.config.answer;
        let max_tokens = match resolved.value("answer.max_tokens") {
            Some((_, Origin::Default)) => MostTokens::AtMost(answer.max_tokens),
            _ => MostTokens::Set(answer.max_tokens),
        };
        Defaults {
            max_tokens,
            temperature: answer.temperature,
            top_k: answer.top_k,
            top_p: answer.top_p,
            min_p: answer.min_p,
            repeat_penalty: answer.repeat_penalty,
            // Half of the seed is enough: it only has to differ from run to run.
            seed: answer.seed.unwrap_or(self.seed as u32),
        }
    }

    /// The file that holds what was typed; its folder is made.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn history_file(&self) -> anyhow::Result<PathBuf> {
        make_private(&self.paths.state)?;
        Ok(self.paths.history())
    }

    /// The conversation that notes from the command line belong to.
    ///
    /// # Errors
    /// When memory cannot be read or written.
    pub fn notes_session(&self) -> anyhow::Result<SessionId> {
        Ok(self.memory()?.notes_session()?)
    }

    /// Asks before something is removed for good; whoever said `yes` before, and a
    /// script, is not asked.
    ///
    /// # Errors
    /// [`Failure::NotConfirmed`] on any other answer than yes.
    pub(super) fn confirm(&self, yes: bool, question: &str, ui: &mut Ui) -> anyhow::Result<()> {
        if yes || !self.input().is_terminal() {
            return Ok(());
        }
        ui.text_aside(&format!("{question} [y/N] "))?;
        let answer = self.input().line()?.unwrap_or_default();
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Failure::NotConfirmed.into()),
        }
    }
}

/// Makes a folder that its owner alone may look into.
fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The profile called `name`, cut down to the machine only where it was found by looking.
fn find_board(name: &str, machine: &Machine) -> Result<Option<Board>, ConfigError> {
    let wrong = |source| ConfigError::Boards { source };
    if name == AUTO {
        return board::choose(machine).map_err(wrong);
    }
    let mut boards = board::all().map_err(wrong)?.into_iter();
    let found = boards.find(|board| board.name == name);
    match found {
        Some(board) => Ok(Some(board)),
        None => Err(ConfigError::UnknownBoard {
            name: name.to_owned(),
        }),
    }
}

/// The layers, the weakest first.
fn resolve(board: Option<&Board>, paths: &Paths, above: &[Layer]) -> Result<Resolved, ConfigError> {
    let board = board.map(Layer::board);
    let below = board.into_iter().chain(file_layer(paths)?);
    Resolved::new(below.chain(above.iter().cloned()))
}

fn file_layer(paths: &Paths) -> Result<Option<Layer>, ConfigError> {
    let path = &paths.config_file;
    match fs_err::read_to_string(path) {
        Ok(text) => Layer::file(path, &text).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ConfigError::Read {
            path: path.clone(),
            source,
        }),
    }
}

fn variable_layers(env: &Env, ui: &mut Ui) -> anyhow::Result<Vec<Layer>> {
    let mut layers = Vec::new();
    for (name, value) in &env.variables {
        if !name.starts_with("SCRUBJAY_") || OTHER_VARIABLES.contains(&name.as_str()) {
            continue;
        }
        let Some(key) = keys::KEYS.iter().find(|key| key.variable() == *name) else {
            ui.warn(&format!("the variable {name} names no configuration key"))?;
            continue;
        };
        let text = value
            .to_str()
            .with_context(|| format!("cannot read the variable {name}: it is not UTF-8"))?;
        layers.push(Layer::setting(
            Origin::Variable(name.clone()),
            key.path,
            text,
        )?);
    }
    Ok(layers)
}
