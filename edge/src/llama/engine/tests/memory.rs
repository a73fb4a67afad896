//! What is kept: on disk, and within the budget.

use super::*;

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
