//! The only LMDB transactions.
//!
//! # Invariants
//! - A write is one synced transaction: all of it is on the disk, or none.
//! - No transaction outlives a call; each holds the gate shared, and what moves the map
//!   (growing it, compaction) holds it alone.
//! - Text, vectors, terms and memories of an episode come and go together.
//!
//! Several processes may have one folder open; within a process it is opened once,
//! for LMDB's file locks belong to the process.

pub(crate) mod append;
pub(crate) mod check;
mod compact;
mod pages;
pub(crate) mod passages;
pub(crate) mod remove;
mod table;
pub(crate) mod transfer;
mod turns;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use fs_err as fs;
use heed::types::Bytes;
use heed::{
    CommitOrAbort, DatabaseFlags, Env, EnvFlags, EnvOpenOptions, MdbError, RoTxn, RwTxn, WithoutTls,
};
use rustix::fs::FlockOperation;
use shared::id::{EpisodeId, ExampleId, MemoryId, SessionId};

use super::episode::ItemId;
use super::schema::rows::{EpisodeRow, MemoryRow, PassageRow, SessionRow, SpaceRow, TombstoneRow};
use super::schema::{Key, Row, SCHEMA_VERSION, SchemaError, Space};
use table::{Meta, Postings, Raw, Table};

/// Address space taken for the map; it costs nothing until it is used.
const MAP_BYTES: usize = 64 << 30;
/// Processes and threads that may read at once.
const MAX_READERS: u32 = 510;

/// Why the store could not do it. Nothing was written then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder cannot be made, read or locked.
    #[error("cannot use memory folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// This program has it open already.
    #[error("memory folder {path} is open in this program already")]
    AlreadyOpen {
        /// The folder.
        path: PathBuf,
    },
    /// Another program has it open, and this needs it alone.
    #[error("memory folder {path} is in use by another program")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// It may be read and not written.
    #[error("memory folder {path} is read-only")]
    ReadOnly {
        /// The folder.
        path: PathBuf,
    },
    /// The file is damaged, or no memory at all.
    #[error("memory file {path} is damaged: {problem}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How one can tell.
        problem: String,
    },
    /// A newer program wrote it.
    #[error("memory {path} has layout {found}, this program reads layout {expected}")]
    Layout {
        /// The folder.
        path: PathBuf,
        /// The layout found.
        found: u32,
        /// The layout known.
        expected: u32,
    },
    /// There is no room on the disk.
    #[error("the disk that holds {path} is full")]
    Full {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An entry cannot be read.
    #[error("entry {key} of table {table} is damaged")]
    Entry {
        /// The table.
        table: &'static str,
        /// The key, in hexadecimal.
        key: String,
        /// What is wrong.
        source: SchemaError,
    },
    /// Every number of a passage is taken.
    #[error("memory holds as many passages as can be numbered")]
    TooManyPassages,
    /// An item is not there (any more).
    #[error("item {id} is not in memory")]
    Missing {
        /// Its identifier.
        id: String,
    },
    /// LMDB failed.
    #[error("the database failed")]
    Database {
        /// What it says.
        source: heed::Error,
    },
}

impl From<heed::Error> for StoreError {
    fn from(source: heed::Error) -> Self {
        Self::Database { source }
    }
}

/// How a store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// To read and write.
    Write,
    /// To read only.
    Read,
}

/// The tables of one memory.
pub(crate) struct Store {
    dir: PathBuf,
    access: Access,
    /// Held shared for as long as the store is open, so that compaction knows it is alone.
    lock: Option<File>,
    open: RwLock<Option<Open>>,
}

/// What compaction closes and opens again.
struct Open {
    env: Env<WithoutTls>,
    tables: Tables,
}

