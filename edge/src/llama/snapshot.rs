//! What was read, kept on disk: a conversation goes on after a restart without reading
//! everything again.
//!
//! A snapshot is one file: what it belongs to, the tokens, llama.cpp's state of their
//! sequence, and a checksum over all of it. Snapshots can be deleted at any moment.
//!
//! # Invariants
//! - llama.cpp is given only bytes whose checksum is right, and which the same model,
//!   adapter, cache and version of this program wrote.
//! - A file that is damaged is deleted; all files together stay within the bound, what
//!   was not used for longest goes first.
//! - Files can be read by their owner alone, and appear whole or not at all.
//!
//! Layout, little-endian: `SJKV`, version (u32), identity (32 bytes), number of tokens
//! (u64), bytes of state (u64), tokens (i32 each), state, SHA-256 of all before it.
//!
//! Units: bytes, tokens.

use fs_err::os::unix::fs::OpenOptionsExt as _;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use memmap2::Mmap;
use sha2::{Digest as _, Sha256};

use crate::generate::Token;

const MAGIC: [u8; 4] = *b"SJKV";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 56;
const CHECK_BYTES: usize = 32;
const ENDING: &str = "kv";

/// Most tokens that a file may claim.
const MOST_TOKENS: u64 = 1 << 24;

/// What must be the same for a snapshot to be used.
pub(super) type Identity = [u8; 32];

/// Where snapshots are, and how much they may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotOptions {
    /// The folder; it is made, and holds nothing else.
    pub folder: PathBuf,
    /// Bytes that all files may have together.
    pub most_bytes: u64,
}

/// The snapshots of one folder.
pub(super) struct Store {
    options: SnapshotOptions,
    known: Vec<Known>,
    /// Names of files that this process writes are told apart by this.
    written: u64,
}

/// What is known of a file without reading all of it.
struct Known {
    path: PathBuf,
    identity: Identity,
    tokens: Vec<Token>,
    bytes: u64,
    used: SystemTime,
}

impl Store {
    /// Looks through a folder; what is no snapshot is deleted from it.
    ///
    /// # Errors
    /// What the system says if the folder cannot be made or read.
    pub(super) fn open(options: &SnapshotOptions) -> io::Result<Self> {
        make_private(&options.folder)?;
        let mut known = Vec::new();
        for entry in fs_err::read_dir(&options.folder)? {
            let path = entry?.path();
            match read_header(&path) {
                Some(found) => known.push(found),
                None => remove(&path),
            }
        }
        known.sort_by_key(|found: &Known| found.used);
        let mut store = Self {
            options: options.clone(),
            known,
            written: 0,
        };
        store.prune();
        Ok(store)
    }

    /// The snapshot that begins with most of `prompt`: its number, and how many tokens.
    pub(super) fn best(&self, identity: &Identity, prompt: &[Token]) -> Option<(usize, usize)> {
        let same = |tokens: &[Token]| {
            tokens
                .iter()
                .zip(prompt)
                .take_while(|(a, b)| a == b)
                .count()
        };
        let own = self.known.iter().enumerate();
        own.filter(|(_, known)| known.identity == *identity)
            .map(|(at, known)| (at, same(&known.tokens)))
            .max_by_key(|&(_, count)| count)
    }

    /// The tokens of a snapshot.
    pub(super) fn tokens(&self, at: usize) -> &[Token] {
        self.known.get(at).map_or(&[], |known| &known.tokens)
    }

    /// Hands a snapshot's state to `restore`; whether it could be used. A file that
    /// cannot is deleted.
    pub(super) fn load(&mut self, at: usize, restore: impl FnOnce(&[u8]) -> bool) -> bool {
        if at >= self.known.len() {
            return false;
        }
        let mut known = self.known.remove(at);
        let is_whole = map(&known.path).is_some_and(|bytes| {
            checked(&bytes).is_some_and(|body| {
                let state = HEADER_BYTES + 4 * known.tokens.len();
                body[..HEADER_BYTES] == header(&known)[..] && restore(&body[state..])
            })
        });
        if is_whole {
            known.used = touch(&known.path, known.used);
            self.known.push(known);
        } else {
            remove(&known.path);
        }
        is_whole
    }

    /// Whether a snapshot holds all of `tokens` already.
    pub(super) fn holds(&self, identity: &Identity, tokens: &[Token]) -> bool {
        let holds = |known: &Known| known.identity == *identity && known.tokens.starts_with(tokens);
        self.known.iter().any(holds)
    }

