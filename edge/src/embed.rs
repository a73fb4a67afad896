//! Text to vectors: the only caller of tract and tokenizers.
//!
//! An embedder is a folder of three files: `embedder.toml` ([`settings`]), `model.onnx`
//! and `tokenizer.json`. The built-in one, a table of token vectors distilled from
//! MiniLM, is compiled into the program.
//!
//! # Invariants
//! - One plan per network, its batch and length left open, shared by all threads.
//! - A batch holds texts of equal length: nothing is padded, no mask decides a result.
//! - The id holds a digest of all three files, so vectors of two embedders never mix.
//!
//! Units: lengths in tokens.

mod bert;
mod cache;
pub mod minilm;
mod network;
mod settings;

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tokenizers::{Tokenizer, TruncationParams};

use crate::memory::embedder::{EmbedError, Embedder, Purpose, normalise};
use cache::{Cache, Key};
use network::Network;
use settings::{Normalise, Settings};

/// The file that describes an embedder.
pub const SETTINGS_FILE: &str = "embedder.toml";
/// The file that holds an embedder's network.
pub const MODEL_FILE: &str = "model.onnx";
/// The file that holds an embedder's vocabulary.
pub const TOKENIZER_FILE: &str = "tokenizer.json";

/// Texts run through the network together, at most.
const MAX_BATCH: usize = 32;
/// Vectors kept in memory, at most: 4 MB at 256 dimensions.
const CACHED_VECTORS: usize = 4_096;

/// Why an embedder could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A file is missing or cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The settings are not TOML of the known keys.
    #[error("{path} does not describe an embedder")]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: settings::SettingsError,
    },
    /// The vocabulary cannot be used.
    #[error("{path} is not a tokenizer")]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What the tokenizer library says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The network cannot be loaded.
    #[error("{path} is not a network that can be run here")]
    Network {
        /// The file.
        path: PathBuf,
        /// What the runtime says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The network runs, but not as the settings promise.
    #[error("{path} does not fit its {SETTINGS_FILE}")]
    Mismatch {
        /// The network's file.
        path: PathBuf,
        /// What the trial run gave.
        source: EmbedError,
    },
}

/// The three files of an embedder, read; `folder` is for messages only.
struct Files<'a> {
    folder: &'a Path,
    settings: &'a [u8],
    model: &'a [u8],
    tokenizer: &'a [u8],
}

/// Opens the embedder that is compiled into this program.
///
/// # Errors
/// [`OpenError`] only if the program was built from broken assets.
pub fn builtin() -> Result<Arc<dyn Embedder>, OpenError> {
    let files = Files {
        folder: Path::new("(built in)"),
        settings: include_bytes!("../assets/embedder/embedder.toml"),
        model: include_bytes!("../assets/embedder/model.onnx"),
        tokenizer: include_bytes!("../assets/embedder/tokenizer.json"),
    };
    Ok(Arc::new(OnnxEmbedder::new(&files)?))
}

/// Opens the embedder in a folder of `embedder.toml`, `model.onnx` and `tokenizer.json`.
///
/// # Errors
/// [`OpenError`] names the file that is missing, unreadable or does not fit the others.
pub fn open(dir: &Path) -> Result<Arc<dyn Embedder>, OpenError> {
    let read = |name: &str| {
        let path = dir.join(name);
        fs_err::read(&path).map_err(|source| OpenError::Read { path, source })
    };
    let (settings, model, tokenizer) = (
        read(SETTINGS_FILE)?,
        read(MODEL_FILE)?,
        read(TOKENIZER_FILE)?,
    );
    let files = Files {
        folder: dir,
        settings: &settings,
        model: &model,
        tokenizer: &tokenizer,
    };
    Ok(Arc::new(OnnxEmbedder::new(&files)?))
}

/// A sentence embedder whose network is an ONNX file.
struct OnnxEmbedder {
    id: String,
    settings: Settings,
    tokenizer: Tokenizer,
    network: Network,
    cache: Mutex<Cache>,
}

impl OnnxEmbedder {
    fn new(files: &Files<'_>) -> Result<Self, OpenError> {
        let path = |name: &str| files.folder.join(name);
        let settings = Settings::parse(files.settings).map_err(|source| OpenError::Settings {
            path: path(SETTINGS_FILE),
            source,
        })?;
        let tokenizer = load_tokenizer(files.tokenizer, settings.max_tokens).map_err(|source| {
            OpenError::Tokenizer {
                path: path(TOKENIZER_FILE),
                source,
            }
        })?;
        let network =
            Network::load(files.model, &settings).map_err(|source| OpenError::Network {
                path: path(MODEL_FILE),
                source,
            })?;
        let embedder = Self {
            id: format!(
                "{}-{}@{}",
                settings.name,
                settings.dimensions,
                digest(files)
            ),
            settings,
            tokenizer,
            network,
            cache: Mutex::new(Cache::new(CACHED_VECTORS)),
        };
        embedder.try_out().map_err(|source| OpenError::Mismatch {
            path: path(MODEL_FILE),
            source,
        })?;
        Ok(embedder)
    }

