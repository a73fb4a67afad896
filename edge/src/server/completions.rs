//! `POST /v1/completions`: bare prompts continued, echoed and scored.
//!
//! Prompts are worked off one after the other, each answer on its own; with `echo` and
//! `logprobs` the tokens of the prompt are scored as well, as `lm-eval` wants it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

use super::answer::{self, Head, Usage, finish_reason};
use super::decode::Sending;
use super::decode::completion::{CompletionRequest, Prompt, decode};
use super::generation::{self, Finished, Heard, Job, News, Speaker};
use super::logprobs::Lists;
use super::refusal::Refusal;
use super::sse::{self, Events, Script};
use super::state::{Loaded, Shared};
use super::talk::{check_room, numbered};
use super::{body, json_response};
use crate::generate::{Completion, LanguageModel, Request as Ask, Stop, Token, TokenScore};

const OBJECT: &str = "text_completion";

pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let asked = Arc::new(decode(&body::read(request, &shared).await?)?);
    let loaded = shared.model_named(&asked.model)?;
    let head = Head::new("cmpl", &shared, &loaded);
    let places = shared.places(1)?;
    let (speaker, heard) = generation::channel();
    let work = Work {
        shared: Arc::clone(&shared),
        loaded,
        asked: Arc::clone(&asked),
        speaker,
    };
    let work = tokio::task::spawn_blocking(move || {
        let _places = places;
        work.run()
    });
    match asked.sending {
        Sending::Stream { usage } => sse::respond(heard, Stream::new(head, &asked, usage)).await,
        Sending::Whole => {
            let choices = wait(work, heard).await?;
            Ok(json_response(StatusCode::OK, &whole(&head, choices)))
        }
    }
}

/// Waits for every answer; whoever stops waiting stops the work.
async fn wait(
    work: JoinHandle<Result<Vec<Choice>, Refusal>>,
    mut heard: Receiver<Heard>,
) -> Result<Vec<Choice>, Refusal> {
    while heard.recv().await.is_some() {}
    work.await.map_err(|error| Refusal::internal(&error))?
}

/// A finished answer.
struct Choice {
    text: String,
    logprobs: Option<Value>,
    finished: Finished,
}

/// What is done on a thread of its own.
struct Work {
    shared: Arc<Shared>,
    loaded: Arc<Loaded>,
    asked: Arc<CompletionRequest>,
    speaker: Speaker,
}

impl Work {
    /// Works everything off, telling of each answer as it is made.
    fn run(&self) -> Result<Vec<Choice>, Refusal> {
        let mut model = self.loaded.engine.model();
        let mut choices = Vec::new();
        for prompt in &self.asked.prompts {
            for _ in 0..self.asked.count {
                let index = choices.len();
                match self.one(index, prompt, model.as_mut()) {
                    Ok(choice) => choices.push(choice),
                    Err(refusal) => {
                        // Whoever reads a stream is told so, whoever waits gets it as such.
                        if matches!(self.asked.sending, Sending::Whole) {
                            return Err(refusal);
                        }
                        let _ = self.speaker.say((index, News::Done(Err(refusal))));
                        return Ok(choices);
                    }
                }
            }
        }
        Ok(choices)
    }

    fn one(
        &self,
        index: usize,
        prompt: &Prompt,
        model: &mut dyn LanguageModel,
    ) -> Result<Choice, Refusal> {
        let asked = &self.asked;
        let tokens = self.tokens(prompt, model)?;
        let defaults = &self.shared.settings().defaults;
        let ask = asked.manner.request(defaults, model.card(), &asked.wishes);
        let ask = numbered(&ask, index % asked.count);
        let generates = ask.max_tokens > 0;
        check_room(
            tokens.len() - usize::from(!generates),
            model.card().context_tokens,
        )?;
        let shown = if asked.echo {
            echoed(prompt, &tokens, model)?
        } else {
            String::new()
        };
        if !shown.is_empty() {
            let (text, scores) = (shown.clone(), Vec::new());
            let _ = self.speaker.say((index, News::Text { text, scores }));
        }
        let mut lists = ask.logprobs.map(|_| Lists::default());
        if let (true, Some(lists)) = (asked.echo, &mut lists) {
            self.score(&tokens, &ask, model, lists)?;
        }
        let (completion, scores) = if generates {
            self.generate(index, &tokens, &ask, model)?
        } else {
            (nothing(tokens.len()), Vec::new())
        };
        if let Some(lists) = &mut lists {
            scores.iter().for_each(|score| lists.add(score));
        }
        let finished = |completion| Finished {
            completion,
            answer: None,
        };
        let told = News::Done(Ok(finished(completion.clone())));
        let _ = self.speaker.say((index, told));
        Ok(Choice {
            text: shown + &completion.text,
            logprobs: lists.map(Lists::json),
            finished: finished(completion),
        })
    }

    fn generate(
        &self,
        index: usize,
        prompt: &[Token],
        request: &Ask,
        model: &mut dyn LanguageModel,
    ) -> Result<(Completion, Vec<TokenScore>), Refusal> {
        let job = Job {
            index,
            prompt,
            request,
        };
        generation::generate_scored(&self.shared, model, &job, &self.speaker)
    }

