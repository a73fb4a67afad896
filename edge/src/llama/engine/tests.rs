//! Many answers at once, with a tiny model of random weights and with nano.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use shared::gguf::TensorType;
use shared::gguf::write::Builder;

use super::*;
use crate::generate::{Completion, Constraint, Engine as _, Event, Keep, Stop};
use crate::llama::tests::random_model::{self, Kind, Shape};
use crate::sample::Sampling;

mod adapters;
mod memory;

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = Vec::new();
        let model = random_model::random(&Shape::TINY, Kind::F16, 7).unwrap();
        model.write_to(&mut bytes).unwrap();
        fs_err::write(folder.path().join("model.gguf"), bytes).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn engine(&self, slots: usize, queue: usize) -> Engine {
        let options = EngineOptions {
            slots,
            queue,
            ..EngineOptions::default()
        };
        Engine::start(&LoadOptions::new(self.path("model.gguf")), &options).unwrap()
    }

    /// A LoRA adapter on the queries of the first layer.
    fn adapter(&self, name: &str, architecture: &str, value: f32) -> PathBuf {
        let mut out = Builder::default();
        out.text("general.architecture", architecture).unwrap();
        out.text("general.type", "adapter").unwrap();
        out.text("adapter.type", "lora").unwrap();
        out.f32("adapter.lora.alpha", 2.0).unwrap();
        let (width, rank) = (Shape::TINY.width, 64);
        for suffix in ["lora_a", "lora_b"] {
            let shape = if suffix == "lora_a" {
                [width, rank]
            } else {
                [rank, width]
            };
            let values: Vec<u8> = (0..rank * width)
                .flat_map(|n| (value * ((n % 7) as f32 - 3.0)).to_le_bytes())
                .collect();
            let tensor = format!("blk.0.attn_q.weight.{suffix}");
            out.tensor(&tensor, &shape, TensorType::F32, values)
                .unwrap();
        }
        let mut bytes = Vec::new();
        out.write_to(&mut bytes).unwrap();
        fs_err::write(self.path(name), bytes).unwrap();
        self.path(name)
    }
}

fn nano(slots: usize, speculate: Speculate) -> Engine {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/nano.gguf");
    let options = EngineOptions {
        slots,
        speculate,
        ..EngineOptions::default()
    };
    Engine::start(&LoadOptions::new(path), &options).unwrap()
}

