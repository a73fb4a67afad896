//! Many answers at once from one model.
//!
//! One thread owns the native context; clients hand it requests and are told what comes
//! of them. Requests wait in a bounded queue for one of the slots; all slots share one
//! cache, so that a beginning that several have in common is read once and kept once.
//!
//! # Invariants
//! - The thread ends when the [`Engine`] and every client of it are gone.
//! - What can be refused is refused before a request waits.
//!
//! Units: tokens, bytes.

mod client;
mod counts;
mod disk;
mod job;
mod loaded;
mod owner;
mod place;
mod slot;
mod step;
mod tune;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use client::Client;
use counts::Shared;
use disk::{Disk, identity};
use job::{AdapterJob, Asked, Done, Job, Task, Update};
use owner::{Limits, Owner};
use place::Cache;
use slot::Line;

use super::constrain::Form;
use super::context::{Context, ContextOptions};
use super::file::Header;
use super::fit::{Fit, fit};
use super::snapshot::{SnapshotOptions, Store};
use super::ticket::Ticket;
use super::weights::Weights;
use super::{
    BATCH_TOKENS, GUESSED_TOKENS, LOGITS_BYTES, LlamaError, LoadOptions, adapter, backend, card,
    file,
};
use crate::generate::{
    self, AdapterChoice, AdapterError, AdapterState, EngineStatus, GenerateError, LanguageModel,
    MOST_SCALE, ModelCard, Request, Token, TokenScore,
};

/// Most slots.
pub const MOST_SLOTS: usize = 64;

/// Jobs that are neither answers nor scores and wait to be taken in.
const MOST_CHORES: usize = 8;

/// How many answers an engine makes at once, and how.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Answers that are made at once, `1..=`[`MOST_SLOTS`].
    pub slots: usize,
    /// Requests that may wait for one.
    pub queue: usize,
    /// Whether tokens are guessed ahead.
    pub speculate: Speculate,
    /// Where requests that allow it are kept on disk when nothing is asked; the model's
    /// digest must be known.
    pub snapshots: Option<SnapshotOptions>,
}

impl Default for EngineOptions {
    /// One answer, sixteen that wait, guesses, nothing on disk.
    fn default() -> Self {
        Self {
            slots: 1,
            queue: 16,
            speculate: Speculate::Yes,
            snapshots: None,
        }
    }
}

/// Whether tokens are guessed ahead, from what stands in prompt and answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speculate {
    /// Yes: quotes come faster, and nothing else changes.
    Yes,
    /// No.
    No,
}

/// A loaded model that answers many at once.
#[derive(Clone)]
pub struct Engine(Arc<Handle>);

/// What the engine and its clients share.
struct Handle {
    card: ModelCard,
    fit: Fit,
    weights: Arc<Weights>,
    shared: Arc<Shared>,
    /// Taken before the thread is waited for.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Loads a model and starts its thread.
    ///
    /// # Errors
    /// [`LlamaError`]: the file is bad or of a kind llama.cpp does not know, or there is
    /// not enough memory.
    pub fn start(load: &LoadOptions, options: &EngineOptions) -> Result<Self, LlamaError> {
        let path = load.path.as_path();
        let refuse = |source| LlamaError::File {
            path: path.to_path_buf(),
            source,
        };
        let header = file::read(path).map_err(refuse)?;
        let slots = options.slots.clamp(1, MOST_SLOTS);
        let mut fit = fit(&header, load, slots)?;
        let disk = open_disk(load, options, &header, &mut fit);
        backend::start()?;
        let weights = Weights::load(path, load.mapping, load.repack);
        let weights = Arc::new(weights.ok_or_else(|| LlamaError::Load {
            path: path.to_path_buf(),
            architecture: header.architecture.clone(),
        })?);
        let context = ContextOptions {
            cells: fit.cells,
            // One more, in which adapters are tried.
            sequences: slots + 1,
            threads: load.threads,
            kv_type: fit.kv_type,
            batch_tokens: BATCH_TOKENS,
            outputs: outputs(slots, weights.vocabulary()),
        };
        let context = Context::new(Arc::clone(&weights), context, Arc::default());
        let context = context.ok_or(LlamaError::Context { tokens: fit.cells })?;
        let shared = Arc::new(Shared::new(slots, options.queue));
        let (jobs, asked) = sync_channel(slots + options.queue + MOST_CHORES);
        let card = card(load, header, &weights, fit.context_tokens);
        let limits = Limits {
            slots,
            cache: Cache {
                cells: fit.cells as usize,
                keeps_tokens: weights.keeps_tokens(),
            },
            context_tokens: card.context_tokens,
            speculate: options.speculate,
            disk,
        };
        let owner = Owner::new(context, asked, Arc::clone(&shared), limits);
        let thread = std::thread::Builder::new().name("engine".to_owned());
        let thread = thread.spawn(move || owner.run());
        let thread = thread.map_err(|source| LlamaError::Thread { source })?;
        Ok(Self(Arc::new(Handle {
            card,
            fit,
            weights,
            shared,
            jobs: Some(jobs),
            thread: Some(thread),
        })))
    }