pub(super) struct Tables {
    meta: Meta,
    sessions: Table<SessionId, SessionRow>,
    episodes: Table<EpisodeId, EpisodeRow>,
    session_episodes: Table<(SessionId, EpisodeId), ()>,
    memories: Table<MemoryId, MemoryRow>,
    episode_memories: Table<(EpisodeId, MemoryId), ()>,
    slots: Table<(u64, MemoryId), ()>,
    passages: Table<Row, PassageRow>,
    episode_passages: Table<(EpisodeId, Row), ()>,
    spaces: Table<Space, SpaceRow>,
    codes: Table<(Space, Row), Vec<u8>>,
    vectors: Table<(Space, Row), Vec<u8>>,
    postings: Postings,
    journal: Table<u64, Row>,
    examples: Table<ExampleId, Vec<u8>>,
    lineage: Table<(ItemId, ExampleId), ()>,
    tombstones: Table<[u8; 32], TombstoneRow>,
}

/// Names in the order of [`Tables::of`].
const NAMES: [&str; 17] = [
    Meta::NAME,
    "sessions",
    "episodes",
    "session_episodes",
    "memories",
    "episode_memories",
    "slots",
    "passages",
    "episode_passages",
    "spaces",
    "codes",
    "vectors",
    Postings::NAME,
    "journal",
    "examples",
    "lineage",
    "tombstones",
];

impl Tables {
    /// Bytes of the pages that hold entries.
    fn used_bytes(&self, txn: &RoTxn) -> Result<u64, StoreError> {
        let pages = [
            self.meta.pages(txn)?,
            self.sessions.pages(txn)?,
            self.episodes.pages(txn)?,
            self.session_episodes.pages(txn)?,
            self.memories.pages(txn)?,
            self.episode_memories.pages(txn)?,
            self.slots.pages(txn)?,
            self.passages.pages(txn)?,
            self.episode_passages.pages(txn)?,
            self.spaces.pages(txn)?,
            self.codes.pages(txn)?,
            self.vectors.pages(txn)?,
            self.postings.pages(txn)?,
            self.journal.pages(txn)?,
            self.examples.pages(txn)?,
            self.lineage.pages(txn)?,
            self.tombstones.pages(txn)?,
        ];
        Ok(pages.iter().sum::<u64>() * self.sessions.page_bytes(txn)?)
    }

    fn of(raw: [Raw; NAMES.len()]) -> Self {
        let [
            meta,
            sessions,
            episodes,
            session_episodes,
            memories,
            episode_memories,
            slots,
            passages,
            episode_passages,
            spaces,
            codes,
            vectors,
            postings,
            journal,
            examples,
            lineage,
            tombstones,
        ] = raw;
        let named = NAMES;
        Self {
            meta: Meta::new(meta),
            sessions: Table::new(named[1], sessions),
            episodes: Table::new(named[2], episodes),
            session_episodes: Table::new(named[3], session_episodes),
            memories: Table::new(named[4], memories),
            episode_memories: Table::new(named[5], episode_memories),
            slots: Table::new(named[6], slots),
            passages: Table::new(named[7], passages),
            episode_passages: Table::new(named[8], episode_passages),
            spaces: Table::new(named[9], spaces),
            codes: Table::new(named[10], codes),
            vectors: Table::new(named[11], vectors),
            postings: Postings::new(postings),
            journal: Table::new(named[13], journal),
            examples: Table::new(named[14], examples),
            lineage: Table::new(named[15], lineage),
            tombstones: Table::new(named[16], tombstones),
        }
    }
}

impl Store {
    /// Opens the store in a folder, and makes both where there are none; `salt` is what
    /// a new one hides the tombstones' words with.
    ///
    /// # Errors
    /// [`StoreError`] where the folder cannot be used, the file is damaged or of another
    /// layout, or this program has it open.
    pub(crate) fn open(dir: &Path, access: Access, salt: [u8; 32]) -> Result<Self, StoreError> {
        Self::open_with_map(dir, access, salt, MAP_BYTES)
    }

