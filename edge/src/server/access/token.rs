//! Tokens: who may ask for what.
//!
//! A token is 32 random bytes; the file keeps its SHA-256 and never itself. So much
//! randomness needs no slow hash: nobody can try them all.
//!
//! # Invariants
//! - The file is its owner's alone and is replaced whole; writers take turns.
//! - It is read anew when it has changed: what is revoked ends with the next request.
//! - A token is compared in constant time with every one that is kept.

use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use shared::clock::Timestamp;
use subtle::ConstantTimeEq as _;

/// What our tokens begin with.
const PREFIX: &str = "sj-";
/// Most tokens at once.
const MOST: usize = 256;

/// Whether a text looks like one of our tokens.
pub(in crate::server) fn looks_like_ours(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// What a token allows.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Answers and embeddings.
    Chat,
    /// What is remembered: to read it, to change it, to use it in answers.
    Memory,
    /// The state of the server.
    Admin,
}

impl Scope {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Memory => "memory",
            Self::Admin => "admin",
        }
    }
}

/// Several scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// These scopes.
    pub fn new(mut scopes: Vec<Scope>) -> Self {
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }

    /// Every scope.
    pub fn all() -> Self {
        Self(vec![Scope::Chat, Scope::Memory, Scope::Admin])
    }

    /// Whether a scope is among them.
    pub fn has(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Their names, with commas between.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|scope| scope.name()).collect();
        names.join(", ")
    }
}

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// What its owner calls it.
    pub name: String,
    /// What it allows.
    pub scopes: Scopes,
    /// When it was made, RFC 3339.
    pub created: String,
    /// SHA-256 of the token, in hexadecimal.
    hash: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Kept>,
}

/// Why tokens cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The file cannot be read or written.
    #[error("cannot use the file of tokens {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("the file of tokens {path} is not valid")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: toml::de::Error,
    },
    /// The name is in use.
    #[error("a token is called {name:?} already")]
    Taken {
        /// The name.
        name: String,
    },
    /// Nothing has this name.
    #[error("no token is called {name:?}")]
    Unknown {
        /// The name.
        name: String,
    },
    /// There are too many.
    #[error("there are {MOST} tokens already")]
    TooMany,
}

/// The tokens in a file.
#[derive(Debug)]
pub struct Tokens {
    path: PathBuf,
    read: Mutex<Read>,
}

/// The file as it was read.
#[derive(Debug, Default)]
struct Read {
    /// Inode, length and time of change; `None`: there was no file.
    stamp: Option<(u64, u64, i64, i64)>,
    kept: Vec<Kept>,
}

