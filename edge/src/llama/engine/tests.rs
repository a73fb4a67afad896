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
        assert!(status.accepted_tokens > 0 && status.accepted_tokens <= status.drafted_tokens);
        assert_eq!(plain.status().drafted_tokens, 0);
    }
}

#[test]
fn adapters_change_answers_one_request_at_a_time() {
    let world = World::new();
    let engine = world.engine(2, 2);
    let strong = world.adapter("strong.gguf", "llama", 0.3);
    let with = |adapter| Request {
        adapter,
        ..Request::greedy(12)
    };
    let prompt = "Where does Maya live, and with whom?";
    let base = answer(&engine, prompt, &with(AdapterChoice::Active));
    let state = engine.load_adapter("strong", &strong, 1.0).unwrap();
    assert!(state.changes_answers && !state.is_active);
    assert_eq!(state.digest.len(), 64);

    let named = answer(
        &engine,
        prompt,
        &with(AdapterChoice::Named("strong".to_owned())),
    );
    assert_eq!(named.cached_tokens, 0, "what the base has read is not used");
    assert_ne!(named.text, base.text);
    assert_eq!(named.adapter.as_deref(), Some("strong"));

    engine.activate_adapter(Some("strong")).unwrap();
    let active = answer(&engine, prompt, &with(AdapterChoice::Active));
    assert_eq!(
        (&active.text, active.cached_tokens),
        (&named.text, named.prompt_tokens - 1)
    );
    let plain = answer(&engine, prompt, &with(AdapterChoice::Base));
    assert_eq!((&plain.text, plain.adapter), (&base.text, None));

    engine.scale_adapter("strong", 0.0).unwrap();
    let scaled = answer(&engine, prompt, &with(AdapterChoice::Active));
    assert_eq!((&scaled.text, scaled.cached_tokens), (&base.text, 0));

    engine.unload_adapter("strong").unwrap();
    assert_eq!(engine.adapters(), []);
    assert_eq!(engine.status().adapter, None);
    let gone = engine.model().generate(
        &[65],
        &with(AdapterChoice::Named("strong".to_owned())),
        &mut go,
    );
    assert!(matches!(
        gone,
        Err(GenerateError::Adapter {
            source: AdapterError::Unknown,
            ..
        })
    ));
    assert_eq!(
        answer(&engine, prompt, &with(AdapterChoice::Active)).text,
        base.text
    );
}

#[test]
fn answers_with_and_without_an_adapter_are_made_side_by_side() {
    let world = World::new();
    let engine = world.engine(4, 4);
    let path = world.adapter("a.gguf", "llama", 0.3);
    engine.load_adapter("a", &path, 1.0).unwrap();
    let ask = |adapter: AdapterChoice| {
        let request = Request {
            adapter,
            ..Request::greedy(30)
        };
        answer(&engine, "side by side", &request).text
    };
    let named = || AdapterChoice::Named("a".to_owned());
    let expected = [ask(AdapterChoice::Base), ask(named())];
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(ask(AdapterChoice::Base), expected[0]));
            scope.spawn(|| assert_eq!(ask(named()), expected[1]));
        }
    });
}

#[test]
fn what_is_no_adapter_for_this_model_is_refused() {
    let world = World::new();
    let engine = world.engine(1, 0);
    let refused = |path: &Path, scale| match engine.load_adapter("a", path, scale) {
        Err(GenerateError::Adapter { source, .. }) => source,
        other => panic!("{other:?}"),
    };
    let idle = world.adapter("idle.gguf", "llama", 0.0);
    assert!(
        !engine
            .load_adapter("idle", &idle, 1.0)
            .unwrap()
            .changes_answers
    );
    assert!(matches!(
        refused(&world.path("none"), 1.0),
        AdapterError::Read { .. }
    ));
    assert!(matches!(
        refused(&world.path("model.gguf"), 1.0),
        AdapterError::Kind { .. }
    ));
    let other = world.adapter("other.gguf", "qwen3", 0.1);
    assert!(matches!(
        refused(&other, 1.0),
        AdapterError::Architecture { .. }
    ));
    let bytes = fs_err::read(&idle).unwrap();
    for cut in [0, 10, bytes.len() / 2, bytes.len() - 1] {
        fs_err::write(world.path("cut.gguf"), &bytes[..cut]).unwrap();
        let error = refused(&world.path("cut.gguf"), 1.0);
        assert!(
            matches!(
                error,
                AdapterError::Format { .. } | AdapterError::Read { .. }
            ),
            "{error}"
        );
    }
    for scale in [f32::NAN, 1e9] {
        assert!(matches!(refused(&idle, scale), AdapterError::Scale { .. }));
    }
    let unknown = engine.activate_adapter(Some("a"));
    assert!(unknown.is_err());
}

/// Kilobytes of this process in memory.
fn resident() -> usize {
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse().unwrap()
}

/// In a process of its own: what other tests take does not count.
#[test]
fn a_thousand_swaps_of_adapters_leave_nothing_behind() {
    let name = "llama::engine::tests::swap_adapters_a_thousand_times";
    let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
    let ran = alone.args(["--exact", "--ignored", name]).output().unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && told.contains("1 passed"), "{told}");
}

