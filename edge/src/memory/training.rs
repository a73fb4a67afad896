//! What the owner thinks of answers, and the training examples made of finished turns.
//!
//! # Invariants
//! - An example lists every episode and memory it is made of, so that forgetting one
//!   of them finds it.
//! - An example that holds anything sensitive says so.

use shared::chat::Message;
use shared::example::{Example, ExampleError};
use shared::id::{EpisodeId, ExampleId, MemoryId};

use super::episode::{Episode, Feedback, ItemId, Verdict};
use super::store::StoreError;
use super::{Memory, MemoryError};

impl Memory {
    /// Keeps what the owner thinks of an answer, with the answer and with the examples
    /// made of it.
    ///
    /// # Errors
    /// [`MemoryError::Rating`] for a rating there is not, [`MemoryError::Store`] for an
    /// unknown episode.
    pub fn feedback(&self, answer: EpisodeId, feedback: Feedback) -> Result<(), MemoryError> {
        let change = match feedback {
            Feedback::Good => Change::Rating(5),
            Feedback::Bad => Change::Rating(1),
            Feedback::Rating(found) if !(1..=5).contains(&found) => {
                return Err(MemoryError::Rating { found });
            }
            Feedback::Rating(rating) => Change::Rating(rating),
            Feedback::Correction(text) => {
                let redacted = self.redactor.redact(&text).text.into_owned();
                let sensitive = !self.redactor.spoken_secrets(&text).is_empty();
                Change::Correction(redacted, sensitive)
            }
        };
        let in_example = |bytes: &[u8]| {
            let mut example = Example::decode(bytes).ok()?;
            change.apply_to_example(&mut example);
            example.encode().ok()
        };
        Ok(self
            .store
            .judge(answer, |verdict| change.apply(verdict), in_example)?)
    }

    /// Queues a finished turn as a training example: what the model was shown, what it
    /// answered, and what that was made from.
    ///
    /// # Errors
    /// [`MemoryError::Store`] for an unknown episode, [`MemoryError::Example`] where the
    /// example is too long.
    pub fn finish_turn(
        &self,
        question: EpisodeId,
        answer: EpisodeId,
        prompt: &[Message],
        given: &[ItemId],
    ) -> Result<ExampleId, MemoryError> {
        let asked = self.expect_episode(question)?;
        let answered = self.expect_episode(answer)?;
        let sensitive = asked.sensitive
            || answered.sensitive
            || self.any_sensitive(given.iter().copied())?
            || prompt
                .iter()
                .any(|m| !self.redactor.spoken_secrets(&m.content).is_empty());
        let example = Example {
            id: ExampleId::MIN,
            session: answered.session,
            created: self.clock.now(),
            prompt: self.redacted(prompt),
            answer: answered.text,
            corrected: answered.verdict.correction,
            rating: answered.verdict.rating.and_then(|r| i8::try_from(r).ok()),
            episodes: self.episodes_behind(&[question, answer], given)?,
            memories: memories_among(given),
            model: answered.model.unwrap_or_default(),
            adapter: answered.adapter,
            sensitive,
        };
        let encode = |id| -> Result<Vec<u8>, MemoryError> {
            let example = Example {
                id,
                ..example.clone()
            };
            let bytes = example.encode();
            bytes.map_err(|source| MemoryError::Example { source })
        };
        let (now, random) = (self.clock.now(), self.random());
        self.store
            .queue_example(now, random, &items_of(&example), encode)
    }

    /// The training examples in the queue, oldest first.
    ///
    /// # Errors
    /// [`MemoryError::Example`] for one that cannot be read.
    pub fn examples(&self) -> Result<Vec<Example>, MemoryError> {
        let queued = self.store.examples()?.into_iter();
        queued
            .map(|(_, bytes)| {
                Example::decode(&bytes).map_err(|source| MemoryError::Example { source })
            })
            .collect()
    }

    fn expect_episode(&self, id: EpisodeId) -> Result<Episode, MemoryError> {
        let missing = StoreError::Missing { id: id.to_string() };
        Ok(self.store.episode(id)?.ok_or(missing)?)
    }

    fn redacted(&self, prompt: &[Message]) -> Vec<Message> {
        let redact = |message: &Message| Message {
            role: message.role,
            content: self.redactor.redact(&message.content).text.into_owned(),
        };
        prompt.iter().map(redact).collect()
    }

    /// The episodes themselves, and those that the given items rest on.
    fn episodes_behind(
        &self,
        episodes: &[EpisodeId],
        given: &[ItemId],
    ) -> Result<Vec<EpisodeId>, MemoryError> {
        let mut all = episodes.to_vec();
        for item in given {
            match item {
                ItemId::Episode(id) => all.push(*id),
                ItemId::Memory(id) => {
                    let memory = self.store.memory(*id)?;
                    all.extend(memory.into_iter().flat_map(|memory| memory.evidence));
                }
            }
        }
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }
}

/// The items that an example hangs on.
pub(super) fn items_of(example: &Example) -> Vec<ItemId> {
    let episodes = example.episodes.iter().copied().map(ItemId::Episode);
    let memories = example.memories.iter().copied().map(ItemId::Memory);
    episodes.chain(memories).collect()
}

/// The items of an encoded example.
pub(super) fn items_of_bytes(bytes: &[u8]) -> Result<Vec<ItemId>, ExampleError> {
    Example::decode(bytes).map(|example| items_of(&example))
}

fn memories_among(items: &[ItemId]) -> Vec<MemoryId> {
    let memory = |item: &ItemId| match item {
        ItemId::Memory(id) => Some(*id),
        ItemId::Episode(_) => None,
    };
    items.iter().filter_map(memory).collect()
}

enum Change {
    Rating(u8),
    Correction(String, bool),
}

impl Change {
    fn apply(&self, verdict: &mut Verdict) {
        match self {
            Self::Rating(rating) => verdict.rating = Some(*rating),
            Self::Correction(text, _) => verdict.correction = Some(text.clone()),
        }
    }

    fn apply_to_example(&self, example: &mut Example) {
        match self {
            Self::Rating(rating) => example.rating = i8::try_from(*rating).ok(),
            Self::Correction(text, sensitive) => {
                example.corrected = Some(text.clone());
                example.sensitive |= sensitive;
            }
        }
    }
}
