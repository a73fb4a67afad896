//! A memory as lines of JSON, and back.
//!
//! The first line is a [`Header`]; each further line is one entry: sessions, tombstones,
//! memories, episodes, examples, in this order, so that whatever a line refers to stands
//! above it. What is derived is not written: it is built anew.
//!
//! # Invariants
//! - Export and import of everything give an equal memory, identifiers included.
//! - Importing a second time changes nothing, and what was forgotten does not come back.
//! - Sensitive entries are written only when asked for; the header counts the others.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};
use shared::clock::Timestamp;
use shared::example::Example;
use shared::id::{EpisodeId, MemoryId, SessionId};

use super::episode::{Episode, Intent};
use super::record::MemoryRecord;
use super::report::{ExportOptions, Exported, Imported};
use super::schema::rows::SessionRow;
use super::store::append::Part;
use super::store::transfer::{Incoming, Outcome, tombstone_key};
use super::{Memory, MemoryError, training};

/// The format written, and the only one read.
const VERSION: u32 = 1;
/// The longest line read, in bytes.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// So many entries are written in one transaction.
const BATCH: usize = 256;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    /// The version of the format.
    scrubjay_memory: u32,
    exported: Timestamp,
    /// What hides the words of the tombstones, in hexadecimal.
    salt: String,
    /// Sensitive entries that are not in this file.
    left_out: u64,
}

/// Every other line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Session {
        id: SessionId,
        title: String,
        started: Timestamp,
    },
    Tombstone {
        words: String,
        at: Timestamp,
    },
    Memory(MemoryRecord),
    Episode(Box<Episode>),
    Example(Box<Example>),
}

impl Memory {
    /// Writes everything as lines of JSON.
    ///
    /// # Errors
    /// [`MemoryError::Write`] where they cannot be written.
    pub fn export(
        &self,
        out: &mut dyn Write,
        options: ExportOptions,
    ) -> Result<Exported, MemoryError> {
        let shown = |sensitive: bool| options.sensitive || !sensitive;
        let mut kept = BTreeSet::new();
        let mut left_out = 0;
        self.store.each_episode(|episode| {
            if shown(episode.sensitive) {
                kept.insert(episode.id);
            } else {
                left_out += 1;
            }
            Ok::<(), MemoryError>(())
        })?;
        let (memories, without) = self.exported_memories(options, &kept)?;
        let all = self.examples()?;
        let examples: Vec<&Example> = all.iter().filter(|e| shown(e.sensitive)).collect();
        left_out += without + (all.len() - examples.len()) as u64;
        let mut writer = Lines { out, lines: 0 };
        writer.put(&Header {
            scrubjay_memory: VERSION,
            exported: self.clock.now(),
            salt: hex(&self.store.salt()?),
            left_out,
        })?;
        self.write_frame(&mut writer)?;
        for memory in memories {
            writer.put(&Line::Memory(memory))?;
        }
        self.store.each_episode(|episode| {
            if !kept.contains(&episode.id) {
                return Ok(());
            }
            writer.put(&Line::Episode(Box::new(episode)))
        })?;
        for example in examples {
            writer.put(&Line::Example(Box::new(example.clone())))?;
        }
        Ok(Exported {
            lines: writer.lines - 1,
            left_out,
        })
    }

    /// Takes in what [`Memory::export`] wrote. What is here already stays as it is, and
    /// what was forgotten here does not come back.
    ///
    /// # Errors
    /// [`MemoryError::Line`] for a line that cannot be read; the lines above it were
    /// taken in, and importing again goes on from there.
    pub fn import(&self, from: &mut dyn BufRead) -> Result<Imported, MemoryError> {
        let mut reader = Reader { from, number: 0 };
        let header = reader.header()?;
        let salt = decode_hex(&header.salt);
        let same_salt = salt.is_some_and(|salt| self.store.adopt_salt(&salt).unwrap_or(false));
        let mut intake = Intake {
            memory: self,
            waiting: Vec::new(),
            memories: Vec::new(),
            imported: Imported::default(),
        };
        while let Some(line) = reader.line()? {
            match line {
                Line::Tombstone { .. } if !same_salt => intake.imported.tombstones_skipped += 1,
                line => intake.take(line, reader.number)?,
            }
        }
        intake.finish()
    }

    fn write_frame(&self, writer: &mut Lines<'_>) -> Result<(), MemoryError> {
        for (id, row) in self.store.session_rows()? {
            writer.put(&Line::Session {
                id,
                title: row.title,
                started: row.started,
            })?;
        }
        for (key, at) in self.store.tombstones()? {
            let words = hex(&key);
            writer.put(&Line::Tombstone { words, at })?;
        }
        Ok(())
    }

    /// The memories that are written, without evidence that is not, and how many are
    /// left out.
    fn exported_memories(
        &self,
        options: ExportOptions,
        kept: &BTreeSet<EpisodeId>,
    ) -> Result<(Vec<MemoryRecord>, u64), MemoryError> {
        let all = self.store.memories(|_| true)?;
        let count = all.len();
        let mut memories: Vec<MemoryRecord> = all
            .into_iter()
            .filter(|memory| options.sensitive || !memory.sensitive)
            .map(|mut memory| {
                memory.evidence.retain(|id| kept.contains(id));
                memory
            })
            .filter(|memory| !memory.evidence.is_empty())
            .collect();
        let ids: BTreeSet<MemoryId> = memories.iter().map(|memory| memory.id).collect();
        for memory in &mut memories {
            memory.successor = memory.successor.filter(|next| ids.contains(next));
        }
        let left_out = (count - memories.len()) as u64;
        Ok((memories, left_out))
    }

