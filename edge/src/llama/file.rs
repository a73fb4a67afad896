//! What a model file says of itself, read before llama.cpp sees it.

use std::io::Read as _;
use std::path::Path;

use shared::board::KvType;

const MAGIC: &[u8; 4] = b"GGUF";

/// What a file's header says.
#[derive(Clone, Debug)]
pub struct Header {
    /// The architecture it names.
    pub architecture: String,
    /// Its size.
    pub file_bytes: u64,
}

/// Memory that a model takes, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The weights.
    pub weights: u64,
    /// Keys and values of read tokens.
    pub kv: u64,
    /// Working memory.
    pub compute: u64,
}

impl Need {
    /// All of it.
    pub const fn total(&self) -> u64 {
        self.weights + self.kv + self.compute
    }
}

impl Header {
    /// What the model needs with a context of `tokens`.
    pub fn need(&self, _tokens: u32, _kv_type: KvType) -> Need {
        Need {
            weights: self.file_bytes,
            kv: 0,
            compute: 0,
        }
    }
}

/// What is wrong with a model file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system cannot read it.
    #[error("the file cannot be read")]
    Read {
        /// What the system says.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("the file is not GGUF")]
    NotGguf,
}

/// Reads a file's header.
///
/// # Errors
/// [`FileError`].
pub fn read(path: &Path) -> Result<Header, FileError> {
    let fail = |source| FileError::Read { source };
    let mut file = fs_err::File::open(path).map_err(fail)?;
    let file_bytes = file.metadata().map_err(fail)?.len();
    let mut magic = [0; 4];
    if file.read_exact(&mut magic).is_err() || magic != *MAGIC {
        return Err(FileError::NotGguf);
    }
    Ok(Header {
        architecture: String::new(),
        file_bytes,
    })
}
