//! The archive: a sealed graph over the vectors of a great memory, on the disk.
//!
//! One file beside the database for each embedder. It holds numbers of passages and the
//! links between them, neither words nor vectors, so forgetting need not touch it: what
//! is gone is never found. Passages that came after it are scanned.
//!
//! # Invariants
//! - Derived data: the file may be deleted at any moment, and a damaged one is.
//! - Numbers of passages are never given twice; a repair, which may give new ones,
//!   deletes the file.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::index::Index;
use super::index::segment::Segment;
use super::schema::Space;
use super::{Memory, MemoryError};

/// Where the graph of a space lies.
pub(super) fn file(dir: &Path, space: Space) -> PathBuf {
    dir.join(format!("archive-{space}.graph"))
}

/// Uses the graph at `path` from now on, if there is one; deletes one that is damaged.
pub(super) fn attach(index: &mut Index, path: &Path) {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            tracing::warn!(%error, "the archive's graph is not read: every vector is scanned");
            return;
        }
    };
    let segment = Segment::decode(&bytes, &index.rows());
    if let Err(error) = segment.and_then(|segment| index.attach(segment)) {
        tracing::warn!(%error, "the archive's graph is deleted: every vector is scanned");
        discard(path);
    }
}

/// Deletes a graph. One that stays is found out at the next start.
pub(super) fn discard(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "the archive's graph cannot be deleted");
    }
}

impl Memory {
    /// Seals all vectors in a graph where there are at least `least_rows` and the present
    /// graph, if there is one, covers too few of them. Returns how many it covers.
    ///
    /// Costs about a second a thousand vectors; recall goes on meanwhile.
    ///
    /// # Errors
    /// [`MemoryError::Archive`] if the file cannot be written, [`MemoryError::Store`] if
    /// the memory cannot be read.
    pub fn seal(&self, least_rows: usize) -> Result<Option<usize>, MemoryError> {
        let Some(space) = self.space else {
            return Ok(None);
        };
        let rows = {
            let mut view = self.view();
            view.refresh(&self.store, self.space)?;
            if view.index().len() < least_rows.max(1) || !view.index().wants_sealing() {
                return Ok(None);
            }
            view.index().rows()
        };
        let segment = Segment::build(&rows, self.options.seed);
        let path = file(self.store.dir(), space);
        let failed = |source| MemoryError::Archive {
            path: path.clone(),
            source,
        };
        let bytes = segment.encode().map_err(io::Error::other);
        bytes
            .and_then(|bytes| replace(&path, &bytes))
            .map_err(failed)?;
        self.view().reset();
        Ok(Some(segment.rows()))
    }
}

/// The whole file is there, or the one before it.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut file = fs::File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)
}