    /// What of the wanted memory was lowered to stay within the budget, in words.
    pub fn notes(&self) -> &[String] {
        &self.0.fit.notes
    }

    /// Asks something about adapters, and waits for the answer.
    fn adapter<T>(
        &self,
        name: &str,
        job: impl FnOnce(Sender<Result<T, AdapterError>>) -> AdapterJob,
    ) -> Result<T, GenerateError> {
        let (reply, answer) = channel();
        self.0.send(Job::Adapter(job(reply)))?;
        let answer = answer.recv().map_err(|_| GenerateError::Stopped)?;
        answer.map_err(|source| refused(name, source))
    }
}

/// Opens the snapshots, or notes why there are none.
fn open_disk(
    load: &LoadOptions,
    options: &EngineOptions,
    header: &Header,
    fit: &mut Fit,
) -> Option<Disk> {
    let (wanted, digest) = (options.snapshots.as_ref()?, load.digest.as_ref()?);
    match Store::open(wanted) {
        Ok(store) => Some(Disk {
            store,
            model: identity(digest, header.chat_template.as_deref(), load, fit),
        }),
        Err(error) => {
            fit.notes
                .push(format!("what is read is not kept on disk: {error}"));
            None
        }
    }
}

/// Rows of logits that one batch may ask for: each is as long as the vocabulary.
pub(super) fn outputs(slots: usize, vocabulary: usize) -> usize {
    let fits = LOGITS_BYTES / (4 * vocabulary.max(1));
    fits.min(BATCH_TOKENS).max(slots + 1 + GUESSED_TOKENS)
}

fn refused(name: &str, source: AdapterError) -> GenerateError {
    GenerateError::Adapter {
        name: name.to_owned(),
        source,
    }
}

impl generate::Engine for Engine {
    fn card(&self) -> &ModelCard {
        &self.0.card
    }

    fn model(&self) -> Box<dyn LanguageModel> {
        Box::new(Client::new(Arc::clone(&self.0)))
    }

    fn score(
        &self,
        tokens: &[Token],
        top: usize,
        adapter: &AdapterChoice,
    ) -> Result<Vec<TokenScore>, GenerateError> {
        // A text may fill the context: nothing comes after it.
        self.0.check(tokens, self.0.card.context_tokens)?;
        let (_, updates) = self.0.ask(tokens, Task::Score { top }, adapter, None)?;
        loop {
            match updates.recv() {
                Ok(Update::Done(Ok(Done::Scored(scores)))) => return Ok(scores),
                Ok(Update::Done(Err(error))) => return Err(error),
                Ok(Update::Done(Ok(Done::Answered(_)))) | Err(_) => {
                    return Err(GenerateError::Stopped);
                }
                Ok(_) => {}
            }
        }
    }

    fn status(&self) -> EngineStatus {
        self.0.shared.status()
    }

    fn adapters(&self) -> Vec<AdapterState> {
        let (reply, answer) = channel();
        let asked = self.0.send(Job::Adapter(AdapterJob::List { reply }));
        asked.map_or_else(|_| Vec::new(), |()| answer.recv().unwrap_or_default())
    }

