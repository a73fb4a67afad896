//! The device program: what only a process can do, then [`edge::cli::main`].

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufReader, IsTerminal as _, stderr, stdin, stdout};
use std::process::ExitCode;
use std::sync::Arc;

use edge::cli::input::Input;
use edge::cli::{Env, Interrupt, StandIns};
use edge::ui::{Terminal, Ui};
use jiff::tz::TimeZone;
use shared::clock::SystemClock;
use tracing_subscriber::EnvFilter;

/// The exit code of a program ended by Ctrl-C, as shells count it.
const INTERRUPTED: i32 = 130;

fn main() -> ExitCode {
    let variables: BTreeMap<String, OsString> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .collect();
    log(&variables);
    let interrupt = Arc::new(Interrupt::default());
    end_on_interrupt(Arc::clone(&interrupt));
    let mut ui = Ui::new(Box::new(stdout()), Box::new(stderr()), terminal(&variables));
    let env = Env {
        clock: Arc::new(SystemClock),
        zone: TimeZone::system(),
        seed: rand::random(),
        variables,
        input: Input::new(Box::new(BufReader::new(stdin())), stdin().is_terminal()),
        interrupt,
        stand_ins: StandIns::default(),
    };
    ExitCode::from(edge::cli::main(std::env::args_os(), env, &mut ui))
}

fn terminal(variables: &BTreeMap<String, OsString>) -> Terminal {
    let is_set = |name: &str| variables.get(name).is_some_and(|value| !value.is_empty());
    let dumb = variables.get("TERM").is_some_and(|term| term == "dumb");
    Terminal {
        output: stdout().is_terminal(),
        errors: stderr().is_terminal(),
        colours: !is_set("NO_COLOR") && !dumb,
        columns: rustix::termios::tcgetwinsize(stdout())
            .ok()
            .map(|size| size.ws_col)
            .filter(|columns| *columns > 0),
    }
}

/// Logs to standard error what `SCRUBJAY_LOG` asks for: `info`, `edge=debug`, …; nothing
/// from libraries that would log messages with a user's words in them.
fn log(variables: &BTreeMap<String, OsString>) {
    if let Some(wanted) = variables.get("SCRUBJAY_LOG").and_then(|text| text.to_str()) {
        let filter = EnvFilter::new(format!("{wanted},rmcp=off"));
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(stderr)
            .init();
    }
}

/// A handler that cannot be installed leaves Ctrl-C to the system, which ends the program.
fn end_on_interrupt(interrupt: Arc<Interrupt>) {
    let _ = ctrlc::set_handler(move || {
        if interrupt.raise() {
            #[expect(clippy::exit, reason = "a signal ends the program wherever it is")]
            std::process::exit(INTERRUPTED);
        }
    });
}
