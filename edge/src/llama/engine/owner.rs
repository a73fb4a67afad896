//! The one thread that computes: takes requests in, gives them slots, and steps.
//!
//! # Invariants
//! - Every request is answered exactly once, with [`Update::Done`].
//! - Requests begin in the order they came.
//! - A request that nobody waits for any more loses its slot before the next batch.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use super::Speculate;
use super::counts::Shared;
use super::disk::Disk;
use super::job::{Asked, Done, Job, Task, Update};
use super::loaded::{self, Adapters, Chosen};
use super::place::{Cache, Place, Wanted, place};
use super::slot::{Aim, Answer, Slot, Work, unbegun};
use super::step::Pace;
use crate::generate::stream::Assembler;
use crate::generate::{AdapterError, GenerateError, Keep, Stop, Token};
use crate::llama::choose::Chooser;
use crate::llama::context::{Batch, Context};
use crate::llama::speculate::Lookup;
use crate::llama::ticket::now;

/// What was read is written to disk after this much rest.
const REST: Duration = Duration::from_secs(2);

/// How much the thread may do.
pub(super) struct Limits {
    pub(super) slots: usize,
    pub(super) cache: Cache,
    /// Tokens of one answer and its prompt.
    pub(super) context_tokens: usize,
    pub(super) speculate: Speculate,
    pub(super) disk: Option<Disk>,
}

/// Everything that the thread owns.
pub(super) struct Owner {
    pub(super) context: Context,
    pub(super) slots: Vec<Slot>,
    pub(super) queue: VecDeque<Box<Asked>>,
    pub(super) jobs: Receiver<Job>,
    pub(super) shared: Arc<Shared>,
    pub(super) adapters: Adapters,
    /// What the context computes with.
    pub(super) set: Option<Chosen>,
    pub(super) batch: Batch,
    pub(super) cache: Cache,
    pub(super) context_tokens: usize,
    pub(super) speculate: Speculate,
    pub(super) disk: Option<Disk>,
    pub(super) pace: Pace,
    /// Whose turn it is when slots cannot share a batch.
    pub(super) turn: usize,
    pub(super) uses: u64,
}

impl Owner {
    pub(super) fn new(
        context: Context,
        jobs: Receiver<Job>,
        shared: Arc<Shared>,
        limits: Limits,
    ) -> Self {
        Self {
            context,
            slots: (0..limits.slots).map(|_| Slot::default()).collect(),
            queue: VecDeque::new(),
            jobs,
            shared,
            adapters: Adapters::default(),
            set: None,
            batch: Batch::default(),
            cache: limits.cache,
            context_tokens: limits.context_tokens,
            speculate: limits.speculate,
            disk: limits.disk,
            pace: Pace::default(),
            turn: 0,
            uses: 0,
        }
    }

    /// Works until the engine and every client are gone.
    pub(super) fn run(mut self) {
        while self.receive() {
            self.end_what_is_over();
            self.admit();
            self.step();
        }
        self.save();
    }