    /// Runs the last token of the vocabulary: what is too large for the network, or has
    /// another shape than promised, shows when the embedder is opened.
    fn try_out(&self) -> Result<(), EmbedError> {
        let last = self.tokenizer.get_vocab_size(true).saturating_sub(1) as i64;
        self.run(&[&[last]]).map(|_| ())
    }

    /// The tokens of a text behind the prefix for its purpose.
    fn tokens(&self, purpose: Purpose, text: &str) -> Result<Vec<i64>, EmbedError> {
        let prefix = match purpose {
            Purpose::Query => &self.settings.query_prefix,
            Purpose::Passage => &self.settings.passage_prefix,
        };
        let encoded = if prefix.is_empty() {
            self.tokenizer.encode_fast(text, true)
        } else {
            self.tokenizer.encode_fast(format!("{prefix}{text}"), true)
        };
        let encoding = encoded.map_err(|source| EmbedError::Tokenize {
            embedder: self.id.clone(),
            source,
        })?;
        Ok(encoding.get_ids().iter().map(|id| i64::from(*id)).collect())
    }

    /// Runs texts of equal length through the network.
    fn run(&self, batch: &[&[i64]]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut vectors = self.network.run(&self.id, batch)?;
        for vector in &mut vectors {
            if vector.len() != self.settings.dimensions {
                return Err(EmbedError::Shape {
                    embedder: self.id.clone(),
                    found: vector.len(),
                    expected: self.settings.dimensions,
                });
            }
            if vector.iter().any(|value| !value.is_finite()) {
                return Err(EmbedError::NotFinite {
                    embedder: self.id.clone(),
                });
            }
            if self.settings.normalise == Normalise::Here {
                normalise(vector);
            }
        }
        Ok(vectors)
    }

    /// Embeds texts that the cache does not know.
    fn compute(&self, purpose: Purpose, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let tokens = texts
            .iter()
            .map(|text| self.tokens(purpose, text))
            .collect::<Result<Vec<_>, _>>()?;
        let mut by_length: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, tokens) in tokens.iter().enumerate() {
            by_length.entry(tokens.len()).or_default().push(at);
        }
        by_length.remove(&0);

        let mut vectors = vec![vec![0.0; self.settings.dimensions]; texts.len()];
        for batch in by_length.values().flat_map(|same| same.chunks(MAX_BATCH)) {
            let rows: Vec<&[i64]> = batch.iter().map(|at| tokens[*at].as_slice()).collect();
            for (at, vector) in batch.iter().zip(self.run(&rows)?) {
                vectors[*at] = vector;
            }
        }
        Ok(vectors)
    }
}

impl Embedder for OnnxEmbedder {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimensions(&self) -> usize {
        self.settings.dimensions
    }

    fn embed(&self, purpose: Purpose, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let keys: Vec<Key> = texts.iter().map(|text| Key::of(purpose, text)).collect();
        let mut found: Vec<Option<Vec<f32>>> = {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            keys.iter().map(|key| cache.find(key)).collect()
        };
        let missing: Vec<usize> = (0..texts.len()).filter(|at| found[*at].is_none()).collect();
        if !missing.is_empty() {
            let unknown: Vec<&str> = missing.iter().map(|at| texts[*at]).collect();
            let vectors = self.compute(purpose, &unknown)?;
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            for (at, vector) in missing.into_iter().zip(vectors) {
                cache.insert(keys[at], vector.clone());
                found[at] = Some(vector);
            }
        }
        Ok(found.into_iter().flatten().collect())
    }
}

/// A tokenizer that never pads, and cuts at `max_tokens`, whatever its file says.
fn load_tokenizer(
    bytes: &[u8],
    max_tokens: usize,
) -> Result<Tokenizer, Box<dyn Error + Send + Sync>> {
    let mut tokenizer = Tokenizer::from_bytes(bytes)?;
    tokenizer.with_padding(None);
    tokenizer.with_truncation(Some(TruncationParams {
        max_length: max_tokens,
        ..TruncationParams::default()
    }))?;
    Ok(tokenizer)
}

/// The first eight hexadecimal digits of the SHA-256 of all three files.
fn digest(files: &Files<'_>) -> String {
    let mut hash = Sha256::new();
    for part in [files.settings, files.model, files.tokenizer] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests;
