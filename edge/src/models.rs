//! Which models are on this device.
//!
//! A folder of GGUF files, each with a record beside it of where it came from and what
//! its digest is; folders in it are embedders. The model that is compiled into the
//! program, `nano`, is always there and is written to the cache when it is first used.
//!
//! # Invariants
//! - A model's file and record appear whole or not at all; a file without a record is
//!   listed without a digest.
//! - Nothing here looks into a model: what a file is, its loader says.
//!
//! Units: sizes in bytes; digests are SHA-256 in hexadecimal.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

mod choice;
pub mod fetch;
pub mod source;

use choice::Choice;
use source::{Name, SourceError};

/// The name of the model that is compiled in.
pub const NANO: &str = "nano";
/// The name of the embedder that is compiled in.
pub const BUILTIN_EMBEDDER: &str = "builtin";

const NANO_BYTES: &[u8] = include_bytes!("../assets/nano.gguf");
const MODEL_ENDING: &str = "gguf";
const RECORD_ENDING: &str = "toml";
/// The file that makes a folder an embedder.
const EMBEDDER_FILE: &str = "embedder.toml";

/// A model that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// What it is called.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its digest, if it is known.
    pub digest: Option<String>,
    /// Where it came from.
    pub origin: Origin,
}

/// Where a model came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is part of this program.
    BuiltIn,
    /// It was fetched from this address, or added from this path.
    From(String),
    /// It is a file outside the folder, named by its path.
    Outside,
    /// Nobody wrote it down.
    Unknown,
}

/// What stands beside a model's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    digest: String,
    bytes: u64,
    from: String,
}

/// The models on this device.
#[derive(Clone, Debug)]
pub struct Catalogue {
    folder: PathBuf,
    cache: PathBuf,
}

