//! What could open a network connection.
//!
//! The list is closed: a test reads every source file of `edge` and fails if another
//! one names a socket or the HTTP client.

use serde::Serialize;

use crate::ui::table::Table;
use crate::ui::{Ui, View, WriteError};

/// Code that may open a connection.
#[derive(Clone, Copy, Debug, Serialize)]
struct Opener {
    /// The commands that run it; no other does.
    command: &'static str,
    /// Where it stands.
    code: &'static str,
    /// Where it connects to.
    to: &'static str,
}

/// All there is.
const OPENERS: &[Opener] = &[
    Opener {
        command: "edge model pull",
        code: "edge/src/models/fetch.rs",
        to: "the HTTPS address given; hf:owner/repo:file is on huggingface.co",
    },
    Opener {
        command: "edge serve",
        code: "edge/src/server/listen.rs",
        to: "nothing: it listens on its socket and on the address given, 127.0.0.1 by default",
    },
    Opener {
        command: "edge serve",
        code: "edge/src/server/systemd.rs",
        to: "the socket of this machine's service manager",
    },
    Opener {
        command: "edge chat, ask, memory",
        code: "edge/src/server/client.rs",
        to: "the socket of this device's own server",
    },
];

/// What could open a connection, and what this process has open.
#[derive(Serialize)]
pub(super) struct Network {
    may_connect: &'static [Opener],
    /// Sockets open in this very process; nothing where the system does not say.
    open_sockets: Option<usize>,
}

impl Network {
    pub(super) fn new() -> Self {
        Self {
            may_connect: OPENERS,
            open_sockets: open_sockets(),
        }
    }
}

fn open_sockets() -> Option<usize> {
    let files = fs_err::read_dir("/proc/self/fd").ok()?;
    let targets = files.filter_map(|file| fs_err::read_link(file.ok()?.path()).ok());
    Some(
        targets
            .filter(|to| to.to_string_lossy().starts_with("socket:"))
            .count(),
    )
}

impl View for Network {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let mut table = Table::new(["only this may connect", "code", "to"]);
        for opener in self.may_connect {
            table.row([opener.command, opener.code, opener.to]);
        }
        ui.table(&table, "")?;
        match self.open_sockets {
            Some(n) => ui.line(&format!("sockets open in this process: {n}")),
            None => ui.line("the system does not tell which sockets are open"),
        }
    }
}
