//! Checkpoints on disk: one safetensors file, replaced as a whole.
//!
//! Step, data position and notes stand in the file's metadata, so that weights are
//! never found beside somebody else's position.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors};

use super::{Array, Position, State};

const FILE: &str = "checkpoint.safetensors";
/// Largest file that is read as a checkpoint, in bytes.
const MOST_BYTES: u64 = 64 << 30;
const STEP: &str = "step";
const WINDOW: &str = "window";
const BATCH: &str = "batch";
/// Before the name of every note, so that notes and fields never meet.
const NOTE: &str = "note/";

/// A run at one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Steps taken.
    pub step: u64,
    /// Where the next batch lies.
    pub position: Position,
    /// What the run wants to find again.
    pub notes: BTreeMap<String, String>,
    /// The learner's tensors.
    pub state: State,
}

/// Why a checkpoint was not written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file system failed.
    #[error("cannot use the run folder")]
    File {
        /// Why, and which file.
        #[from]
        source: std::io::Error,
    },
    /// The file is no checkpoint.
    #[error("{path} is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: SafeTensorError,
    },
    /// The file lacks a field, or holds nonsense in it.
    #[error("{path} has no valid {field}")]
    Field {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
    },
    /// The file is too large to be a checkpoint.
    #[error("{path} has {found} bytes, more than a checkpoint can have")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        found: u64,
    },
}

/// Where a run keeps its files.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Opens a run's folder, made if need be.
    ///
    /// # Errors
    /// [`CheckpointError::File`] if it cannot be made.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        fs_err::create_dir_all(path)?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// The path of one of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Removes the checkpoint, if there is one.
    ///
    /// # Errors
    /// [`CheckpointError::File`] if it cannot be removed.
    pub fn clear(&self) -> Result<(), CheckpointError> {
        match fs_err::remove_file(self.file(FILE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The checkpoint, or nothing if none was written yet.
    ///
    /// # Errors
    /// [`CheckpointError`] if it cannot be read or is damaged.
    pub fn read(&self) -> Result<Option<Checkpoint>, CheckpointError> {
        let path = self.file(FILE);
        let found = match fs_err::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if found > MOST_BYTES {
            return Err(CheckpointError::TooLarge { path, found });
        }
        let bytes = fs_err::read(&path)?;
        decode(&bytes, path).map(Some)
    }

    /// Replaces the checkpoint. Durable once this returns.
    ///
    /// # Errors
    /// [`CheckpointError`] if it cannot be written; the one before it stays.
    pub fn write(&self, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
        let path = self.file(FILE);
        let bytes = encode(checkpoint).map_err(|source| CheckpointError::Damaged {
            path: path.clone(),
            source,
        })?;
        replace(&path, &bytes)?;
        Ok(())
    }
}

/// Writes a file whole or not at all: beside its place, synced, then renamed.
///
/// # Errors
/// Whatever the file system says; what stood there before stays.
pub fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let mut file = fs_err::File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs_err::rename(&beside, path)
}

fn encode(checkpoint: &Checkpoint) -> Result<Vec<u8>, SafeTensorError> {
    let mut metadata: HashMap<String, String> = checkpoint
        .notes
        .iter()
        .map(|(name, value)| (format!("{NOTE}{name}"), value.clone()))
        .collect();
    metadata.insert(STEP.to_owned(), checkpoint.step.to_string());
    metadata.insert(WINDOW.to_owned(), checkpoint.position.window.to_string());
    metadata.insert(BATCH.to_owned(), checkpoint.position.batch.to_string());
    let views = checkpoint
        .state
        .tensors
        .iter()
        .map(|(name, array)| {
            let bytes = bytemuck::cast_slice(&array.values);
            TensorView::new(Dtype::F32, array.dimensions.clone(), bytes).map(|view| (name, view))
        })
        .collect::<Result<Vec<_>, _>>()?;
    safetensors::serialize(views, Some(metadata))
}

fn decode(bytes: &[u8], path: PathBuf) -> Result<Checkpoint, CheckpointError> {
    let damaged = |source| CheckpointError::Damaged {
        path: path.clone(),
        source,
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let fields = header.metadata().clone().unwrap_or_default();
    let number = |field: &'static str| {
        fields
            .get(field)
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| CheckpointError::Field {
                path: path.clone(),
                field,
            })
    };
    let mut state = State::default();
    for (name, view) in tensors.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(CheckpointError::Field {
                path,
                field: "32-bit tensor",
            });
        }
        let values = view
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let dimensions = view.shape().to_vec();
        state
            .tensors
            .insert(name.to_owned(), Array { dimensions, values });
    }
    Ok(Checkpoint {
        step: number(STEP)?,
        position: Position {
            window: number(WINDOW)?,
            batch: number(BATCH)?,
        },
        notes: fields
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(NOTE)?.to_owned(), value.clone())))
            .collect(),
        state,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Checkpoint, CheckpointError, Folder};
    use crate::run::{Array, Position, State};

    fn checkpoint() -> Checkpoint {
        let array = Array {
            dimensions: vec![2, 3],
            values: vec![0.5, -1.0, f32::MIN_POSITIVE, 3.0, 4.0, 1e30],
        };
        Checkpoint {
            step: 7,
            position: Position {
                window: 2,
                batch: 5,
            },
            notes: BTreeMap::from([("recipe".to_owned(), "abc".to_owned())]),
            state: State {
                tensors: BTreeMap::from([("weight/a".to_owned(), array)]),
            },
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        assert_eq!(folder.read().unwrap(), None);
        folder.write(&checkpoint()).unwrap();
        assert_eq!(folder.read().unwrap(), Some(checkpoint()));
        folder.clear().unwrap();
        assert_eq!(folder.read().unwrap(), None);
    }

    #[test]
    fn damaged_files_are_refused_at_every_cut() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        folder.write(&checkpoint()).unwrap();
        let path = folder.file(super::FILE);
        let whole = fs_err::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs_err::write(&path, &whole[..cut]).unwrap();
            assert!(
                matches!(folder.read(), Err(CheckpointError::Damaged { .. })),
                "{cut} of {} bytes",
                whole.len()
            );
        }
    }
}