    fn load_adapter(
        &self,
        name: &str,
        path: &Path,
        scale: f32,
    ) -> Result<AdapterState, GenerateError> {
        check_scale(name, scale)?;
        let digest = adapter::check(path, &self.0.card.architecture);
        let digest = digest.map_err(|source| refused(name, source))?;
        self.adapter(name, |reply| AdapterJob::Load {
            name: name.to_owned(),
            path: path.to_path_buf(),
            digest,
            scale,
            reply,
        })
    }

    fn activate_adapter(&self, name: Option<&str>) -> Result<(), GenerateError> {
        self.adapter(name.unwrap_or_default(), |reply| AdapterJob::Activate {
            name: name.map(str::to_owned),
            reply,
        })
    }

    fn scale_adapter(&self, name: &str, scale: f32) -> Result<(), GenerateError> {
        check_scale(name, scale)?;
        self.adapter(name, |reply| AdapterJob::Scale {
            name: name.to_owned(),
            scale,
            reply,
        })
    }

    fn unload_adapter(&self, name: &str) -> Result<(), GenerateError> {
        self.adapter(name, |reply| AdapterJob::Unload {
            name: name.to_owned(),
            reply,
        })
    }

    fn forget(&self) {
        let (done, is_done) = channel();
        if self.0.send(Job::Forget(done)).is_ok() {
            // An engine that stops meanwhile has forgotten as well.
            let _ = is_done.recv();
        }
    }
}

fn check_scale(name: &str, scale: f32) -> Result<(), GenerateError> {
    if (-MOST_SCALE..=MOST_SCALE).contains(&scale) {
        return Ok(());
    }
    Err(refused(name, AdapterError::Scale { scale }))
}

impl Handle {
    /// Refuses a prompt that cannot be read: empty, too long, of unknown tokens.
    fn check(&self, prompt: &[Token], most: usize) -> Result<(), GenerateError> {
        let vocabulary = self.weights.vocabulary();
        if prompt.is_empty() {
            return Err(GenerateError::EmptyPrompt);
        }
        if prompt.len() > most {
            return Err(GenerateError::ContextFull {
                prompt: prompt.len(),
                context: self.card.context_tokens,
            });
        }
        let known = |token: &Token| usize::try_from(*token).is_ok_and(|t| t < vocabulary);
        match prompt.iter().find(|token| !known(token)) {
            Some(&token) => Err(GenerateError::Token { token, vocabulary }),
            None => Ok(()),
        }
    }

    /// Asks for an answer: refused, or on its way.
    fn answer(
        &self,
        prompt: &[Token],
        request: &Request,
    ) -> Result<(Arc<Ticket>, Receiver<Update>), GenerateError> {
        request.sampling.check()?;
        // The answer needs room for a token.
        self.check(prompt, self.card.context_tokens - 1)?;
        let form = request.constraint.as_ref();
        let form = form.map(|constraint| Form::new(constraint, &self.weights));
        let task = Task::Answer {
            request: request.clone(),
            form: form.transpose()?,
        };
        self.ask(prompt, task, &request.adapter, request.deadline)
    }

    fn ask(
        &self,
        prompt: &[Token],
        task: Task,
        adapter: &AdapterChoice,
        deadline: Option<std::time::Duration>,
    ) -> Result<(Arc<Ticket>, Receiver<Update>), GenerateError> {
        self.shared.enter()?;
        let ticket = Ticket::new(deadline);
        let (updates, receiver) = channel();
        let line = Line {
            ticket: Arc::clone(&ticket),
            updates,
        };
        self.send(Job::Work(Box::new(Asked {
            prompt: prompt.to_vec(),
            task,
            adapter: adapter.clone(),
            line,
            told: None,
        })))?;
        Ok((ticket, receiver))
    }

    fn send(&self, job: Job) -> Result<(), GenerateError> {
        let jobs = self.jobs.as_ref().ok_or(GenerateError::Stopped)?;
        jobs.send(job).map_err(|_| GenerateError::Stopped)
    }
}

impl Drop for Handle {
    /// Waits for the thread, so that the model's memory is free afterwards.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the engine's thread had panicked");
        }
    }
}

#[cfg(test)]
mod tests;
