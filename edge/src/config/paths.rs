//! Where files belong (XDG Base Directory Specification 0.8).
//!
//! `SCRUBJAY_HOME` puts everything under one folder instead. Directories are made by
//! those who write into them, readable by their owner only.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::config::ConfigError;

/// The environment's variables, by name.
pub type Variables = BTreeMap<String, OsString>;

/// Where each kind of file belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The configuration file.
    pub config_file: PathBuf,
    /// The memory's environment.
    pub memory: PathBuf,
    /// Installed models and embedders.
    pub models: PathBuf,
    /// Trained adapters.
    pub adapters: PathBuf,
    /// What a person typed before, logs.
    pub state: PathBuf,
    /// What can be deleted at any moment.
    pub cache: PathBuf,
    /// Sockets; it ends with the owner's last session where the system has such a place.
    pub runtime: PathBuf,
}

impl Paths {
    /// Finds the directories from the environment.
    ///
    /// # Errors
    /// [`ConfigError::NoHome`] if neither `SCRUBJAY_HOME` nor `HOME` is set.
    pub fn find(variables: &Variables) -> Result<Self, ConfigError> {
        let folder = |name: &str| {
            variables
                .get(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        if let Some(home) = folder("SCRUBJAY_HOME") {
            return Ok(Self::under(&home));
        }
        let home = folder("HOME");
        // The specification wants relative paths ignored.
        let base = |name: &str, fallback: &str| {
            folder(name)
                .filter(|path| path.is_absolute())
                .or_else(|| home.as_ref().map(|home| home.join(fallback)))
                .map(|path| path.join("scrubjay"))
                .ok_or(ConfigError::NoHome)
        };
        let data = base("XDG_DATA_HOME", ".local/share")?;
        Ok(Self {
            config_file: base("XDG_CONFIG_HOME", ".config")?.join("edge.toml"),
            memory: data.join("memory"),
            models: data.join("models"),
            adapters: data.join("adapters"),
            runtime: base("XDG_RUNTIME_DIR", ".local/state")?,
            state: base("XDG_STATE_HOME", ".local/state")?,
            cache: base("XDG_CACHE_HOME", ".cache")?,
        })
    }

    fn under(home: &Path) -> Self {
        Self {
            config_file: home.join("edge.toml"),
            memory: home.join("memory"),
            models: home.join("models"),
            adapters: home.join("adapters"),
            state: home.join("state"),
            cache: home.join("cache"),
            runtime: home.join("run"),
        }
    }

    /// The file that holds what was typed in conversations.
    pub fn history(&self) -> PathBuf {
        self.state.join("chat-history")
    }

    /// The socket of the server.
    pub fn socket(&self) -> PathBuf {
        self.runtime.join("edge.sock")
    }

    /// Conversations as models have read them.
    pub fn snapshots(&self) -> PathBuf {
        self.cache.join("kv")
    }

    /// The file that holds the tokens of the server, hashed.
    pub fn tokens(&self) -> PathBuf {
        self.state.join("tokens.toml")
    }

    /// Names and places, in a fixed order.
    pub fn list(&self) -> [(&'static str, &Path); 7] {
        [
            ("config", &self.config_file),
            ("memory", &self.memory),
            ("models", &self.models),
            ("adapters", &self.adapters),
            ("state", &self.state),
            ("cache", &self.cache),
            ("runtime", &self.runtime),
        ]
    }
}
