//! `config`: show the settings, and where each comes from.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cli::App;
use crate::config::keys::KEYS;
use crate::ui::table::Table;
use crate::ui::{Ui, View, WriteError};

/// Show the configuration
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List every key with its value and where that comes from
    Show,
    /// List where files belong
    Path,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    match args.command {
        Command::Show => ui.show(&settings(app))?,
        Command::Path => ui.show(&Places(
            app.paths()
                .list()
                .map(|(name, path)| (name, path.display().to_string()))
                .into(),
        ))?,
    }
    Ok(())
}

#[derive(Serialize)]
struct Setting {
    key: &'static str,
    value: Option<toml::Value>,
    origin: Option<String>,
    variable: String,
    meaning: &'static str,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Settings(Vec<Setting>);

fn settings(app: &App) -> Settings {
    let setting = |key: &crate::config::keys::Key| {
        let found = app.resolved().value(key.path);
        Setting {
            key: key.path,
            value: found.map(|(value, _)| value.clone()),
            origin: found.map(|(_, origin)| origin.to_string()),
            variable: key.variable(),
            meaning: key.meaning,
        }
    };
    Settings(KEYS.iter().map(setting).collect())
}

impl View for Settings {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let mut table = Table::new(["key", "value", "from"]);
        for setting in &self.0 {
            let value = setting.value.as_ref().map(toml::Value::to_string);
            table.row([
                setting.key,
                value.as_deref().unwrap_or("(not set)"),
                setting.origin.as_deref().unwrap_or(""),
            ]);
        }
        ui.table(&table, "there are no settings")
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Places(BTreeMap<&'static str, String>);

impl View for Places {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let mut table = Table::new(["what", "where"]);
        for (name, path) in &self.0 {
            table.row([name, path]);
        }
        ui.table(&table, "there are no places")
    }
}
