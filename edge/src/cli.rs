//! The command line: arguments in, one library call, text out.
//!
//! [`main`] is the whole program but for what only a process can do: [`Env`] carries
//! the clock, the random seed, the variables and standard input, [`Ui`] the output, so
//! that tests run commands in-process. [`App`] opens memory and model when first used.

mod app;
mod ask;
mod background;
#[cfg(feature = "llama")]
mod bench;
mod chat;
#[cfg(feature = "llama")]
mod complete;
mod completions;
mod config;
mod doctor;
mod failure;
mod feedback;
mod history;
pub mod input;
mod load;
mod mcp;
mod memory;
#[cfg(feature = "llama")]
mod model;
mod redact;
mod report;
mod serve;
mod sessions;
mod shown;
mod talk;
mod token;
mod told;
mod why;

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use jiff::tz::TimeZone;
use shared::board::Machine;
use shared::clock::Clock;

pub use crate::cli::app::App;
use crate::cli::input::Input;
use crate::config::paths::Variables;
use crate::generate::LanguageModel;
use crate::memory::embedder::Embedder;
use crate::ui::{Format, Ui};

/// A private assistant that lives on your own device, remembers, and runs offline
#[derive(Debug, Parser)]
#[command(name = "edge", version, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
struct Global {
    /// Write data as JSON, one value a line
    #[arg(long, global = true)]
    json: bool,
    /// Set a configuration key for this run
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    settings: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Chat(chat::Args),
    Ask(ask::Args),
    Sessions(sessions::Args),
    Why(why::Args),
    Memory(memory::Args),
    Feedback(feedback::Args),
    Redact(redact::Args),
    Serve(serve::Args),
    Token(token::Args),
    #[cfg(feature = "llama")]
    Complete(complete::Args),
    #[cfg(feature = "llama")]
    Model(model::Args),
    Mcp(mcp::Args),
    #[cfg(feature = "llama")]
    Bench(bench::Args),
    Config(config::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
}

impl Command {
    /// The configuration keys that this command's own flags set.
    fn settings(&self) -> Vec<String> {
        match self {
            Self::Chat(args) => args.settings(),
            Self::Ask(args) => args.settings(),
            Self::Sessions(args) => args.settings(),
            Self::Serve(args) => args.settings(),
            #[cfg(feature = "llama")]
            Self::Bench(args) => args.settings(),
            _ => Vec::new(),
        }
    }

    fn run(&self, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
        match self {
            Self::Chat(args) => chat::run(args, app, ui),
            Self::Ask(args) => ask::run(args, app, ui),
            Self::Sessions(args) => sessions::run(args, app, ui),
            Self::Why(args) => why::run(args, app, ui),
            Self::Memory(args) => memory::run(args, app, ui),
            Self::Feedback(args) => feedback::run(args, app, ui),
            Self::Redact(args) => redact::run(args, app, ui),
            Self::Serve(args) => serve::run(args, app, ui),
            Self::Token(args) => token::run(args, app, ui),
            #[cfg(feature = "llama")]
            Self::Complete(args) => complete::run(args, app, ui),
            #[cfg(feature = "llama")]
            Self::Model(args) => model::run(args, app, ui),
            Self::Mcp(args) => mcp::run(args, app),
            #[cfg(feature = "llama")]
            Self::Bench(args) => bench::run(args, app, ui),
            Self::Config(args) => config::run(args, app, ui),
            Self::Doctor(args) => doctor::run(args, app, ui),
            Self::Completions(args) => completions::run(args, ui),
        }
    }
}

/// Ctrl-C: while something listens it stops that; otherwise it ends the program.
#[derive(Debug, Default)]
pub struct Interrupt {
    listening: AtomicBool,
    raised: AtomicBool,
    /// Somebody else hears signals.
    handed_over: AtomicBool,
}

impl Interrupt {
    /// Notes a signal. Whether the program should end: nothing listens, or what
    /// listens was told before and has not yet stopped.
    pub fn raise(&self) -> bool {
        if self.handed_over.load(Ordering::SeqCst) {
            return false;
        }
        let again = self.raised.swap(true, Ordering::SeqCst);
        again || !self.listening.load(Ordering::SeqCst)
    }

    /// Runs `work`, which asks [`Self::is_raised`] from time to time.
    pub fn listen<T>(&self, work: impl FnOnce() -> T) -> T {
        self.raised.store(false, Ordering::SeqCst);
        self.listening.store(true, Ordering::SeqCst);
        let done = work();
        self.listening.store(false, Ordering::SeqCst);
        self.raised.store(false, Ordering::SeqCst);
        done
    }

    /// From now on somebody else hears signals, to the end of the program: one that has
    /// just been heard may still be on its way here.
    pub fn hand_over(&self) {
        self.handed_over.store(true, Ordering::SeqCst);
    }

    /// Whether the work should stop.
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }
}

/// What a command uses instead of asking the machine and loading files.
#[derive(Default)]
pub struct StandIns {
    /// What the machine is.
    pub machine: Option<Machine>,
    /// The embedder.
    pub embedder: Option<Arc<dyn Embedder>>,
    /// The model.
    pub model: Option<Box<dyn LanguageModel>>,
}

/// What a process gives a command.
pub struct Env {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// The time zone dates are shown in.
    pub zone: TimeZone,
    /// Where all randomness comes from.
    pub seed: u64,
    /// The environment's variables.
    pub variables: Variables,
    /// Standard input.
    pub input: Input,
    /// Ctrl-C.
    pub interrupt: Arc<Interrupt>,
    /// What tests put in the place of hardware and files.
    pub stand_ins: StandIns,
}

/// Runs one command line, its program name included; returns the exit code.
///
/// Codes: 0 done, 1 failed, 2 wrong usage, 3 refused.
pub fn main<I, T>(args: I, env: Env, ui: &mut Ui) -> u8
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let parsed = Cli::command()
        .color(clap::ColorChoice::Never)
        .try_get_matches_from(args)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => match run(&cli, env, ui) {
            Ok(()) => report::DONE,
            Err(error) => report::report(&error, ui),
        },
        Err(error) => report::usage(&error, ui),
    }
}

fn run(cli: &Cli, env: Env, ui: &mut Ui) -> anyhow::Result<()> {
    if cli.global.json {
        ui.set_format(Format::Json);
    }
    let mut settings = cli.command.settings();
    settings.extend(cli.global.settings.iter().cloned());
    let app = App::open(env, &settings, ui)?;
    cli.command.run(&app, ui)
}
