//! What commands share: configuration at once, memory and model on first use.

use std::cell::{RefCell, RefMut};
use std::io;

use anyhow::Context as _;
use shared::clock::Timestamp;

use crate::cli::Env;
use crate::cli::input::Input;
use crate::config::layer::Layer;
use crate::config::paths::Paths;
use crate::config::{Config, ConfigError, Origin, Resolved, keys};
use crate::ui::Ui;

/// Variables that begin like a key's and are none.
const OTHER_VARIABLES: &[&str] = &["SCRUBJAY_HOME", "SCRUBJAY_LOG"];

/// What commands share.
pub struct App {
    env: RefCell<Env>,
    paths: Paths,
    resolved: Resolved,
}

impl App {
    /// Finds the directories and resolves the configuration; `settings` are flags of
    /// the form `section.name=value`.
    ///
    /// # Errors
    /// When the configuration is not valid.
    pub(super) fn open(env: Env, settings: &[String], ui: &mut Ui) -> anyhow::Result<Self> {
        let paths = Paths::find(&env.variables)?;
        let mut layers = Vec::new();
        layers.extend(file_layer(&paths)?);
        layers.extend(variable_layers(&env, ui)?);
        for setting in settings {
            layers.push(Layer::flag(setting)?);
        }
        Ok(Self {
            resolved: Resolved::new(layers)?,
            env: RefCell::new(env),
            paths,
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

    /// Where files belong.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Standard input. Held by one reader at a time.
    pub fn input(&self) -> RefMut<'_, Input> {
        RefMut::map(self.env.borrow_mut(), |env| &mut env.input)
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.env.borrow().clock.now()
    }
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