    /// Imported words pass redaction too, unless they were asked to be remembered.
    fn received(&self, mut episode: Episode) -> Episode {
        if episode.intent == Intent::Said {
            episode.text = self.redactor.redact(&episode.text).text.into_owned();
        }
        episode
    }
}

/// Entries on their way in.
struct Intake<'a> {
    memory: &'a Memory,
    waiting: Vec<Incoming>,
    memories: Vec<MemoryId>,
    imported: Imported,
}

impl Intake<'_> {
    fn take(&mut self, line: Line, number: u64) -> Result<(), MemoryError> {
        let incoming = match line {
            Line::Session { id, title, started } => {
                Incoming::Session(id, SessionRow { title, started })
            }
            Line::Tombstone { words, at } => {
                let key = tombstone_key(&words).ok_or(MemoryError::Line {
                    number,
                    problem: "the tombstone is not 64 hexadecimal digits".to_owned(),
                })?;
                Incoming::Tombstone(key, at)
            }
            Line::Memory(memory) => {
                self.memories.push(memory.id);
                Incoming::Memory(memory)
            }
            Line::Episode(episode) => {
                let episode = self.memory.received(*episode);
                Incoming::Episode(Box::new(episode), Vec::new())
            }
            Line::Example(example) => {
                let bytes = example.encode();
                let bytes = bytes.map_err(|source| MemoryError::Example { source })?;
                Incoming::Example(example.id, bytes, training::items_of(&example))
            }
        };
        self.waiting.push(incoming);
        if self.waiting.len() >= BATCH {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), MemoryError> {
        let mut waiting = std::mem::take(&mut self.waiting);
        let mut taught: HashMap<EpisodeId, usize> = HashMap::new();
        for entry in &waiting {
            match entry {
                Incoming::Memory(memory) => {
                    for evidence in &memory.evidence {
                        *taught.entry(*evidence).or_default() += 1;
                    }
                }
                Incoming::Episode(episode, _) => {
                    let known = self.memory.store.memories_of(episode.id)?.len();
                    *taught.entry(episode.id).or_default() += known;
                }
                _ => {}
            }
        }
        let mut parts: Vec<(&Episode, &mut Part)> = Vec::new();
        for entry in &mut waiting {
            if let Incoming::Episode(episode, found) = entry {
                let memories = taught.get(&episode.id).copied().unwrap_or(0);
                *found = self.memory.parts(episode, memories);
                parts.extend(found.iter_mut().map(|part| (&**episode, part)));
            }
        }
        self.memory.embed_parts(parts);
        for outcome in self.memory.store.take_in(&waiting)? {
            match outcome {
                Outcome::Added => self.imported.added += 1,
                Outcome::Known => self.imported.known += 1,
                Outcome::Forgotten => self.imported.forgotten += 1,
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Imported, MemoryError> {
        self.flush()?;
        self.memory.store.settle(&self.memories)?;
        Ok(self.imported)
    }
}

struct Lines<'a> {
    out: &'a mut dyn Write,
    lines: u64,
}

impl Lines<'_> {
    fn put(&mut self, line: &impl Serialize) -> Result<(), MemoryError> {
        let written = serde_json::to_writer(&mut *self.out, line)
            .map_err(io::Error::from)
            .and_then(|()| self.out.write_all(b"\n"));
        self.lines += 1;
        written.map_err(|source| MemoryError::Write { source })
    }
}

struct Reader<'a> {
    from: &'a mut dyn BufRead,
    number: u64,
}

impl Reader<'_> {
    fn header(&mut self) -> Result<Header, MemoryError> {
        let header: Header = self
            .next()?
            .ok_or_else(|| self.refused("there is no header"))?;
        if header.scrubjay_memory != VERSION {
            let found = header.scrubjay_memory;
            return Err(self.refused(&format!(
                "it is of version {found}, this program reads version {VERSION}"
            )));
        }
        Ok(header)
    }

    fn line(&mut self) -> Result<Option<Line>, MemoryError> {
        self.next()
    }

    fn next<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<T>, MemoryError> {
        loop {
            self.number += 1;
            let mut text = String::new();
            let read = io::Read::take(&mut *self.from, MAX_LINE_BYTES).read_line(&mut text);
            match read {
                Ok(0) => return Ok(None),
                Ok(_) if text.trim().is_empty() => {}
                Ok(_) => {
                    let parsed = serde_json::from_str(&text);
                    return parsed.map(Some).map_err(|e| self.refused(&e.to_string()));
                }
                Err(error) => return Err(self.refused(&error.to_string())),
            }
        }
    }

    fn refused(&self, problem: &str) -> MemoryError {
        MemoryError::Line {
            number: self.number,
            problem: problem.to_owned(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    tombstone_key(text).map(Vec::from)
}