fn go(_: Event<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn chat(question: &str) -> String {
    format!("<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n")
}

fn answer(engine: &Engine, prompt: &str, request: &Request) -> Completion {
    let mut model = engine.model();
    let prompt = model.tokenize(prompt).unwrap();
    model.generate(&prompt, request, &mut go).unwrap()
}

/// A greedy answer does not depend on what other slots do.
#[test]
fn several_at_once_say_what_each_says_alone() {
    let questions = [
        "My sister Maya lives in Lisbon.",
        "What is the capital of France?",
        "Tell me about the garden and the dog.",
        "The code of the gate is 4711. What is the code of the gate?",
        "How are you?",
        "Where does Maya live? Where does she work, and with whom?",
    ];
    let request = Request::greedy(40);
    let alone = nano(1, Speculate::Yes);
    let expected: Vec<String> = questions
        .iter()
        .map(|question| answer(&alone, &chat(question), &request).text)
        .collect();
    let together = nano(4, Speculate::Yes);
    let heard: Vec<String> = thread::scope(|scope| {
        let asked: Vec<_> = questions
            .iter()
            .map(|question| scope.spawn(|| answer(&together, &chat(question), &request).text))
            .collect();
        asked
            .into_iter()
            .map(|asked| asked.join().unwrap())
            .collect()
    });
    assert_eq!(heard, expected);
    let status = together.status();
    assert_eq!((status.requests, status.slots), (6, 4));
}

#[test]
fn a_beginning_that_many_share_is_read_once() {
    let world = World::new();
    let engine = world.engine(4, 8);
    let system = "You are told many things here, and all of them are the same. ".repeat(12);
    let length = engine.model().tokenize(&system).unwrap().len();
    thread::scope(|scope| {
        for name in ["Maya", "Tom", "Ana"] {
            let (engine, system) = (&engine, &system);
            scope.spawn(move || answer(engine, &format!("{system}{name}"), &Request::greedy(5)));
        }
    });
    let status = engine.status();
    let read = status.prompt_tokens - status.cached_tokens;
    assert!(
        (read as usize) < length + 3 * 32,
        "{read} of 3 × {length} tokens were read"
    );
}

#[test]
fn a_conversation_is_not_lost_to_another_that_begins_like_it() {
    let world = World::new();
    let engine = world.engine(2, 0);
    let long = format!("begin {}", "and so on ".repeat(40));
    let first = answer(&engine, &long, &Request::greedy(2));
    let other = answer(&engine, "begin otherwise", &Request::greedy(2));
    assert_eq!(other.cached_tokens, "begin ".len());
    let again = answer(&engine, &long, &Request::greedy(2));
    assert_eq!(again.cached_tokens, first.prompt_tokens - 1);
}

#[test]
fn with_a_full_queue_one_is_told_to_come_back() {
    let world = World::new();
    let engine = world.engine(1, 0);
    let mut model = engine.model();
    let prompt = model.tokenize("on and on").unwrap();
    let mut refused = None;
    let stopped = model.generate(&prompt, &Request::greedy(1_500), &mut |event| {
        if !matches!(event, Event::Text(_)) {
            return ControlFlow::Continue(());
        }
        refused = Some(
            engine
                .model()
                .generate(&prompt, &Request::greedy(1), &mut go),
        );
        ControlFlow::Break(())
    });
    assert_eq!(stopped.unwrap().stop, Stop::Cancelled);
    match refused.unwrap() {
        Err(GenerateError::Busy { retry_after }) => assert!(retry_after >= Duration::from_secs(1)),
        other => panic!("{other:?}"),
    }
    let later = engine
        .model()
        .generate(&prompt, &Request::greedy(1), &mut go);
    assert_eq!(later.unwrap().generated_tokens, 1, "the slot is free again");
    assert_eq!(engine.status().refused, 1);
}

#[test]
fn who_waits_is_told_how_many_come_first_and_is_answered() {
    let world = World::new();
    let engine = world.engine(1, 4);
    let prompt = engine.model().tokenize("on and on").unwrap();
    let mut told = Vec::new();
    thread::scope(|scope| {
        let (started, wait) = channel();
        let first = scope.spawn({
            let (engine, prompt) = (&engine, &prompt);
            move || {
                let mut model = engine.model();
                model.generate(prompt, &Request::greedy(1_000), &mut |event| {
                    if matches!(event, Event::Text(_)) {
                        let _ = started.send(());
                    }
                    ControlFlow::Continue(())
                })
            }
        });
        wait.recv().unwrap();
        let mut model = engine.model();
        let second = model.generate(&prompt, &Request::greedy(3), &mut |event| {
            if let Event::Queued { ahead } = event {
                told.push(ahead);
            }
            ControlFlow::Continue(())
        });
        assert_eq!(second.unwrap().generated_tokens, 3);
        assert_eq!(first.join().unwrap().unwrap().generated_tokens, 1_000);
    });
    assert!(
        told.iter().all(|&ahead| ahead == 0) && !told.is_empty(),
        "{told:?}"
    );
}

#[test]
fn a_late_answer_ends_with_what_there_is() {
    let world = World::new();
    let engine = world.engine(1, 0);
    let late = |deadline| Request {
        deadline: Some(deadline),
        ..Request::greedy(1_900)
    };
    let at_once = answer(&engine, "quick", &late(Duration::ZERO));
    assert_eq!((at_once.stop, at_once.text.as_str()), (Stop::Deadline, ""));
    let soon = answer(&engine, "quick", &late(Duration::from_millis(40)));
    assert_eq!(soon.stop, Stop::Deadline);
    assert!(soon.generated_tokens < 1_900);
}

#[test]
fn no_tokens_asked_for_are_no_tokens() {
    let world = World::new();
    let none = answer(&world.engine(1, 0), "quiet", &Request::greedy(0));
    assert_eq!((none.stop, none.generated_tokens), (Stop::Limit, 0));
}

/// What is told beside generated tokens is what scoring the finished text tells.
#[test]
fn scores_of_an_answer_are_the_scores_of_its_text() {
    let engine = nano(2, Speculate::Yes);
    let mut model = engine.model();
    let prompt = model
        .tokenize(&chat("What is the capital of France?"))
        .unwrap();
    let request = Request {
        logprobs: Some(3),
        ..Request::greedy(20)
    };
    let mut told: Vec<TokenScore> = Vec::new();
    let mut text = String::new();
    let done = model.generate(&prompt, &request, &mut |event| {
        match event {
            Event::Scores(scores) => told.extend_from_slice(scores),
            Event::Text(piece) => text.push_str(piece),
            _ => {}
        }
        ControlFlow::Continue(())
    });
    let done = done.unwrap();
    assert_eq!(told.len(), done.generated_tokens);
    let bytes: Vec<u8> = told.iter().flat_map(|score| score.bytes.clone()).collect();
    assert_eq!(String::from_utf8_lossy(&bytes), text);

    let tokens: Vec<Token> = told.iter().map(|score| score.token).collect();
    let whole = [prompt.as_slice(), &tokens].concat();
    let scores = engine.score(&whole, 3, &AdapterChoice::Active).unwrap();
    assert_eq!(
        scores.len(),
        whole.len() - 1,
        "the first has nothing before it"
    );
    for (told, score) in told.iter().zip(&scores[prompt.len() - 1..]) {
        assert_eq!(told.token, score.token);
        assert_eq!(told.top[0].0, told.token, "greedy takes the likeliest");
        assert!(
            (told.logprob - score.logprob).abs() < 0.01,
            "{told:?} {score:?}"
        );
        let sum: f32 = score.top.iter().map(|(_, _, logprob)| logprob.exp()).sum();
        assert!(sum <= 1.0001);
    }
}

#[test]
fn a_long_text_is_scored_beside_an_answer() {
    let world = World::new();
    let engine = world.engine(2, 2);
    let tokens: Vec<Token> = (0..2_048).map(|n| n * 7 % 256).collect();
    let alone = engine.score(&tokens, 0, &AdapterChoice::Base).unwrap();
    let beside = thread::scope(|scope| {
        scope.spawn(|| answer(&engine, "meanwhile", &Request::greedy(300)));
        engine.score(&tokens, 0, &AdapterChoice::Base).unwrap()
    });
    assert_eq!(alone.len(), 2_047);
    // Other kernels add up in another order, some of them in 16 bits.
    let apart = alone
        .iter()
        .zip(&beside)
        .map(|(a, b)| (a.logprob - b.logprob).abs());
    let most = apart.fold(0.0, f32::max);
    assert!(most < 0.1, "{most}");
    let empty = engine.score(&[], 0, &AdapterChoice::Base);
    assert!(matches!(empty, Err(GenerateError::EmptyPrompt)));
}

#[test]
fn an_answer_has_the_form_that_was_asked_for() {
    let world = World::new();
    let engine = world.engine(2, 0);
    let formed = |constraint, sampling| {
        let request = Request {
            constraint: Some(constraint),
            sampling,
            ..Request::greedy(400)
        };
        answer(&engine, "say something", &request)
    };
    let free = Sampling {
        temperature: 1.0,
        ..Sampling::GREEDY.seeded(3)
    };
    let schema = serde_json::json!({
        "type": "object",
        "properties": {
            "kind": {"enum": ["cat", "dog"]},
            "name": {"type": "string", "maxLength": 8},
            "age": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 3},
        },
        "required": ["kind", "name", "tags"],
    });
    for sampling in [Sampling::GREEDY, free] {
        let done = formed(Constraint::Schema(schema.clone()), sampling);
        assert_eq!(done.stop, Stop::End, "{}", done.text);
        let value: serde_json::Value = serde_json::from_str(&done.text).unwrap();
        assert!(["cat", "dog"].contains(&value["kind"].as_str().unwrap()));
        assert!((1..=3).contains(&value["tags"].as_array().unwrap().len()));
        let gbnf = Constraint::Gbnf("root ::= \"yes\" | \"no\" | \"ärger\"".to_owned());
        let said = formed(gbnf, sampling).text;
        assert!(["yes", "no", "ärger"].contains(&said.as_str()), "{said}");
    }
    for bad in [
        "",
        "root ::= (",
        "root ::= root \"a\" | \"b\"",
        "root ::= nothing",
    ] {
        let request = Request {
            constraint: Some(Constraint::Gbnf(bad.to_owned())),
            ..Request::greedy(4)
        };
        let refused = engine.model().generate(&[65], &request, &mut go);
        assert!(
            matches!(refused, Err(GenerateError::Constraint { .. })),
            "{bad}: {refused:?}"
        );
    }
}

