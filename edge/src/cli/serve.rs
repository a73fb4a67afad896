//! `serve`: the server, until a signal ends it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;

use crate::cli::background::Reembedding;
use crate::cli::failure::Failure;
use crate::cli::{App, history, load, report};
use crate::config::Resolved;
use crate::memory::episode::Source;
use crate::memory::query::MemoryUse;
use crate::server::access::token::Tokens;
use crate::server::listen::Doors;
use crate::server::systemd::Notifier;
use crate::server::{Happened, Hooks, Limits, Parts, Server, Settings};
use crate::ui::Ui;

/// Serve other programs: OpenAI's API before this device's model and memory
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Listen on this address; one of another machine needs a token
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// Listen on this port; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Listen on the socket alone
    #[arg(long, conflicts_with_all = ["address", "port"])]
    socket_only: bool,
    /// Use this installed model, or this GGUF file
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Compute with this many threads
    #[arg(long, value_name = "N")]
    threads: Option<u32>,
    /// Keep this many tokens of context
    #[arg(long, value_name = "TOKENS")]
    context: Option<u32>,
    /// Make this many answers at once
    #[arg(long, value_name = "N")]
    slots: Option<usize>,
}

impl Args {
    /// The configuration keys that these flags set.
    pub(super) fn settings(&self) -> Vec<String> {
        let mut settings = Vec::new();
        let mut set = |key: &str, value: Option<String>| {
            settings.extend(value.map(|value| format!("{key}={value}")));
        };
        set("server.address", self.address.map(|ip| ip.to_string()));
        set("server.port", self.port.map(|port| port.to_string()));
        set("server.slots", self.slots.map(|slots| slots.to_string()));
        set("model.name", self.model.clone());
        let threads = self.threads.map(|n| n.to_string());
        set("model.threads", threads.clone());
        set("model.threads_prefill", threads);
        set("model.context", self.context.map(|n| n.to_string()));
        settings
    }
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let doors = doors(args, app)?;
    let notifier = Notifier::new(app.notify_socket());
    let notifier = notifier.context("cannot speak to the service manager")?;
    let memory = app.conversation_memory()?;
    let config = &app.config().server;
    let history = app.paths().history();
    let parts = Parts {
        memory: Arc::clone(&memory),
        embedder: app.embedder()?,
        clock: app.clock(),
        tokens: Tokens::new(app.paths().tokens()),
        adapters: app.paths().adapters.clone(),
        forget_typed: Arc::new(move |texts| history::remove(&history, texts)),
        limits: Limits {
            answers: config.slots + config.queue,
            stop_time: std::time::Duration::from_secs(config.stop_seconds),
            ..Limits::default()
        },
    };
    let server = Server::new(parts, settings(app.resolved(), app));
    for address in doors.addresses() {
        ui.note(&format!("listening on http://{address}"))?;
    }
    for socket in doors.sockets() {
        ui.note(&format!("listening on {}", socket.display()))?;
    }
    let hooks = Hooks {
        load: load::engine(app)?,
        reload: Box::new(|| Ok(settings(&app.reread()?, app))),
    };
    let work = Reembedding::start(&memory);
    app.interrupt().hand_over();
    let served = server.run(doors, &notifier, hooks, &mut |happened| tell(happened, ui));
    work.stop(ui)?;
    served
}

/// The sockets that a service manager handed over, or those that the configuration names.
fn doors(args: &Args, app: &App) -> anyhow::Result<Doors> {
    let config = &app.config().server;
    let handed_over = Doors::handed_over()?;
    let address = SocketAddr::new(config.address, config.port);
    let addresses = match &handed_over {
        Some(doors) => doors.addresses(),
        None if args.socket_only => Vec::new(),
        None => vec![address],
    };
    let elsewhere = addresses
        .into_iter()
        .find(|address| !address.ip().is_loopback());
    let tokens = Tokens::new(app.paths().tokens());
    if let Some(address) = elsewhere
        && tokens.list()?.is_empty()
    {
        return Err(Failure::NoToken { address }.into());
    }
    match handed_over {
        Some(doors) => Ok(doors),
        None => {
            let address = (!args.socket_only).then_some(address);
            Ok(Doors::open(&app.paths().socket(), address)?)
        }
    }
}

/// What the configuration says of requests.
fn settings(resolved: &Resolved, app: &App) -> Settings {
    let config = &resolved.config;
    Settings {
        assistant: app.assistant_settings(config, Source::Api),
        defaults: app.answer_defaults(resolved),
        memory: if config.memory.enabled {
            config.server.memory
        } else {
            MemoryUse::Off
        },
        require_token: config.server.require_token,
        hosts: config.server.hosts.clone(),
    }
}

/// Says what happens; where nobody reads it, the server goes on.
fn tell(happened: Happened<anyhow::Error>, ui: &mut Ui) {
    let _ = match happened {
        Happened::Ready(notes) => {
            let told = notes.iter().try_for_each(|note| ui.warn(note));
            told.and_then(|()| ui.note("ready"))
        }
        Happened::Reloaded(Ok(())) => ui.note("configuration read anew"),
        Happened::Reloaded(Err(error)) => {
            report::tell(&error, ui);
            Ok(())
        }
        Happened::Stopping => ui.note("stopping: running answers may end; again to stop at once"),
    };
}