    fn open_with_map(
        dir: &Path,
        access: Access,
        salt: [u8; 32],
        map_bytes: usize,
    ) -> Result<Self, StoreError> {
        let folder = |source| folder_error(dir, source);
        let lock = match access {
            Access::Write => {
                make_private(dir).map_err(folder)?;
                Some(lock_shared(dir).map_err(folder)?)
            }
            Access::Read => None,
        };
        let open = Open::new(dir, access, salt, map_bytes)?;
        Ok(Self {
            dir: dir.to_owned(),
            access,
            lock,
            open: RwLock::new(Some(open)),
        })
    }

    /// The folder it lies in.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Runs `f` over one snapshot.
    pub(super) fn read<T, E: From<StoreError>>(
        &self,
        f: impl FnOnce(&Tables, &RoTxn) -> Result<T, E>,
    ) -> Result<T, E> {
        loop {
            let gate = self.open.read().unwrap_or_else(PoisonError::into_inner);
            let open = gate.as_ref().ok_or_else(|| self.closed())?;
            let error = match open.env.read_txn() {
                Ok(txn) => return f(&open.tables, &txn),
                Err(error) => error,
            };
            if !is(&error, MdbError::MapResized) {
                return Err(self.failed(error.into()).into());
            }
            drop(gate);
            self.resize(Resize::Adopt)?;
        }
    }

    /// Runs `f` in one transaction and commits it, durably. `f` runs again where the map
    /// had to grow: it must not keep what it did before.
    pub(super) fn write<T>(
        &self,
        mut f: impl FnMut(&Tables, &mut RwTxn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.access == Access::Read {
            return Err(StoreError::ReadOnly {
                path: self.dir.clone(),
            });
        }
        loop {
            match self.try_write(&mut f) {
                Err(StoreError::Database { source }) if is(&source, MdbError::MapFull) => {
                    self.resize(Resize::Double)?;
                }
                Err(StoreError::Database { source }) if is(&source, MdbError::MapResized) => {
                    self.resize(Resize::Adopt)?;
                }
                Err(error) => return Err(self.failed(error)),
                Ok(value) => return Ok(value),
            }
        }
    }

    fn try_write<T>(
        &self,
        f: &mut impl FnMut(&Tables, &mut RwTxn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let gate = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let open = gate.as_ref().ok_or_else(|| self.closed())?;
        let mut txn = open.env.write_txn()?;
        let value = f(&open.tables, &mut txn)?;
        txn.commit()?;
        Ok(value)
    }

    fn resize(&self, how: Resize) -> Result<(), StoreError> {
        let gate = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let open = gate.as_ref().ok_or_else(|| self.closed())?;
        let bytes = match how {
            Resize::Double => open.env.info().map_size.saturating_mul(2),
            Resize::Adopt => 0,
        };
        tracing::debug!(bytes, "the memory map is resized");
        resize_alone(&open.env, bytes)
    }

    /// Bytes of the file.
    fn file_bytes(&self) -> Result<u64, StoreError> {
        let found = fs::metadata(self.dir.join(DATA_FILE));
        Ok(found
            .map_err(|source| folder_error(&self.dir, source))?
            .len())
    }

    /// Empties a table behind everybody's back.
    #[cfg(test)]
    pub(crate) fn clear_table(&self, name: &str) {
        self.write(|tables, txn| match name {
            "postings" => tables.postings.clear(txn),
            "codes" => tables.codes.clear(txn),
            "vectors" => tables.vectors.clear(txn),
            "slots" => tables.slots.clear(txn),
            "passages" => tables.passages.clear(txn),
            _ => tables.session_episodes.clear(txn),
        })
        .unwrap();
    }

    fn closed(&self) -> StoreError {
        StoreError::Folder {
            path: self.dir.clone(),
            source: io::Error::other("it could not be opened again after compaction"),
        }
    }

    /// Says what an error of the system means here.
    fn failed(&self, error: StoreError) -> StoreError {
        let StoreError::Database {
            source: heed::Error::Io(source),
        } = error
        else {
            return explain(&self.dir, error);
        };
        let path = self.dir.clone();
        match source
            .raw_os_error()
            .map(rustix::io::Errno::from_raw_os_error)
        {
            // EFBIG is a limit on the size of files; EIO is how LMDB names a short write.
            Some(
                rustix::io::Errno::NOSPC
                | rustix::io::Errno::DQUOT
                | rustix::io::Errno::FBIG
                | rustix::io::Errno::IO,
            ) => StoreError::Full { path, source },
            Some(rustix::io::Errno::ACCESS | rustix::io::Errno::ROFS) => {
                StoreError::ReadOnly { path }
            }
            _ => StoreError::Folder { path, source },
        }
    }
}

/// How the map changes its size.
#[derive(Clone, Copy)]
enum Resize {
    /// To twice its size.
    Double,
    /// To the size that another process gave it.
    Adopt,
}

#[expect(unsafe_code, reason = "LMDB cannot check that no transaction is open")]
fn resize_alone(env: &Env<WithoutTls>, bytes: usize) -> Result<(), StoreError> {
    // SAFETY: the caller holds the gate alone, and every transaction holds it shared.
    unsafe { env.resize(bytes)? };
    Ok(())
}

fn is(error: &heed::Error, kind: MdbError) -> bool {
    matches!(error, heed::Error::Mdb(found) if *found == kind)
}

fn folder_error(dir: &Path, source: io::Error) -> StoreError {
    let path = dir.to_owned();
    match source.kind() {
        io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly { path },
        io::ErrorKind::StorageFull => StoreError::Full { path, source },
        _ => StoreError::Folder { path, source },
    }
}

/// Names damage and double opening, whatever the call that met them.
fn explain(dir: &Path, error: StoreError) -> StoreError {
    let StoreError::Database { source } = error else {
        return error;
    };
    let problem = match &source {
        heed::Error::EnvAlreadyOpened => {
            return StoreError::AlreadyOpen {
                path: dir.to_owned(),
            };
        }
        heed::Error::Mdb(
            MdbError::Invalid
            | MdbError::Corrupted
            | MdbError::PageNotFound
            | MdbError::Panic
            | MdbError::VersionMismatch
            | MdbError::Incompatible,
        ) => source.to_string(),
        _ => return StoreError::Database { source },
    };
    StoreError::Damaged {
        path: dir.join(DATA_FILE),
        problem,
    }
}

/// LMDB's own name for its file.
const DATA_FILE: &str = "data.mdb";
/// Held shared by whoever has the memory open.
const LOCK_FILE: &str = "open.lock";

fn make_private(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if !dir.is_dir() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)?;
    }
    Ok(())
}