impl Catalogue {
    /// The models in `folder`; what can be made anew goes to `cache`. Touches no disk.
    pub fn new(folder: impl Into<PathBuf>, cache: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            cache: cache.into(),
        }
    }

    /// Every model, the one that is compiled in first, then by name.
    ///
    /// # Errors
    /// [`ModelsError::Read`] if the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Installed>, ModelsError> {
        let mut models = vec![self.nano_unwritten()];
        for path in self.entries()? {
            let is_model = path.extension().is_some_and(|e| e == MODEL_ENDING);
            if let (true, Some(stem)) = (is_model, path.file_stem()) {
                models.push(self.installed(&stem.to_string_lossy(), path.clone())?);
            }
        }
        models[1..].sort_by(|a, b| a.name.cmp(&b.name));
        Ok(models)
    }

    /// Every embedder by name, the one that is compiled in first.
    ///
    /// # Errors
    /// [`ModelsError::Read`] if the folder cannot be read.
    pub fn embedders(&self) -> Result<Vec<String>, ModelsError> {
        let mut names = vec![BUILTIN_EMBEDDER.to_owned()];
        for path in self.entries()? {
            if let (true, Some(name)) = (path.join(EMBEDDER_FILE).is_file(), path.file_name()) {
                names.push(name.to_string_lossy().into_owned());
            }
        }
        names[1..].sort();
        Ok(names)
    }

    /// The model called `name`: an installed one, the one that is compiled in, or a file
    /// named by its path. Its file is there afterwards.
    ///
    /// # Errors
    /// [`ModelsError::Unknown`] if there is none; others if it cannot be read.
    pub fn find(&self, name: &str) -> Result<Installed, ModelsError> {
        if name == NANO {
            return self.nano();
        }
        if let Ok(known) = name.parse::<Name>() {
            let path = self.file(&known);
            if path.is_file() {
                return self.installed(name, path);
            }
        }
        let path = Path::new(name);
        if !path.is_file() {
            return Err(ModelsError::Unknown {
                name: name.to_owned(),
            });
        }
        let stem = path.file_stem().unwrap_or_default();
        Ok(Installed {
            name: stem.to_string_lossy().into_owned(),
            bytes: size(path)?,
            path: path.to_path_buf(),
            digest: None,
            origin: Origin::Outside,
        })
    }

    /// The folder of the embedder called `name`; `None` for the one that is compiled in.
    ///
    /// # Errors
    /// [`ModelsError::Unknown`] if there is none.
    pub fn find_embedder(&self, name: &str) -> Result<Option<PathBuf>, ModelsError> {
        if name == BUILTIN_EMBEDDER {
            return Ok(None);
        }
        let path = self.folder.join(name.parse::<Name>()?.as_str());
        if path.join(EMBEDDER_FILE).is_file() {
            return Ok(Some(path));
        }
        Err(ModelsError::Unknown {
            name: name.to_owned(),
        })
    }

    /// The name of the model that was chosen, or of the one that is compiled in.
    ///
    /// # Errors
    /// [`ModelsError::Choice`] if the choice cannot be read.
    pub fn chosen(&self) -> Result<String, ModelsError> {
        Ok(Choice::read(&self.folder)?
            .model
            .unwrap_or_else(|| NANO.to_owned()))
    }

    /// The name of the embedder that was chosen, or of the one that is compiled in.
    ///
    /// # Errors
    /// [`ModelsError::Choice`] if the choice cannot be read.
    pub fn chosen_embedder(&self) -> Result<String, ModelsError> {
        let chosen = Choice::read(&self.folder)?.embedder;
        Ok(chosen.unwrap_or_else(|| BUILTIN_EMBEDDER.to_owned()))
    }

    /// Chooses a model for the conversations to come.
    ///
    /// # Errors
    /// [`ModelsError::Unknown`] if there is none of that name.
    pub fn choose(&self, name: &str) -> Result<Installed, ModelsError> {
        let model = self.find(name)?;
        let mut choice = Choice::read(&self.folder)?;
        choice.model = Some(match model.origin {
            Origin::Outside => absolute(&model.path)?.to_string_lossy().into_owned(),
            _ => name.to_owned(),
        });
        choice.write(&self.folder)?;
        Ok(model)
    }

    /// Chooses an embedder; memory is embedded anew with it.
    ///
    /// # Errors
    /// [`ModelsError::Unknown`] if there is none of that name.
    pub fn choose_embedder(&self, name: &str) -> Result<(), ModelsError> {
        self.find_embedder(name)?;
        let mut choice = Choice::read(&self.folder)?;
        choice.embedder = Some(name.to_owned());
        choice.write(&self.folder)
    }

    /// Where a model of this name lies, or would.
    pub fn file(&self, name: &Name) -> PathBuf {
        self.folder.join(format!("{name}.{MODEL_ENDING}"))
    }

    /// Where an embedder of this name lies, or would.
    pub fn embedder_folder(&self, name: &Name) -> PathBuf {
        self.folder.join(name.as_str())
    }

    /// The file to fetch a model of this name into, its folder made; it belongs to no
    /// model yet.
    ///
    /// # Errors
    /// [`ModelsError::Taken`] if the name is in use.
    pub fn incoming(&self, name: &Name) -> Result<PathBuf, ModelsError> {
        self.refuse_taken(name)?;
        let folder = self.folder.join("incoming");
        make_folder(&folder)?;
        Ok(folder.join(format!("{name}.{MODEL_ENDING}")))
    }

    /// Makes a file that was fetched into [`Self::incoming`] an installed model.
    ///
    /// # Errors
    /// [`ModelsError::Taken`] if the name is in use, [`ModelsError::Write`].
    pub fn install(
        &self,
        name: &Name,
        incoming: &Path,
        fetched: &fetch::Fetched,
        from: &str,
    ) -> Result<Installed, ModelsError> {
        self.refuse_taken(name)?;
        self.write_record(
            name,
            &Record {
                digest: fetched.digest.clone(),
                bytes: fetched.bytes,
                from: from.to_owned(),
            },
        )?;
        let path = self.file(name);
        fs_err::rename(incoming, &path).map_err(write_error(&path))?;
        self.installed(name.as_str(), path)
    }

    /// Adds a file of the owner's: linked where the disk allows it, copied otherwise.
    ///
    /// # Errors
    /// [`ModelsError::Taken`] if the name is in use; others if it cannot be read or written.
    pub fn add(&self, file: &Path, name: &Name) -> Result<Installed, ModelsError> {
        let incoming = self.incoming(name)?;
        let source = absolute(file)?;
        // Whatever an earlier attempt left.
        let _ = fs_err::remove_file(&incoming);
        if fs_err::hard_link(&source, &incoming).is_err() {
            fs_err::copy(&source, &incoming).map_err(write_error(&incoming))?;
        }
        let mut opened = fs_err::File::open(&incoming).map_err(read_error(&incoming))?;
        let fetched = fetch::Fetched {
            bytes: size(&incoming)?,
            digest: fetch::digest(&mut opened).map_err(read_error(&incoming))?,
            resumed_from: 0,
        };
        self.install(name, &incoming, &fetched, &source.to_string_lossy())
    }

    /// Removes an installed model or embedder from the disk.
    ///
    /// # Errors
    /// [`ModelsError::BuiltIn`] for what is compiled in, [`ModelsError::Unknown`].
    pub fn remove(&self, name: &str) -> Result<(), ModelsError> {
        if name == NANO || name == BUILTIN_EMBEDDER {
            return Err(ModelsError::BuiltIn {
                name: name.to_owned(),
            });
        }
        let known: Name = name.parse()?;
        let (file, folder) = (self.file(&known), self.embedder_folder(&known));
        if file.is_file() {
            fs_err::remove_file(&file).map_err(write_error(&file))?;
            // A model that was copied there by hand has none.
            let _ = fs_err::remove_file(self.record_file(name));
        } else if folder.join(EMBEDDER_FILE).is_file() {
            fs_err::remove_dir_all(&folder).map_err(write_error(&folder))?;
        } else {
            return Err(ModelsError::Unknown {
                name: name.to_owned(),
            });
        }
        self.unchoose(name)
    }

    fn unchoose(&self, name: &str) -> Result<(), ModelsError> {
        let choice = Choice::read(&self.folder)?;
        let kept = |chosen: &String| chosen != name;
        let left = Choice {
            model: choice.model.clone().filter(kept),
            embedder: choice.embedder.clone().filter(kept),
        };
        if left == choice {
            return Ok(());
        }
        left.write(&self.folder)
    }

    fn entries(&self) -> Result<Vec<PathBuf>, ModelsError> {
        let entries = match fs_err::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(read_error(&self.folder)(source)),
        };
        entries
            .map(|entry| Ok(entry.map_err(read_error(&self.folder))?.path()))
            .collect()
    }

    fn installed(&self, name: &str, path: PathBuf) -> Result<Installed, ModelsError> {
        let bytes = size(&path)?;
        let record = fs_err::read_to_string(self.record_file(name)).ok();
        let record: Option<Record> = record.and_then(|text| toml::from_str(&text).ok());
        // A file that was exchanged by hand is not what was written down.
        let record = record.filter(|record| record.bytes == bytes);
        Ok(Installed {
            name: name.to_owned(),
            path,
            bytes,
            digest: record.as_ref().map(|record| record.digest.clone()),
            origin: record.map_or(Origin::Unknown, |record| Origin::From(record.from)),
        })
    }

    fn nano_unwritten(&self) -> Installed {
        let digest = nano_digest();
        Installed {
            name: NANO.to_owned(),
            path: self.cache.join(format!("nano-{}.gguf", &digest[..16])),
            bytes: NANO_BYTES.len() as u64,
            digest: Some(digest),
            origin: Origin::BuiltIn,
        }
    }

    /// The model that is compiled in, its file written if it is not there or not right.
    fn nano(&self) -> Result<Installed, ModelsError> {
        let nano = self.nano_unwritten();
        let is_right = fs_err::read(&nano.path).is_ok_and(|bytes| bytes == NANO_BYTES);
        if !is_right {
            make_folder(&self.cache)?;
            write_whole(&nano.path, NANO_BYTES)?;
        }
        Ok(nano)
    }

    fn refuse_taken(&self, name: &Name) -> Result<(), ModelsError> {
        let is_builtin = matches!(
            name.as_str(),
            NANO | BUILTIN_EMBEDDER | "incoming" | "choice"
        );
        if is_builtin || self.file(name).exists() || self.embedder_folder(name).exists() {
            return Err(ModelsError::Taken {
                name: name.to_string(),
            });
        }
        Ok(())
    }

    fn record_file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.{RECORD_ENDING}"))
    }

    fn write_record(&self, name: &Name, record: &Record) -> Result<(), ModelsError> {
        let text = toml::to_string(record).unwrap_or_default();
        write_whole(&self.record_file(name.as_str()), text.as_bytes())
    }
}

