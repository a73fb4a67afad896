//! One source of settings: a file, a variable, a flag, a board or the defaults.

use std::borrow::Borrow;
use std::path::Path;

use shared::board::Board;

use crate::config::{Config, ConfigError, Origin, keys};

/// Settings from one source, each known to be a key with a fitting value.
#[derive(Clone, Debug)]
pub struct Layer {
    pub(super) origin: Origin,
    table: toml::Table,
}

impl Layer {
    /// What holds when nobody says otherwise.
    pub(super) fn defaults() -> Self {
        Self {
            origin: Origin::Default,
            table: toml::Table::try_from(Config::default()).unwrap_or_default(),
        }
    }

    /// What suits a board.
    pub fn board(board: &Board) -> Self {
        let number = |n: u64| toml::Value::Integer(i64::try_from(n).unwrap_or(i64::MAX));
        let threads = board.threads;
        let name = board.kv_type.name().to_owned();
        let entries = [
            ("model.context", number(board.context.into())),
            ("model.threads", number(threads.decode.into())),
            ("model.threads_prefill", number(threads.prefill.into())),
            ("model.kv_type", toml::Value::String(name)),
            ("model.memory_budget_mib", number(board.memory_budget_mib)),
        ];
        Self {
            origin: Origin::Board(board.name.clone()),
            table: tree(entries),
        }
    }

    /// The text of a configuration file.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] if it is not TOML, or holds an unknown key or a value
    /// that does not fit.
    pub fn file(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let origin = Origin::File(path.to_owned());
        let parse = || {
            toml::from_str::<Config>(text)?;
            toml::from_str(text)
        };
        match parse() {
            Ok(table) => Ok(Self { origin, table }),
            Err(source) => Err(ConfigError::Invalid { origin, source }),
        }
    }

    /// One key's value from a flag or a variable, as a person writes it: text that is
    /// not a number, a truth value or a list need not be quoted.
    ///
    /// # Errors
    /// [`ConfigError`] if there is no such key or the value does not fit.
    pub fn setting(origin: Origin, key: &str, text: &str) -> Result<Self, ConfigError> {
        if !keys::is_known(key) {
            return Err(ConfigError::UnknownKey {
                key: key.to_owned(),
            });
        }
        let written = toml::from_str::<toml::Table>(&format!("value = {text}"))
            .ok()
            .and_then(|mut table| table.remove("value"));
        let quoted = toml::Value::String(text.to_owned());
        let first = written.unwrap_or_else(|| quoted.clone());
        let fits = |value: &toml::Value| -> Result<toml::Table, toml::de::Error> {
            let table = tree([(key, value)]);
            Config::try_from_table(&table).map(|_| table)
        };
        match fits(&first).or_else(|error| fits(&quoted).map_err(|_| error)) {
            Ok(table) => Ok(Self { origin, table }),
            Err(source) => Err(ConfigError::Invalid { origin, source }),
        }
    }

    /// A flag of the form `section.name=value`.
    ///
    /// # Errors
    /// [`ConfigError`] if it has another form, names no key or the value does not fit.
    pub fn flag(text: &str) -> Result<Self, ConfigError> {
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| ConfigError::NotASetting {
                text: text.to_owned(),
            })?;
        Self::setting(Origin::Flag, key.trim(), value.trim())
    }

    /// Keys and values, each key as `section.name`.
    pub(super) fn entries(self) -> impl Iterator<Item = (String, toml::Value)> {
        self.table.into_iter().flat_map(|(section, value)| {
            let toml::Value::Table(table) = value else {
                return vec![(section, value)];
            };
            table
                .into_iter()
                .map(|(name, value)| (format!("{section}.{name}"), value))
                .collect()
        })
    }
}

impl Config {
    fn try_from_table(table: &toml::Table) -> Result<Self, toml::de::Error> {
        table.clone().try_into()
    }
}

/// The table that holds these keys (`section.name`).
pub(super) fn tree<K: AsRef<str>, V: Borrow<toml::Value>>(
    entries: impl IntoIterator<Item = (K, V)>,
) -> toml::Table {
    let mut root = toml::Table::new();
    for (key, value) in entries {
        let Some((section, name)) = key.as_ref().split_once('.') else {
            continue;
        };
        let section = root
            .entry(section)
            .or_insert_with(|| toml::Value::Table(toml::Table::new()));
        if let toml::Value::Table(section) = section {
            section.insert(name.to_owned(), value.borrow().clone());
        }
    }
    root
}