    /// Writes a snapshot, in the place of those that it goes on from.
    ///
    /// # Errors
    /// What the system says; nothing was written then.
    pub(super) fn save(
        &mut self,
        identity: &Identity,
        tokens: &[Token],
        state: &[u8],
    ) -> io::Result<()> {
        let bytes = HEADER_BYTES + 4 * tokens.len() + state.len() + CHECK_BYTES;
        if bytes as u64 > self.options.most_bytes {
            return Ok(());
        }
        self.written += 1;
        let stem = format!("{}-{}", std::process::id(), self.written);
        let known = Known {
            path: self.options.folder.join(format!("{stem}.{ENDING}")),
            identity: *identity,
            tokens: tokens.to_vec(),
            bytes: bytes as u64,
            used: SystemTime::UNIX_EPOCH,
        };
        let unfinished = self.options.folder.join(format!("{stem}.part"));
        let written = write(&unfinished, &known, state)
            .and_then(|()| fs_err::rename(&unfinished, &known.path));
        if let Err(error) = written {
            remove(&unfinished);
            return Err(error);
        }
        let (older, kept) = std::mem::take(&mut self.known)
            .into_iter()
            .partition(|old| old.identity == *identity && tokens.starts_with(&old.tokens));
        self.known = kept;
        let older: Vec<Known> = older;
        older.iter().for_each(|old| remove(&old.path));
        self.known.push(known);
        self.prune();
        Ok(())
    }

    /// Deletes every snapshot.
    pub(super) fn clear(&mut self) {
        for known in self.known.drain(..) {
            remove(&known.path);
        }
    }

    /// Deletes what was not used for longest until the rest is within the bound.
    fn prune(&mut self) {
        let mut bytes: u64 = self.known.iter().map(|known| known.bytes).sum();
        while bytes > self.options.most_bytes && !self.known.is_empty() {
            let oldest = self.known.remove(0);
            bytes -= oldest.bytes;
            remove(&oldest.path);
        }
    }
}

/// Makes a folder that its owner alone may look into.
fn make_private(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

fn header(known: &Known) -> Vec<u8> {
    let state = known.bytes - (HEADER_BYTES + 4 * known.tokens.len() + CHECK_BYTES) as u64;
    let mut header = MAGIC.to_vec();
    header.extend(VERSION.to_le_bytes());
    header.extend(known.identity);
    header.extend((known.tokens.len() as u64).to_le_bytes());
    header.extend(state.to_le_bytes());
    header
}

fn write(path: &Path, known: &Known, state: &[u8]) -> io::Result<()> {
    let mut head = header(known);
    head.extend(known.tokens.iter().flat_map(|token| token.to_le_bytes()));
    let mut hash = Sha256::new();
    hash.update(&head);
    hash.update(state);
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path)?;
    file.write_all(&head)?;
    file.write_all(state)?;
    file.write_all(&hash.finalize())
}

/// What a file says of itself, if it can be a snapshot.
fn read_header(path: &Path) -> Option<Known> {
    if path.extension()? != ENDING {
        return None;
    }
    let mut file = fs_err::File::open(path).ok()?;
    let about = file.metadata().ok()?;
    let mut head = [0; HEADER_BYTES];
    file.read_exact(&mut head).ok()?;
    let number = |at: usize| -> Option<u64> {
        Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?))
    };
    let (count, state) = (number(40)?, number(48)?);
    let tokens = count.checked_mul(4).filter(|_| count <= MOST_TOKENS)?;
    let bytes = (HEADER_BYTES + CHECK_BYTES) as u64;
    let bytes = bytes.checked_add(tokens)?.checked_add(state)?;
    if head[..4] != MAGIC || head[4..8] != VERSION.to_le_bytes() || bytes != about.len() {
        return None;
    }
    let mut list = vec![0; usize::try_from(tokens).ok()?];
    file.read_exact(&mut list).ok()?;
    let (list, _) = list.as_chunks();
    Some(Known {
        path: path.to_path_buf(),
        identity: head[8..40].try_into().ok()?,
        tokens: list
            .iter()
            .map(|bytes| Token::from_le_bytes(*bytes))
            .collect(),
        bytes,
        used: about.modified().ok()?,
    })
}

/// Everything before the checksum, if that is right.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (body, check) = bytes.split_last_chunk::<CHECK_BYTES>()?;
    (Sha256::digest(body)[..] == check[..] && body.len() >= HEADER_BYTES).then_some(body)
}

#[expect(
    unsafe_code,
    reason = "the file is mapped, not copied; see the comment inside"
)]
fn map(path: &Path) -> Option<Mmap> {
    let file = fs_err::File::open(path).ok()?;
    // SAFETY: only read. The folder is ours, and this program never changes a snapshot
    // that is there: it writes new files and deletes old ones, which stay mapped.
    unsafe { Mmap::map(file.file()) }.ok()
}

/// Marks a file as used now, by the clock of its file system.
fn touch(path: &Path, before: SystemTime) -> SystemTime {
    let touched = fs_err::OpenOptions::new().append(true).open(path);
    let times = rustix::fs::Timestamps {
        last_access: NOW,
        last_modification: NOW,
    };
    touched
        .ok()
        .filter(|file| rustix::fs::futimens(file, &times).is_ok())
        .and_then(|file| file.metadata().ok()?.modified().ok())
        .unwrap_or(before)
}

