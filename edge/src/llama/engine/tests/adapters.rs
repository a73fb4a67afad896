//! Adapters: one request at a time, side by side, refused, freed.

use super::*;

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
    let name = "llama::engine::tests::adapters::swap_adapters_a_thousand_times";
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
