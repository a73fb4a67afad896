//! Compaction: the file is copied without its free pages and put in its own place.

use std::path::Path;
use std::sync::PoisonError;

use fs_err as fs;
use heed::CompactionOption;
use rustix::fs::FlockOperation;

use super::{Access, DATA_FILE, MAP_BYTES, Open, Store, StoreError, folder_error};
use crate::memory::report::Compacted;

/// The copy, until it is whole.
const COPY_FILE: &str = "data.mdb.compacting";

impl Store {
    /// Gives the free pages of the file back to the system.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another program has it open; the memory stays as it
    /// was after every error but one met while opening it again.
    pub(crate) fn compact(&self) -> Result<Compacted, StoreError> {
        let Some(lock) = &self.lock else {
            return Err(StoreError::ReadOnly {
                path: self.dir.clone(),
            });
        };
        let mut gate = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let alone = rustix::fs::flock(lock, FlockOperation::NonBlockingLockExclusive);
        let done = match alone {
            Ok(()) => self.compact_alone(&mut gate),
            Err(_) => Err(StoreError::InUse {
                path: self.dir.clone(),
            }),
        };
        // A lock that could not be raised is lost on Linux: it is taken anew either way.
        rustix::fs::flock(lock, FlockOperation::LockShared)
            .map_err(|errno| folder_error(&self.dir, errno.into()))?;
        done
    }

    fn compact_alone(&self, gate: &mut Option<Open>) -> Result<Compacted, StoreError> {
        let open = gate.as_ref().ok_or_else(|| self.closed())?;
        let copy = self.dir.join(COPY_FILE);
        let data = self.dir.join(DATA_FILE);
        let folder = |source| folder_error(&self.dir, source);
        let before_bytes = fs::metadata(&data).map_err(folder)?.len();
        if copy.exists() {
            fs::remove_file(&copy).map_err(folder)?;
        }
        let made = open
            .env
            .copy_to_path(&copy, CompactionOption::Enabled)
            .map_err(|error| self.failed(error.into()))
            .and_then(|file| file.sync_all().map_err(folder));
        if let Err(error) = made {
            let _ = fs::remove_file(&copy);
            return Err(error);
        }
        if let Some(open) = gate.take() {
            open.env.prepare_for_closing().wait();
        }
        let replaced = fs::rename(&copy, &data).and_then(|()| sync_folder(&self.dir));
        *gate = Some(Open::new(&self.dir, Access::Write, [0; 32], MAP_BYTES)?);
        replaced.map_err(folder)?;
        Ok(Compacted {
            before_bytes,
            after_bytes: fs::metadata(&data).map_err(folder)?.len(),
        })
    }
}

fn sync_folder(dir: &Path) -> std::io::Result<()> {
    fs::File::open(dir)?.sync_all()
}