/// Guesses change how fast an answer comes, never what it is.
#[test]
fn guesses_ahead_change_no_answer() {
    let prompts = [
        chat("one two three four one two three four one two three four one two"),
        chat("The code of the gate is 4711. The code of the gate is"),
        "a b c d e f a b c d e f a b c d e f a b c".to_owned(),
    ];
    let world = World::new();
    let start = |speculate| {
        let tiny = EngineOptions {
            speculate,
            ..EngineOptions::default()
        };
        let tiny = Engine::start(&LoadOptions::new(world.path("model.gguf")), &tiny).unwrap();
        [tiny, nano(1, speculate)]
    };
    let free = Request {
        sampling: Sampling {
            temperature: 0.7,
            top_p: 0.9,
            ..Sampling::GREEDY.seeded(11)
        },
        ..Request::greedy(60)
    };
    let mut right = 0;
    for (plain, guessing) in start(Speculate::No).iter().zip(&start(Speculate::Yes)) {
        for prompt in &prompts {
            for request in [&Request::greedy(80), &free] {
                let (a, b) = (
                    answer(plain, prompt, request),
                    answer(guessing, prompt, request),
                );
                assert_eq!((a.text, a.generated_tokens), (b.text, b.generated_tokens));
            }
        }
        let status = guessing.status();
        assert!(status.accepted_tokens <= status.drafted_tokens);
        right += status.accepted_tokens;
        assert_eq!(plain.status().drafted_tokens, 0);
    }
    assert!(
        right > 0,
        "random weights repeat themselves, and nano quotes"
    );
}