fn lock_shared(dir: &Path) -> io::Result<File> {
    let file = open_lock(dir)?;
    rustix::fs::flock(&file, FlockOperation::LockShared)?;
    Ok(file)
}

fn open_lock(dir: &Path) -> io::Result<File> {
    use fs_err::os::unix::fs::OpenOptionsExt;
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(dir.join(LOCK_FILE))?;
    Ok(file.into_parts().0)
}

impl Open {
    fn new(
        dir: &Path,
        access: Access,
        salt: [u8; 32],
        map_bytes: usize,
    ) -> Result<Self, StoreError> {
        let explained = |error| explain(dir, error);
        let env = open_env(dir, access, map_bytes).map_err(explained)?;
        pages::check_length(&env, &dir.join(DATA_FILE))?;
        if access == Access::Write {
            env.clear_stale_readers()?;
        }
        let tables = match existing_tables(&env, dir).map_err(explained)? {
            Some(tables) => tables,
            None if access == Access::Write => new_tables(&env, dir, salt).map_err(explained)?,
            None => return Err(damaged(dir, "it has no tables")),
        };
        Ok(Self { env, tables })
    }
}

/// Where the version of the layout is kept.
const SCHEMA: &str = "schema";

#[expect(unsafe_code, reason = "LMDB maps a file that others could change")]
fn open_env(dir: &Path, access: Access, map_bytes: usize) -> Result<Env<WithoutTls>, StoreError> {
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options
        .map_size(map_bytes)
        .max_readers(MAX_READERS)
        .max_dbs(NAMES.len() as u32);
    if access == Access::Read {
        // SAFETY: READ_ONLY takes no guarantee away.
        unsafe { options.flags(EnvFlags::READ_ONLY) };
    }
    // SAFETY: the file is changed through LMDB only, whose lock file orders all of its
    // processes; compaction replaces it by a rename, which leaves this map as it is.
    Ok(unsafe { options.open(dir)? })
}

