//! Which model and which embedder the owner chose.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{ModelsError, make_folder, read_error, write_whole};

const FILE: &str = "choice.toml";

/// What the owner chose; `None` is what is compiled in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Choice {
    pub(super) model: Option<String>,
    pub(super) embedder: Option<String>,
}

impl Choice {
    /// What was chosen in `folder`; nothing where nobody chose.
    pub(super) fn read(folder: &Path) -> Result<Self, ModelsError> {
        let path = folder.join(FILE);
        match fs_err::read_to_string(&path) {
            Ok(text) => {
                toml::from_str(&text).map_err(|source| ModelsError::Choice { path, source })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(read_error(&path)(source)),
        }
    }

    /// Keeps the choice; the file appears whole.
    pub(super) fn write(&self, folder: &Path) -> Result<(), ModelsError> {
        make_folder(folder)?;
        let text = toml::to_string(self).unwrap_or_default();
        write_whole(&folder.join(FILE), text.as_bytes())
    }
}
