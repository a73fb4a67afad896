//! `token`: who may use the server from elsewhere.

use serde::Serialize;

use crate::cli::App;
use crate::server::access::token::{Kept, Scope, Scopes, Tokens};
use crate::ui::table::Table;
use crate::ui::{Ui, View, WriteError};

/// Make, list and revoke tokens for the server
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token; it is shown once
    New {
        /// What to call it
        name: String,
        /// What it allows
        #[arg(long = "scope", value_enum, default_values_t = [Scope::Chat, Scope::Memory])]
        scopes: Vec<Scope>,
    },
    /// List tokens, the oldest first
    List,
    /// Take a token back; it ends with the next request
    Revoke {
        /// What it is called
        name: String,
    },
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let tokens = Tokens::new(app.paths().tokens());
    match &args.command {
        Command::New { name, scopes } => {
            let scopes = Scopes::new(scopes.clone());
            let token = tokens.create(name, scopes, rand::random(), app.now())?;
            ui.note("keep it well: it is not shown again")?;
            ui.show(&Made { token })?;
        }
        Command::List => {
            let kept = tokens.list()?;
            ui.show(&List(kept.into_iter().map(Shown::from).collect()))?;
        }
        Command::Revoke { name } => {
            tokens.revoke(name)?;
            ui.note(&format!("revoked: {name}"))?;
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct Made {
    token: String,
}

impl View for Made {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        ui.line(&self.token)
    }
}

/// A token without what it is checked by.
#[derive(Serialize)]
struct Shown {
    name: String,
    scopes: Scopes,
    created: String,
}

impl From<Kept> for Shown {
    fn from(kept: Kept) -> Self {
        Self {
            name: kept.name,
            scopes: kept.scopes,
            created: kept.created,
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct List(Vec<Shown>);

impl View for List {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let mut table = Table::new(["name", "scopes", "created"]);
        for token in &self.0 {
            table.row([&token.name, &token.scopes.names(), &token.created]);
        }
        ui.table(&table, "there are no tokens yet")
    }
}