#[test]
#[ignore = "needs a process of its own, which the test above starts"]
fn swap_adapters_a_thousand_times() {
    let world = World::new();
    let engine = world.engine(1, 0);
    let path = world.adapter("a.gguf", "llama", 0.3);
    let swap = |times| {
        for _ in 0..times {
            engine.load_adapter("a", &path, 1.0).unwrap();
            engine.activate_adapter(Some("a")).unwrap();
            answer(&engine, "x", &Request::greedy(1));
            engine.unload_adapter("a").unwrap();
        }
    };
    swap(100);
    let before = resident();
    swap(1_000);
    let grown = resident().saturating_sub(before);
    // An adapter has 128 KB of weights: kept, a thousand of them would be 128 MB.
    assert!(grown < 32_000, "{grown} KB more");
}

/// An engine that keeps snapshots, of a model whose digest is said to be this.
fn keeping(world: &World, digest: &str) -> Engine {
    let load = LoadOptions {
        digest: Some(digest.to_owned()),
        ..LoadOptions::new(world.path("model.gguf"))
    };
    let options = EngineOptions {
        slots: 2,
        snapshots: Some(SnapshotOptions {
            folder: world.path("kv"),
            most_bytes: 64 << 20,
        }),
        ..EngineOptions::default()
    };
    Engine::start(&load, &options).unwrap()
}

#[test]
fn after_a_restart_only_new_tokens_are_read() {
    let world = World::new();
    let first = format!("history {}", "of many words ".repeat(40));
    let keep = |keep| Request {
        keep,
        ..Request::greedy(8)
    };
    let disk = keep(Keep::Disk);
    let said = answer(&keeping(&world, "a"), &first, &disk);
    let next = format!("{first} and what now?");
    let expected = answer(&world.engine(1, 0), &next, &disk);

    let restarted = answer(&keeping(&world, "a"), &next, &disk);
    assert_eq!(restarted.cached_tokens, said.prompt_tokens);
    assert_eq!(restarted.text, expected.text);
    let other = answer(&keeping(&world, "b"), &next, &disk);
    assert_eq!(
        (other.cached_tokens, other.text),
        (0, expected.text.clone())
    );

    for entry in fs_err::read_dir(world.path("kv")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs_err::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs_err::write(&path, bytes).unwrap();
    }
    let damaged = answer(&keeping(&world, "a"), &next, &keep(Keep::Memory));
    assert_eq!((damaged.cached_tokens, damaged.text), (0, expected.text));
    let left = keeping(&world, "a");
    assert_eq!(
        answer(&left, &next, &disk).cached_tokens,
        0,
        "a secret is not kept"
    );
    left.forget();
    drop(left);
    assert_eq!(answer(&keeping(&world, "a"), &next, &disk).cached_tokens, 0);
}

#[test]
fn what_was_read_is_forgotten_on_demand() {
    let world = World::new();
    let engine = world.engine(2, 0);
    answer(&engine, "a secret", &Request::greedy(1));
    engine.forget();
    assert_eq!(
        answer(&engine, "a secret", &Request::greedy(1)).cached_tokens,
        0
    );
}

#[test]
fn a_small_budget_lowers_what_is_kept_and_says_so() {
    let world = World::new();
    let header = file::read(&world.path("model.gguf")).unwrap();
    let slots = 4;
    let outputs = outputs(slots, header.vocabulary());
    let within = |cells, kv| {
        let budget = header.need_of_cells(cells, kv, outputs).total();
        let load = LoadOptions {
            budget: Some(budget),
            ..LoadOptions::new("m")
        };
        fit(&header, &load, slots)
    };
    use shared::board::KvType::{F16, Q8_0};
    let all = within(4 * 2_048, F16).unwrap();
    assert_eq!(
        (all.cells, all.context_tokens, all.notes.len()),
        (8_192, 2_048, 0)
    );
    let shared = within(4_096, F16).unwrap();
    assert_eq!((shared.cells, shared.context_tokens), (4_096, 2_048));
    assert!(shared.notes[0].starts_with("all slots together hold 4096 tokens instead of 8192"));
    let fewer_bits = within(2_048, Q8_0).unwrap();
    assert_eq!((fewer_bits.cells, fewer_bits.kv_type), (2_048, Q8_0));
    let short = within(1_024, Q8_0).unwrap();
    assert_eq!((short.context_tokens, short.notes.len()), (1_024, 2));
    assert!(matches!(within(256, Q8_0), Err(LlamaError::Budget { .. })));
}

#[test]
fn more_slots_than_cells_still_answer_everyone() {
    let world = World::new();
    let load = LoadOptions {
        budget: Some({
            let header = file::read(&world.path("model.gguf")).unwrap();
            let kv = shared::board::KvType::F16;
            header
                .need_of_cells(2_048, kv, outputs(4, header.vocabulary()))
                .total()
        }),
        ..LoadOptions::new(world.path("model.gguf"))
    };
    let options = EngineOptions {
        slots: 4,
        ..EngineOptions::default()
    };
    let engine = Engine::start(&load, &options).unwrap();
    assert_eq!(engine.notes().len(), 1);
    thread::scope(|scope| {
        for n in 0..8 {
            let engine = &engine;
            scope.spawn(move || {
                let prompt = format!("{n} {}", "words ".repeat(100));
                let done = answer(engine, &prompt, &Request::greedy(300));
                assert!(done.generated_tokens > 0);
            });
        }
    });
    assert_eq!(engine.status().refused, 0);
}