    /// Takes in what was asked meanwhile; waits where there is nothing else to do.
    /// Whether anybody is left who could ask.
    fn receive(&mut self) -> bool {
        if self.queue.is_empty() && self.slots.iter().all(|slot| slot.work.is_none()) {
            if self.has_unsaved() {
                match self.jobs.recv_timeout(REST) {
                    Ok(job) => self.take(job),
                    Err(RecvTimeoutError::Timeout) => self.save(),
                    Err(RecvTimeoutError::Disconnected) => return false,
                }
            } else {
                match self.jobs.recv() {
                    Ok(job) => self.take(job),
                    Err(_) => return false,
                }
            }
        }
        loop {
            match self.jobs.try_recv() {
                Ok(job) => self.take(job),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Work(asked) => self.queue.push_back(asked),
            Job::Adapter(job) => self.adapter_job(job),
            Job::Forget(done) => {
                for slot in 0..self.slots.len() {
                    if self.slots[slot].work.is_none() {
                        self.empty(slot);
                    }
                }
                if let Some(disk) = &mut self.disk {
                    disk.store.clear();
                }
                // Whoever asked may have gone away.
                let _ = done.send(());
            }
        }
    }

    /// Ends requests that were cancelled or are late.
    fn end_what_is_over(&mut self) {
        for slot in 0..self.slots.len() {
            let work = self.slots[slot].work.as_ref();
            if let Some(stop) = work.and_then(|work| work.line.ticket.over()) {
                self.finish(slot, stop);
            }
        }
        let (over, waiting): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.queue)
            .into_iter()
            .partition(|asked| asked.line.ticket.over().is_some());
        self.queue = waiting;
        for asked in over {
            let stop = asked.line.ticket.over().unwrap_or(Stop::Cancelled);
            let done = match asked.task {
                Task::Answer { .. } => Done::Answered(unbegun(&asked.prompt, stop)),
                Task::Score { .. } => Done::Scored(Vec::new()),
            };
            self.dismiss(&asked, Ok(done));
        }
    }

    /// Gives slots to those who wait, as far as there are any.
    fn admit(&mut self) {
        while let Some(asked) = self.queue.pop_front() {
            let adapter = match self.adapters.choose(&asked.adapter) {
                Ok(adapter) => adapter,
                Err(source) => {
                    let error = adapter_error(&asked, source);
                    self.dismiss(&asked, Err(error));
                    continue;
                }
            };
            let cells = self.cells(&asked);
            let views: Vec<_> = self.slots.iter().map(Slot::view).collect();
            let wanted = Wanted {
                // Scores are needed of every token: nothing read before serves them.
                prompt: match asked.task {
                    Task::Answer { .. } => &asked.prompt,
                    Task::Score { .. } => &[],
                },
                key: loaded::key(adapter.as_ref()),
                cells,
            };
            match place(&views, &wanted, self.cache) {
                Some(place) => self.begin(*asked, adapter, cells, &place),
                None => {
                    self.queue.push_front(asked);
                    break;
                }
            }
        }
        for (ahead, asked) in self.queue.iter_mut().enumerate() {
            if asked.told.replace(ahead) != Some(ahead) {
                // One that has gone away is found when its turn comes.
                let _ = asked.line.updates.send(Update::Queued(ahead));
            }
        }
        let busy = self.slots.iter().filter(|slot| slot.work.is_some()).count();
        let queued = self.queue.len();
        let active = self.adapters.active();
        self.shared.count(|status| {
            (status.busy, status.queued, status.adapter) = (busy, queued, active);
        });
    }

    /// Cells that a request may come to hold.
    fn cells(&self, asked: &Asked) -> usize {
        let more = match &asked.task {
            Task::Answer { request, .. } => request.max_tokens,
            Task::Score { .. } => 0,
        };
        asked
            .prompt
            .len()
            .saturating_add(more)
            .min(self.context_tokens)
    }

    fn begin(&mut self, asked: Asked, adapter: Option<Chosen>, cells: usize, place: &Place) {
        let identity = self.identity(adapter.as_ref());
        let mut keep = match place.share {
            None => self.keep(place.slot, place.keep),
            Some((from, count)) => {
                self.share(from, place.slot, &asked.prompt[..count]);
                count
            }
        };
        for &slot in &place.evict {
            self.empty(slot);
        }
        let slot = &mut self.slots[place.slot];
        slot.key = loaded::key(adapter.as_ref());
        slot.identity = identity;
        let mut follow = place.follow;
        if let Task::Answer { .. } = asked.task
            && let Some(restored) = self.restore(place.slot, &asked.prompt, keep)
        {
            keep = restored;
            follow = follow.filter(|&(_, count)| count > restored);
        }
        let slot = &mut self.slots[place.slot];
        let prompt = asked.prompt;
        let aim = match asked.task {
            Task::Score { top } => {
                slot.may_save = false;
                Aim::Score {
                    top,
                    scores: Vec::with_capacity(prompt.len()),
                }
            }
            Task::Answer { request, form } => {
                slot.may_save &= request.keep == Keep::Disk;
                let vocabulary = self.context.weights().vocabulary();
                let guesses = self.speculate == Speculate::Yes && self.cache.keeps_tokens;
                Aim::Answer(Box::new(Answer {
                    chooser: Chooser::new(&request.sampling, vocabulary, &prompt, form),
                    out: Assembler::new(&request.stop),
                    next: None,
                    count: 0,
                    most: cells - prompt.len(),
                    logprobs: request.logprobs,
                    lookup: guesses.then(Lookup::default),
                    text: prompt.clone(),
                }))
            }
        };
        let total = prompt.len() - keep;
        let work = Work {
            prompt,
            cells,
            cached: keep,
            follow,
            adapter,
            line: asked.line,
            aim,
            began: now(),
            read: None,
        };
        work.line.tell(Update::Prefill(0, total));
        slot.work = Some(work);
    }

