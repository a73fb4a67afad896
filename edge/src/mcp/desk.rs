//! What the tools do: arguments in, calls to memory, an answer out.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use shared::chat::Role;
use shared::clock::Clock;
use shared::id::{MemoryId, SessionId};

use super::problem::Problem;
use super::schema::{
    Entry, Forget, Forgotten, History, Hit, Item, Lately, MOST_ITEMS, Recall, Recalled, Remember,
    Remembered, rounded,
};
use crate::memory::episode::{Episode, ItemId, NewEpisode, Source};
use crate::memory::query::{Filter, Query};
use crate::memory::{Memory, MemoryError};

/// The longest text of one call, in bytes.
pub const MAX_TEXT_BYTES: usize = 1 << 20;
/// So many items where a call names no number.
const USUAL_ITEMS: usize = 10;
/// The longest name of an author, in characters.
const MAX_AUTHOR: usize = 64;
/// What a client is called that gives no name.
const NAMELESS: &str = "unknown client";

/// Whether clients may change memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Recall and history alone.
    Read,
    /// Everything.
    Write,
}

/// Removes lines that hold one of these texts from what was typed; says how many.
pub type ForgetTyped = Box<dyn Fn(&[String]) -> io::Result<usize> + Send + Sync>;

/// A memory, served to programs.
pub struct Desk {
    memory: Arc<Memory>,
    clock: Arc<dyn Clock>,
    access: Access,
    forget_typed: ForgetTyped,
    /// One at a time looks for its conversation and begins it.
    beginning: Mutex<()>,
}

impl Desk {
    /// A desk over a memory; `forget_typed` reaches what was typed in conversations.
    pub fn new(
        memory: Arc<Memory>,
        clock: Arc<dyn Clock>,
        access: Access,
        forget_typed: ForgetTyped,
    ) -> Self {
        Self {
            memory,
            clock,
            access,
            forget_typed,
            beginning: Mutex::new(()),
        }
    }

    /// Whether clients may change memory.
    pub(super) const fn access(&self) -> Access {
        self.access
    }

    pub(super) fn remember(&self, asked: &Remember, author: &str) -> Result<Remembered, Problem> {
        check("text", &asked.text)?;
        let appended = self.memory.append(NewEpisode {
            author: Some(author.to_owned()),
            ..NewEpisode::said(self.session(author)?, Source::Mcp, asked.text.as_str())
        })?;
        Ok(Remembered {
            id: appended.episode.to_string(),
            author: author.to_owned(),
            memories: self.items(&appended.memories)?,
            replaced: self.items(&appended.superseded)?,
            redacted: appended.redactions,
        })
    }

    pub(super) fn recall(&self, asked: &Recall) -> Result<Recalled, Problem> {
        check("question", &asked.question)?;
        let recall = self.memory.recall(&Query {
            limit: limit(asked.limit)?,
            filter: Filter {
                // What a model once said is no evidence.
                role: Some(Role::User),
                include_sensitive: false,
                ..Filter::default()
            },
            ..Query::new(asked.question.as_str(), self.clock.now())
        })?;
        let hits = recall.hits.iter().map(|hit| {
            let episode = self.memory.episode(hit.episode)?;
            Ok(Hit::new(hit, episode.and_then(|episode| episode.author)))
        });
        Ok(Recalled {
            confidence: rounded(recall.confidence),
            hits: hits.collect::<Result<_, MemoryError>>()?,
        })
    }

    pub(super) fn forget(&self, asked: &Forget) -> Result<Forgotten, Problem> {
        let item = self.memory.find(&asked.id)?;
        let texts = self.memory.texts(item)?;
        let receipt = self.memory.forget(item)?;
        let typed = (self.forget_typed)(&texts).map_err(|source| Problem::Typed { source })?;
        Ok(Forgotten::new(&receipt, typed))
    }

    pub(super) fn history(&self, asked: &History) -> Result<Lately, Problem> {
        let limit = limit(asked.limit)?;
        let entries = match &asked.id {
            None => self.lately(limit)?,
            Some(id) => {
                let mut line = self.line(self.memory.find(id)?)?;
                line.drain(..line.len().saturating_sub(limit));
                line
            }
        };
        Ok(Lately { entries })
    }

    /// The conversation that keeps what this client writes.
    fn session(&self, author: &str) -> Result<SessionId, MemoryError> {
        let title = format!("{author} (MCP)");
        let _alone = self
            .beginning
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.memory.session_titled(&title)
    }

    fn items(&self, ids: &[MemoryId]) -> Result<Vec<Item>, MemoryError> {
        let mut items = Vec::new();
        for id in ids {
            items.extend(self.memory.memory(*id)?.map(Item::new));
        }
        Ok(items)
    }

    fn lately(&self, limit: usize) -> Result<Vec<Entry>, MemoryError> {
        let told = |episode: &Episode| episode.role == Role::User && !episode.sensitive;
        let newest = self.memory.newest_episodes(limit, told)?;
        Ok(newest.into_iter().map(Entry::turn).collect())
    }

    /// How an item came about, oldest first.
    fn line(&self, item: ItemId) -> Result<Vec<Entry>, Problem> {
        let id = match item {
            ItemId::Episode(id) => {
                let turn = self.memory.episode(id)?;
                let turn = turn.filter(|turn| !turn.sensitive);
                return Ok(vec![Entry::turn(turn.ok_or(Problem::Sensitive)?)]);
            }
            ItemId::Memory(id) => id,
        };
        let mut entries = Vec::new();
        for memory in self.memory.lineage(id)? {
            if memory.id == id && memory.sensitive {
                return Err(Problem::Sensitive);
            }
            for evidence in &memory.evidence {
                entries.extend(self.memory.episode(*evidence)?.map(Entry::turn));
            }
            entries.push(Entry::memory(memory));
        }
        Ok(entries)
    }
}

/// A client's name as it may be kept: one short line.
pub(super) fn author(name: Option<&str>) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let line: String = name.unwrap_or_default().chars().map(shown).collect();
    let short: String = line.trim().chars().take(MAX_AUTHOR).collect();
    if short.is_empty() {
        return NAMELESS.to_owned();
    }
    short
}

fn check(argument: &'static str, text: &str) -> Result<(), Problem> {
    if text.trim().is_empty() {
        return Err(Problem::Empty { argument });
    }
    if text.len() > MAX_TEXT_BYTES {
        return Err(Problem::TooLong {
            argument,
            found: text.len(),
            limit: MAX_TEXT_BYTES,
        });
    }
    Ok(())
}

fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked {
        None => Ok(USUAL_ITEMS),
        Some(limit) if (1..=MOST_ITEMS).contains(&limit) => Ok(limit),
        Some(found) => Err(Problem::Limit {
            found,
            most: MOST_ITEMS,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_is_one_short_line() {
        assert_eq!(author(Some(" an\nedi\u{1b}tor ")), "an edi tor");
        assert_eq!(author(Some(&"я".repeat(100))).chars().count(), MAX_AUTHOR);
        for nameless in [None, Some(""), Some("\t\n")] {
            assert_eq!(author(nameless), NAMELESS);
        }
    }

    #[test]
    fn a_limit_is_within_its_bounds() {
        assert!(matches!(limit(None), Ok(USUAL_ITEMS)));
        assert!(matches!(limit(Some(MOST_ITEMS)), Ok(MOST_ITEMS)));
        for wrong in [0, MOST_ITEMS + 1] {
            assert!(
                matches!(limit(Some(wrong)), Err(Problem::Limit { found, .. }) if found == wrong)
            );
        }
    }
}