const NOW: rustix::fs::Timespec = rustix::fs::Timespec {
    tv_sec: 0,
    tv_nsec: rustix::fs::UTIME_NOW,
};

/// A snapshot that cannot be deleted is refused the next time as it was now.
fn remove(path: &Path) {
    if let Err(error) = fs_err::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "a snapshot cannot be deleted");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use proptest::prelude::*;

    use super::*;

    const IDENTITY: Identity = [7; 32];

    struct World(tempfile::TempDir);

    impl World {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn folder(&self) -> PathBuf {
            self.0.path().join("kv")
        }

        fn store(&self, most_bytes: u64) -> Store {
            let folder = self.folder();
            Store::open(&SnapshotOptions { folder, most_bytes }).unwrap()
        }

        fn files(&self) -> Vec<PathBuf> {
            let entries = fs_err::read_dir(self.folder()).unwrap();
            entries.map(|entry| entry.unwrap().path()).collect()
        }
    }

    fn state(store: &mut Store, at: usize) -> Option<Vec<u8>> {
        let mut found = None;
        store.load(at, |state| {
            found = Some(state.to_vec());
            true
        });
        found
    }

    #[test]
    fn what_was_saved_is_found_after_a_restart() {
        let world = World::new();
        world
            .store(1 << 20)
            .save(&IDENTITY, &[1, 2, 3], b"state")
            .unwrap();
        let mut store = world.store(1 << 20);
        assert_eq!(store.best(&IDENTITY, &[1, 2, 9]), Some((0, 2)));
        assert_eq!(store.best(&[8; 32], &[1, 2, 3]), None, "another model's");
        assert_eq!(store.tokens(0), [1, 2, 3]);
        assert_eq!(state(&mut store, 0).unwrap(), b"state");
        let mode = world.files()[0].metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_conversation_that_goes_on_has_one_snapshot() {
        let world = World::new();
        let mut store = world.store(1 << 20);
        store.save(&IDENTITY, &[1, 2], b"a").unwrap();
        store.save(&IDENTITY, &[1, 9], b"other").unwrap();
        store.save(&IDENTITY, &[1, 2, 3], b"b").unwrap();
        assert_eq!(world.files().len(), 2);
        assert!(store.holds(&IDENTITY, &[1, 2]) && !store.holds(&IDENTITY, &[1, 2, 3, 4]));
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let world = World::new();
        let mut store = world.store(700);
        for token in 1..=3 {
            store.save(&IDENTITY, &[token], &[0; 100]).unwrap();
        }
        assert!(state(&mut store, 0).is_some(), "the first is used again");
        store.save(&IDENTITY, &[4], &[0; 100]).unwrap();
        let left: Vec<Token> = store.known.iter().map(|known| known.tokens[0]).collect();
        assert_eq!(left, [3, 1, 4]);
        assert_eq!(world.files().len(), 3);
        store.save(&IDENTITY, &[5], &[0; 1_000]).unwrap();
        assert_eq!(world.files().len(), 3, "larger than the bound");
        store.clear();
        assert!(world.files().is_empty());
    }

    #[test]
    fn a_state_that_llama_cpp_refuses_is_deleted() {
        let world = World::new();
        let mut store = world.store(1 << 20);
        store.save(&IDENTITY, &[1], b"state").unwrap();
        assert!(!store.load(0, |_| false));
        assert!(world.files().is_empty() && store.known.is_empty());
    }

    #[test]
    fn leftovers_and_strangers_are_deleted() {
        let world = World::new();
        drop(world.store(9));
        for name in ["1-1.part", "notes.txt", "empty.kv"] {
            fs_err::write(world.folder().join(name), b"").unwrap();
        }
        drop(world.store(9));
        assert!(world.files().is_empty());
    }

    proptest! {
        /// A file with any byte changed, or cut off anywhere, is never used.
        #[test]
        fn damage_is_found(at in 0usize..140, value: u8, cut: bool) {
            let world = World::new();
            world.store(1 << 20).save(&IDENTITY, &[1, 2, 3], &[5; 40]).unwrap();
            let path = world.files().remove(0);
            let mut bytes = fs_err::read(&path).unwrap();
            prop_assert_eq!(bytes.len(), 140);
            if cut {
                bytes.truncate(at);
            } else {
                prop_assume!(bytes[at] != value);
                bytes[at] = value;
            }
            fs_err::write(&path, &bytes).unwrap();
            let mut store = world.store(1 << 20);
            prop_assert!(store.known.is_empty() || state(&mut store, 0).is_none());
            prop_assert!(world.files().is_empty());
        }
    }
}