/// Why a model could not be listed, found or installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// There is none of that name.
    #[error("no model or embedder is called {name:?}, and no file either")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The name is in use.
    #[error("the name {name} is taken")]
    Taken {
        /// The name.
        name: String,
    },
    /// It is part of the program.
    #[error("{name} is part of this program and cannot be removed")]
    BuiltIn {
        /// Its name.
        name: String,
    },
    /// Not a name.
    #[error("that is not a name")]
    Name {
        /// Why.
        #[from]
        source: SourceError,
    },
    /// What was chosen cannot be read.
    #[error("{path} does not say what was chosen")]
    Choice {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: toml::de::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

fn nano_digest() -> String {
    use sha2::Digest as _;
    fetch::hex(&sha2::Sha256::digest(NANO_BYTES))
}

fn size(path: &Path) -> Result<u64, ModelsError> {
    Ok(fs_err::metadata(path).map_err(read_error(path))?.len())
}

fn absolute(path: &Path) -> Result<PathBuf, ModelsError> {
    fs_err::canonicalize(path).map_err(read_error(path))
}

/// Makes a folder that only its owner can read.
fn make_folder(path: &Path) -> Result<(), ModelsError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(write_error(path))
}

/// Writes a file beside its place and moves it there.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ModelsError> {
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    fs_err::write(&part, bytes).map_err(write_error(&part))?;
    fs_err::rename(&part, path).map_err(write_error(path))
}

fn read_error(path: &Path) -> impl Fn(io::Error) -> ModelsError {
    let path = path.to_path_buf();
    move |source| ModelsError::Read {
        path: path.clone(),
        source,
    }
}

fn write_error(path: &Path) -> impl Fn(io::Error) -> ModelsError {
    let path = path.to_path_buf();
    move |source| ModelsError::Write {
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests;
