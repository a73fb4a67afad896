//! Configuration, resolved once: flag > environment > file > board > default.
//!
//! One struct, [`Config`]; every key is `section.name`, stands in [`keys::KEYS`] with
//! its meaning, and may be set in `edge.toml`, by `SCRUBJAY_SECTION_NAME` or by
//! `--set section.name=value`. [`Resolved`] remembers where each value came from.
//!
//! # Invariants
//! - An unknown key is refused, never ignored.
//! - Nothing here reads files, variables or the clock: layers come in, values go out.

pub mod keys;
pub mod layer;
pub mod paths;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use shared::board::{BoardError, KvType};
use shared::redact::Rules;

use crate::config::layer::Layer;
use crate::memory::query::MemoryUse;
use crate::memory::retain::Policy;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is there and cannot be read.
    #[error("cannot read the configuration file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A layer holds something that is not a known key with a fitting value.
    #[error("the configuration in {origin} is not valid")]
    Invalid {
        /// Where it stands.
        origin: Origin,
        /// What is wrong, and where.
        source: toml::de::Error,
    },
    /// A setting names no key.
    #[error("{key:?} names no configuration key")]
    UnknownKey {
        /// What was given.
        key: String,
    },
    /// A setting is not of the form `section.name=value`.
    #[error("{text:?} is not of the form section.name=value")]
    NotASetting {
        /// What was given.
        text: String,
    },
    /// No profile has this name.
    #[error("there is no board profile {name:?}")]
    UnknownBoard {
        /// What was asked for.
        name: String,
    },
    /// A profile that is compiled in is wrong.
    #[error("the board profiles cannot be read")]
    Boards {
        /// What is wrong.
        source: BoardError,
    },
    /// Nothing says where files belong.
    #[error("neither SCRUBJAY_HOME nor HOME says where files belong")]
    NoHome,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag on the command line.
    Flag,
    /// This environment variable.
    Variable(String),
    /// This file.
    File(PathBuf),
    /// The profile of this board.
    Board(String),
    /// Nobody said otherwise.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Board(name) => write!(f, "board {name}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Every setting. What the keys mean stands in [`keys::KEYS`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The hardware.
    pub device: DeviceConfig,
    /// Which model runs, and how.
    pub model: ModelConfig,
    /// How answers are made.
    pub answer: AnswerConfig,
    /// What is recalled.
    pub memory: MemoryConfig,
    /// What is never kept.
    pub redact: Rules,
    /// How much is kept, and for how long.
    pub retain: Policy,
    /// How this device serves other programs.
    pub server: ServerConfig,
}

/// The hardware.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceConfig {
    /// A board's name, or `auto`.
    pub board: String,
}

/// Which model runs, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// An installed model or a GGUF file.
    pub name: Option<String>,
    /// Tokens of context.
    pub context: Option<u32>,
    /// Threads that generate.
    pub threads: Option<u32>,
    /// Threads that read the prompt.
    pub threads_prefill: Option<u32>,
    /// Type of the KV cache.
    pub kv_type: Option<KvType>,
    /// Whether the file is mapped rather than read.
    pub mmap: bool,
    /// Whether weights are rearranged for the processor.
    pub repack: bool,
    /// Memory that model and KV cache may take, in MiB.
    pub memory_budget_mib: Option<u64>,
    /// What read conversations may take on disk, in MiB; 0 keeps none.
    pub snapshots_mib: u64,
}

/// How answers are made; what is unset is what suits the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnswerConfig {
    /// Most tokens of an answer.
    pub max_tokens: usize,
    /// Randomness; 0 always takes the likeliest token.
    pub temperature: Option<f32>,
    /// Choose among this many; 0 among all.
    pub top_k: Option<u32>,
    /// Choose among the likeliest with this much probability together.
    pub top_p: Option<f32>,
    /// Choose among those at least this likely, against the likeliest.
    pub min_p: Option<f32>,
    /// Penalty on tokens used lately; 1 is none.
    pub repeat_penalty: Option<f32>,
    /// Makes random answers repeatable.
    pub seed: Option<u32>,
}

/// What is recalled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryConfig {
    /// Whether anything is recalled or kept.
    pub enabled: bool,
    /// Memories shown to the model, at most.
    pub recall_limit: usize,
    /// Tokens that these may take together.
    pub recall_tokens: usize,
    /// An installed embedder; nothing means the built-in one.
    pub embedder: Option<String>,
}

/// How this device serves other programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// The address to listen on, beside the socket.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Whether a token is needed on this machine, too.
    pub require_token: bool,
    /// What a request with a token gets that says nothing of memory.
    pub memory: MemoryUse,
    /// Names of this machine that browsers may use.
    pub hosts: Vec<String>,
    /// Answers that are made at once.
    pub slots: usize,
    /// Requests that may wait for one.
    pub queue: usize,
    /// Seconds that running answers are given when the server is stopped.
    pub stop_seconds: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST.into(),
            port: 7_411,
            require_token: false,
            memory: MemoryUse::Use,
            hosts: Vec::new(),
            slots: 4,
            queue: 32,
            stop_seconds: 20,
        }
    }
}

impl Default for DeviceConfig {
    fn default() -> Self {
        Self {
            board: "auto".to_owned(),
        }
    }
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            name: None,
            context: None,
            threads: None,
            threads_prefill: None,
            kv_type: None,
            mmap: true,
            repack: false,
            memory_budget_mib: None,
            snapshots_mib: 1_024,
        }
    }
}

impl Default for AnswerConfig {
    fn default() -> Self {
        Self {
            max_tokens: 512,
            temperature: None,
            top_k: None,
            top_p: None,
            min_p: None,
            repeat_penalty: None,
            seed: None,
        }
    }
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            recall_limit: 5,
            recall_tokens: 512,
            embedder: None,
        }
    }
}

/// The configuration with the origin of every value.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The values.
    pub config: Config,
    values: BTreeMap<String, (toml::Value, Origin)>,
}

impl Resolved {
    /// Lays layers over the defaults; a later layer wins.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] names the layer that does not fit.
    pub fn new(layers: impl IntoIterator<Item = Layer>) -> Result<Self, ConfigError> {
        let mut values = BTreeMap::new();
        let mut config = Config::default();
        for layer in std::iter::once(Layer::defaults()).chain(layers) {
            let origin = layer.origin.clone();
            for (key, value) in layer.entries() {
                values.insert(key, (value, origin.clone()));
            }
            config = layer::tree(values.iter().map(|(key, (value, _))| (key, value)))
                .try_into()
                .map_err(|source| ConfigError::Invalid { origin, source })?;
        }
        Ok(Self { config, values })
    }

    /// A key's value as TOML and its origin; nothing if it is not set.
    pub fn value(&self, key: &str) -> Option<(&toml::Value, &Origin)> {
        self.values.get(key).map(|(value, origin)| (value, origin))
    }
}

#[cfg(test)]
mod tests;