    /// Forgets what a slot holds beyond its first `keep` tokens; how many are left.
    pub(super) fn keep(&mut self, slot: usize, keep: usize) -> usize {
        let held = &mut self.slots[slot].held;
        if keep < held.len() {
            let kept = self.context.remove(slot, keep);
            held.truncate(if kept { keep } else { 0 });
        }
        let left = held.len();
        if left == 0 {
            (self.slots[slot].may_save, self.slots[slot].saved) = (true, 0);
        }
        left
    }

    /// Forgets all that a slot holds.
    pub(super) fn empty(&mut self, slot: usize) {
        self.keep(slot, 0);
    }

    /// Lets `to` hold `tokens`, with which what `from` holds begins.
    pub(super) fn share(&mut self, from: usize, to: usize, tokens: &[Token]) {
        let slot = &self.slots[to];
        let may_save = slot.may_save || slot.work.is_none();
        self.empty(to);
        self.context.share(from, to, tokens.len());
        self.slots[to].may_save = may_save && self.slots[from].may_save;
        self.slots[to].held.extend_from_slice(tokens);
    }

    /// Ends an answer and frees its slot.
    pub(super) fn finish(&mut self, slot: usize, stop: Stop) {
        if let Some(work) = self.slots[slot].work.take() {
            let took = now().saturating_duration_since(work.began);
            let (prompt, cached) = (work.prompt.len(), work.cached);
            let updates = work.line.updates.clone();
            let done = work.finish(stop);
            let generated = match &done {
                Done::Answered(done) => done.generated_tokens,
                Done::Scored(_) => 0,
            };
            self.shared.count(|status| {
                status.prompt_tokens += prompt as u64;
                status.cached_tokens += cached as u64;
                status.generated_tokens += generated as u64;
            });
            self.release(slot, took);
            // Whoever has gone away needs no answer.
            let _ = updates.send(Update::Done(Ok(done)));
        }
    }

    /// Ends an answer with an error and frees its slot.
    pub(super) fn fail(&mut self, slot: usize, error: GenerateError) {
        if let Some(work) = self.slots[slot].work.take() {
            self.release(slot, now().saturating_duration_since(work.began));
            let _ = work.line.updates.send(Update::Done(Err(error)));
        }
    }

    fn release(&mut self, slot: usize, took: Duration) {
        self.uses += 1;
        self.slots[slot].used = self.uses;
        self.shared.leave(took);
        self.give_up_adapters();
    }

    /// Answers a request that never had a slot.
    fn dismiss(&self, asked: &Asked, answer: Result<Done, GenerateError>) {
        self.shared.leave(Duration::ZERO);
        // Whoever has gone away needs no answer.
        let _ = asked.line.updates.send(Update::Done(answer));
    }
}

fn adapter_error(asked: &Asked, source: AdapterError) -> GenerateError {
    let name = match &asked.adapter {
        crate::generate::AdapterChoice::Named(name) => name.clone(),
        _ => String::new(),
    };
    GenerateError::Adapter { name, source }
}