impl Tokens {
    /// The tokens in the file at `path`, which need not be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            read: Mutex::default(),
        }
    }

    /// Every token, the oldest first.
    ///
    /// # Errors
    /// [`TokenError`] if the file cannot be read.
    pub fn list(&self) -> Result<Vec<Kept>, TokenError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = match fs_err::metadata(&self.path) {
            Ok(file) => Some((file.ino(), file.len(), file.mtime(), file.mtime_nsec())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(self.failed(source)),
        };
        if stamp != read.stamp {
            read.kept = self.load()?;
            read.stamp = stamp;
        }
        Ok(read.kept.clone())
    }

    /// What a token allows; nothing if it is none of ours.
    ///
    /// # Errors
    /// [`TokenError`] if the file cannot be read.
    pub fn scopes(&self, token: &str) -> Result<Option<Scopes>, TokenError> {
        let hash = hash(token);
        let mut found = None;
        for kept in self.list()? {
            if bool::from(kept.hash.as_bytes().ct_eq(hash.as_bytes())) {
                found = Some(kept.scopes);
            }
        }
        Ok(found)
    }

    /// Makes a token of 32 random bytes. It is not shown again.
    ///
    /// # Errors
    /// [`TokenError`]; there is no new token then.
    pub fn create(
        &self,
        name: &str,
        scopes: Scopes,
        random: [u8; 32],
        now: Timestamp,
    ) -> Result<String, TokenError> {
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
        self.change(|kept| {
            if kept.iter().any(|kept| kept.name == name) {
                return Err(TokenError::Taken {
                    name: name.to_owned(),
                });
            }
            if kept.len() >= MOST {
                return Err(TokenError::TooMany);
            }
            kept.push(Kept {
                name: name.to_owned(),
                scopes,
                created: now.to_string(),
                hash: hash(&token),
            });
            Ok(())
        })?;
        Ok(token)
    }

    /// Takes a token back, by its name.
    ///
    /// # Errors
    /// [`TokenError::Unknown`] if there is none.
    pub fn revoke(&self, name: &str) -> Result<(), TokenError> {
        self.change(|kept| {
            let at = kept.iter().position(|kept| kept.name == name);
            let at = at.ok_or_else(|| TokenError::Unknown {
                name: name.to_owned(),
            })?;
            kept.remove(at);
            Ok(())
        })
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Vec<Kept>) -> Result<(), TokenError>,
    ) -> Result<(), TokenError> {
        let _turn = self.turn().map_err(|source| self.failed(source))?;
        let mut kept = self.load()?;
        change(&mut kept)?;
        let text = toml::to_string(&File { token: kept }).unwrap_or_default();
        write(&self.path, &text).map_err(|source| self.failed(source))
    }

    /// Waits for other writers; the turn ends when the file is dropped.
    fn turn(&self) -> io::Result<fs_err::File> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs_err::create_dir_all(folder)?;
        let lock = private(&self.path.with_extension("lock"))?;
        lock.lock()?;
        Ok(lock)
    }

    fn load(&self) -> Result<Vec<Kept>, TokenError> {
        let text = match fs_err::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(self.failed(source)),
        };
        let file: File = toml::from_str(&text).map_err(|source| TokenError::Invalid {
            path: self.path.clone(),
            source,
        })?;
        Ok(file.token)
    }

    fn failed(&self, source: io::Error) -> TokenError {
        TokenError::File {
            path: self.path.clone(),
            source,
        }
    }
}

/// A file that its owner alone may read.
fn private(path: &Path) -> io::Result<fs_err::File> {
    let mut options = fs_err::File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = private(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs_err::rename(new, path)
}

fn hash(token: &str) -> String {
    let digest = Sha256::digest(token.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(0);

    fn chat() -> Scopes {
        Scopes::new(vec![Scope::Chat])
    }

    #[test]
    fn a_token_opens_until_it_is_revoked_and_is_never_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/tokens.toml");
        let (ours, servers) = (Tokens::new(&path), Tokens::new(&path));
        assert_eq!(servers.scopes("sj-nothing").unwrap(), None);

        let token = ours.create("phone", chat(), [7; 32], NOW).unwrap();
        assert_eq!(servers.scopes(&token).unwrap(), Some(chat()));
        let file = fs_err::read_to_string(&path).unwrap();
        assert!(!file.contains(&token[3..]), "{file}");
        let mode = fs_err::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        ours.revoke("phone").unwrap();
        assert_eq!(servers.scopes(&token).unwrap(), None);
        let again = ours.revoke("phone");
        assert!(
            matches!(again, Err(TokenError::Unknown { .. })),
            "{again:?}"
        );
    }

    #[test]
    fn a_name_is_given_once() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::new(folder.path().join("tokens.toml"));
        tokens.create("phone", chat(), [1; 32], NOW).unwrap();
        let again = tokens.create("phone", chat(), [2; 32], NOW);
        assert!(matches!(again, Err(TokenError::Taken { .. })), "{again:?}");
        assert_eq!(tokens.list().unwrap().len(), 1);
    }

    /// A file that cannot be read lets nobody in.
    #[test]
    fn a_damaged_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.toml");
        fs_err::write(&path, "token = 3").unwrap();
        let read = Tokens::new(&path).scopes("sj-x");
        assert!(matches!(read, Err(TokenError::Invalid { .. })), "{read:?}");
    }
}
