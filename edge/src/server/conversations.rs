//! Which session a conversation belongs to, known by its history.
//!
//! A client of the standard API sends its whole conversation each time and no name for
//! it. The history up to an answer that was given here names the session of that answer.
//! Kept in memory only: after a restart a conversation goes on in a new session.
//!
//! # Invariants
//! - At most [`MOST`] conversations are known; the one noted longest ago goes first.
//! - Standing instructions do not count: clients put the date into them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};
use shared::id::SessionId;
use shared::template::Entry;

/// Conversations that are known.
const MOST: usize = 4_096;

type Digest = [u8; 32];

/// Sessions by the history that ends in one of their answers.
#[derive(Debug, Default)]
pub(super) struct Conversations(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Each with the number of its note.
    sessions: HashMap<Digest, (SessionId, u64)>,
    noted: u64,
}

impl Conversations {
    /// The session of a history; a history without an answer has none.
    pub(super) fn find(&self, history: &[Entry]) -> Option<SessionId> {
        history.iter().find(|entry| entry.role == "assistant")?;
        let digest = digest(history, None);
        let known = self.known();
        known.sessions.get(&digest).map(|(session, _)| *session)
    }

    /// Notes that `messages` were answered in a session.
    pub(super) fn note(&self, messages: &[Entry], answer: &str, session: SessionId) {
        let digest = digest(messages, Some(answer));
        let mut known = self.known();
        known.noted += 1;
        let number = known.noted;
        known.sessions.insert(digest, (session, number));
        if known.sessions.len() > MOST {
            let oldest = known.sessions.iter().min_by_key(|(_, (_, number))| *number);
            if let Some(oldest) = oldest.map(|(digest, _)| *digest) {
                known.sessions.remove(&oldest);
            }
        }
    }

    /// Forgets a session that is gone.
    pub(super) fn forget(&self, session: SessionId) {
        self.known()
            .sessions
            .retain(|_, (known, _)| *known != session);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of what was said and by whom; clients may trim what they send back.
fn digest(messages: &[Entry], answer: Option<&str>) -> Digest {
    let mut hash = Sha256::new();
    let mut add = |role: &str, content: &str| {
        let content = content.trim();
        hash.update(role.as_bytes());
        hash.update((content.len() as u64).to_le_bytes());
        hash.update(content.as_bytes());
    };
    for entry in messages.iter().filter(|entry| entry.role != "system") {
        add(&entry.role, &entry.content);
    }
    if let Some(answer) = answer {
        add("assistant", answer);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use shared::clock::Timestamp;

    use super::*;

    fn entry(role: &str, content: &str) -> Entry {
        Entry {
            role: role.to_owned(),
            content: content.to_owned(),
            ..Entry::default()
        }
    }

    #[test]
    fn a_history_leads_back_to_its_session() {
        let conversations = Conversations::default();
        let session = SessionId::new(Timestamp::from_millis(1), 1);
        let asked = [entry("system", "It is Monday"), entry("user", "Hello")];
        conversations.note(&asked, "Hi. ", session);
        let history = [
            entry("system", "It is Tuesday"),
            entry("user", "Hello"),
            entry("assistant", "Hi."),
        ];
        assert_eq!(conversations.find(&history), Some(session));
        assert_eq!(conversations.find(&history[..2]), None);
        conversations.forget(session);
        assert_eq!(conversations.find(&history), None);
    }

    #[test]
    fn the_longest_unused_conversation_goes_first() {
        let conversations = Conversations::default();
        let session = |n: usize| SessionId::new(Timestamp::from_millis(1), n as u128);
        for n in 0..=MOST {
            conversations.note(&[entry("user", &n.to_string())], "ok", session(n));
        }
        let history = |n: usize| [entry("user", &n.to_string()), entry("assistant", "ok")];
        assert_eq!(conversations.find(&history(0)), None);
        assert_eq!(conversations.find(&history(MOST)), Some(session(MOST)));
    }
}