    /// The prompt's tokens, begun as the model wants it where the prompt is text.
    fn tokens(&self, prompt: &Prompt, model: &dyn LanguageModel) -> Result<Vec<Token>, Refusal> {
        let tokens = match prompt {
            Prompt::Tokens(tokens) => tokens.clone(),
            Prompt::Text(text) => {
                let card = model.card();
                if card.adds_bos && !text.starts_with(&card.bos) {
                    model.tokenize(&format!("{}{text}", card.bos))?
                } else {
                    model.tokenize(text)?
                }
            }
        };
        if tokens.is_empty() {
            return Err(Refusal::invalid("prompt", "is empty"));
        }
        Ok(tokens)
    }

    /// How likely the prompt itself is.
    fn score(
        &self,
        tokens: &[Token],
        request: &Ask,
        model: &dyn LanguageModel,
        lists: &mut Lists,
    ) -> Result<(), Refusal> {
        let top = request.logprobs.unwrap_or(0);
        if let Some(first) = tokens.first() {
            lists.first(&model.token_bytes(*first)?);
        }
        if tokens.len() > 1 {
            let scores = self.loaded.engine.score(tokens, top, &request.adapter)?;
            scores.iter().for_each(|score| lists.add(score));
        }
        Ok(())
    }
}

/// The prompt as text.
fn echoed(prompt: &Prompt, tokens: &[Token], model: &dyn LanguageModel) -> Result<String, Refusal> {
    if let Prompt::Text(text) = prompt {
        return Ok(text.clone());
    }
    let mut bytes = Vec::new();
    for token in tokens {
        bytes.extend(model.token_bytes(*token)?);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What becomes of a prompt that is only scored.
fn nothing(prompt_tokens: usize) -> Completion {
    Completion {
        text: String::new(),
        stop: Stop::Limit,
        prompt_tokens,
        cached_tokens: 0,
        generated_tokens: 0,
        prefill: std::time::Duration::ZERO,
        decode: std::time::Duration::ZERO,
        adapter: None,
    }
}

fn whole(head: &Head, choices: Vec<Choice>) -> Value {
    let mut usage = Usage::default();
    let mut told = Value::Null;
    let mut list = Vec::with_capacity(choices.len());
    for (index, choice) in choices.into_iter().enumerate() {
        usage.other_prompt(&choice.finished.completion);
        told = answer::extension(&Map::new(), &choice.finished);
        list.push(json!({
            "index": index,
            "text": choice.text,
            "logprobs": choice.logprobs,
            "finish_reason": finish_reason(choice.finished.completion.stop),
        }));
    }
    let mut body = head.fields(OBJECT);
    body.insert("choices".to_owned(), Value::Array(list));
    body.insert("usage".to_owned(), usage.json());
    body.insert("scrubjay".to_owned(), told);
    Value::Object(body)
}

/// Completions that are written while they are made.
struct Stream {
    head: Head,
    tell_usage: bool,
    tell_progress: bool,
    /// Log-probabilities so far, by answer.
    lists: Option<Vec<Lists>>,
    usage: Usage,
    left: usize,
}

impl Stream {
    fn new(head: Head, asked: &CompletionRequest, tell_usage: bool) -> Self {
        let count = asked.prompts.len() * asked.count;
        let lists = asked
            .manner
            .logprobs
            .map(|_| (0..count).map(|_| Lists::default()).collect());
        Self {
            head,
            tell_usage,
            tell_progress: asked.wishes.progress,
            lists,
            usage: Usage::default(),
            left: count,
        }
    }

    fn piece(&self, choices: Value) -> Value {
        let mut body = self.head.fields(OBJECT);
        body.insert("choices".to_owned(), choices);
        if self.tell_usage {
            body.insert("usage".to_owned(), Value::Null);
        }
        Value::Object(body)
    }

    fn text(&mut self, index: usize, text: &str, scores: &[TokenScore]) -> Value {
        let logprobs = self.lists.as_mut().and_then(|lists| lists.get_mut(index));
        let logprobs = logprobs.map(|lists| lists.next(scores));
        let choice =
            json!({"index": index, "text": text, "logprobs": logprobs, "finish_reason": null});
        self.piece(json!([choice]))
    }

    fn progress(&self, progress: Value, out: &mut Events) {
        if self.tell_progress {
            let mut piece = self.piece(json!([]));
            piece["scrubjay"] = json!({"progress": progress});
            out.data(&piece);
        }
    }

    fn end(&mut self, index: usize, finished: &Finished, out: &mut Events) {
        self.usage.other_prompt(&finished.completion);
        let reason = finish_reason(finished.completion.stop);
        let choice = json!({"index": index, "text": "", "logprobs": null, "finish_reason": reason});
        let mut last = self.piece(json!([choice]));
        last["scrubjay"] = answer::extension(&Map::new(), finished);
        out.data(&last);
        self.left -= 1;
        if self.left == 0 {
            if self.tell_usage {
                let mut last = self.piece(json!([]));
                last["usage"] = self.usage.json();
                out.data(&last);
            }
            out.done();
        }
    }
}

impl Script for Stream {
    fn write(&mut self, (index, news): Heard, out: &mut Events) {
        match news {
            News::Begun(_) => {}
            News::Queued { ahead } => self.progress(json!({"queued": ahead}), out),
            News::Prefill { done, total } => {
                self.progress(json!({"read": done, "of": total}), out);
            }
            News::Text { text, scores } => out.data(&self.text(index, &text, &scores)),
            News::Done(Ok(finished)) => self.end(index, &finished, out),
            News::Done(Err(refusal)) => {
                out.data(&refusal.body());
                out.done();
                self.left = 0;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.left == 0
    }
}