/// The tables, where there are any.
fn existing_tables(env: &Env<WithoutTls>, dir: &Path) -> Result<Option<Tables>, StoreError> {
    let txn = env.read_txn()?;
    let opened = env.open_databases_and_commit(txn, |opener, txn| {
        let Some(meta) = opener.open_database::<Bytes, Bytes>(txn, Some(Meta::NAME))? else {
            return Ok(CommitOrAbort::Abort(()));
        };
        check_layout(dir, meta.get(txn, SCHEMA.as_bytes())?)?;
        let mut found = Vec::with_capacity(NAMES.len());
        for name in NAMES {
            let table = opener.open_database::<Bytes, Bytes>(txn, Some(name))?;
            found.push(table.ok_or_else(|| damaged(dir, &format!("table {name} is missing")))?);
        }
        match <[_; NAMES.len()]>::try_from(found) {
            Ok(found) => Ok(CommitOrAbort::Commit(found)),
            Err(_) => Ok(CommitOrAbort::Abort(())),
        }
    });
    opened.map(|opened| opened.commit().map(Tables::of))
}

/// Makes the tables, in a file that holds nothing yet.
fn new_tables(env: &Env<WithoutTls>, dir: &Path, salt: [u8; 32]) -> Result<Tables, StoreError> {
    let txn = env.write_txn()?;
    let made = env.create_databases_and_commit(txn, |opener, txn| {
        let root = opener.create_database::<Bytes, Bytes>(txn, None)?;
        let made_meanwhile = root.get(txn, Meta::NAME.as_bytes())?.is_some();
        if !made_meanwhile && !root.is_empty(txn)? {
            return Err(damaged(dir, "it holds something else than a memory"));
        }
        let mut tables = Vec::with_capacity(NAMES.len());
        for name in NAMES {
            let mut options = opener.database_options().types::<Bytes, Bytes>();
            options.name(name);
            if name == Postings::NAME {
                options.flags(DatabaseFlags::DUP_SORT | DatabaseFlags::DUP_FIXED);
            }
            tables.push(options.create(txn)?);
        }
        if !made_meanwhile {
            tables[0].put(txn, SCHEMA.as_bytes(), &SCHEMA_VERSION.bytes())?;
            tables[0].put(txn, remove::SALT.as_bytes(), &salt)?;
        }
        match <[_; NAMES.len()]>::try_from(tables) {
            Ok(tables) => Ok(CommitOrAbort::Commit(tables)),
            Err(_) => Ok(CommitOrAbort::Abort(())),
        }
    });
    let tables = made?.commit().map(Tables::of);
    tables.ok_or_else(|| damaged(dir, "its tables could not be made"))
}

fn damaged(dir: &Path, problem: &str) -> StoreError {
    StoreError::Damaged {
        path: dir.join(DATA_FILE),
        problem: problem.to_owned(),
    }
}

/// Refuses every layout but this program's.
fn check_layout(dir: &Path, version: Option<&[u8]>) -> Result<(), StoreError> {
    let found = <u32 as Key>::decode(version.unwrap_or_default())
        .map_err(|_| damaged(dir, "it does not say its layout"))?;
    if found == SCHEMA_VERSION {
        return Ok(());
    }
    Err(StoreError::Layout {
        path: dir.to_owned(),
        found,
        expected: SCHEMA_VERSION,
    })
}

#[cfg(test)]
mod tests;
