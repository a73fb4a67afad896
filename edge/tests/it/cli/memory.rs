//! `memory`, `sessions`, `feedback`, `why`: output, filters, refusals.

use insta::assert_snapshot;

use super::world::World;

fn maya() -> World {
    let world = World::new();
    assert_eq!(
        world.edge("memory add My sister Maya lives in Lisbon").code,
        0
    );
    world
}

#[test]
fn an_empty_memory_lists_nothing_and_says_so() {
    let run = World::new().edge("memory list");
    assert_eq!((run.code, run.out.as_str()), (0, ""));
    assert_snapshot!(run.err, @"nothing is remembered here");
    assert_eq!(World::new().edge("memory list --json").out, "[]\n");
}

#[test]
fn what_is_added_is_listed() {
    let world = World::new();
    let run = world.edge("memory add My sister Maya lives in Lisbon");
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_snapshot!(run.out, @"remembered: My sister Maya lives in Lisbon");
    assert_snapshot!(world.edge("memory list").out, @r"
    id        day         kind   marks  text
    SHORT-ID  2026-03-20  place         My sister Maya lives in Lisbon
    ");
}

#[test]
fn an_import_tells_which_tombstones_it_cannot_compare() {
    let (one, other) = (World::new(), World::new());
    // A memory made at another instant has a salt of its own.
    other.days(1);
    for world in [&one, &other] {
        world.edge("memory add My sister Maya lives in Lisbon");
        let id = world.id("memory list", "/0/id");
        assert_eq!(world.edge(&format!("memory forget --yes {id}")).code, 0);
    }
    let lines = one.edge_raw("memory export");
    let run = other.edge_with(&["memory", "import"], lines.as_bytes());
    assert_eq!(run.code, 0);
    assert_snapshot!(run.out, @"1 added, 0 known already, 0 refused because they were forgotten");
    assert_snapshot!(run.err, @"warning: 1 tombstone skipped: something was forgotten in both memories, and their hashes cannot be compared, so what was forgotten there may still be imported here");
}

#[test]
fn a_memory_as_json_has_instants_and_full_identifiers() {
    let world = maya();
    assert_snapshot!(world.edge("memory list --json").out, @r#"[{"id":"ID","kind":"place","text":"My sister Maya lives in Lisbon","subject":"sister maya","attribute":"lives in","value":"lisbon","source":"command","said_at":"2026-03-20T09:46:40Z","valid_from":"2026-03-20T09:46:40Z","valid_until":null,"successor":null,"importance":0.7,"uses":0,"last_use":null,"pinned":false,"sensitive":false,"evidence":["ID"]}]"#);
}

#[test]
fn filters_choose_by_kind_time_and_source() {
    let world = maya();
    world.days(10);
    world.edge("memory add My bike lock code is 4711");
    let found = |filter: &str| {
        let list = world.json(&format!("memory list {filter}"));
        let texts = list.as_array().unwrap().iter();
        let texts = texts.map(|m| m["text"].as_str().unwrap().to_owned());
        texts.collect::<Vec<_>>()
    };
    assert_eq!(found("").len(), 2);
    assert_eq!(found("--since 5d"), ["My bike lock code is 4711"]);
    assert_eq!(
        found("--until 2026-03-20"),
        ["My sister Maya lives in Lisbon"]
    );
    assert_eq!(found("--source chat"), [""; 0]);
    assert_eq!(found("--source command").len(), 2);
    assert_eq!(found("--no-sensitive"), ["My sister Maya lives in Lisbon"]);
    assert_eq!(found("--kind date"), [""; 0]);
    assert_eq!(found("-n 1"), ["My bike lock code is 4711"]);
}

#[test]
fn a_time_that_is_none_is_wrong_usage() {
    let run = World::new().edge("memory list --since whenever");
    assert_eq!(run.code, 2);
    assert_snapshot!(run.err, @r#"
    error: "whenever" is not a time
    hint: write a day (2026-03-12), an instant or a span (3 days)
    "#);
}

#[test]
fn an_unknown_identifier_is_an_error_with_a_hint() {
    let run = maya().edge("memory show ZZZZ");
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert_snapshot!(run.err, @r#"
    error: nothing in memory is called "ZZZZ"
    hint: `edge memory list` and `edge memory search` show identifiers
    "#);
}

#[test]
fn showing_a_memory_names_its_evidence() {
    let world = maya();
    let id = world.id("memory list", "/0/id");
    let run = world.edge(&format!("memory show {}", &id[20..]));
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_snapshot!(run.out, @r"
    what        value
    id          ID
    text        My sister Maya lives in Lisbon
    kind        place
    subject     sister maya
    attribute   lives in
    value       lisbon
    source      command
    holds from  2026-03-20T09:46:40Z
    importance  0.70
    used        0 times
    marks
    said        2026-03-20 My sister Maya lives in Lisbon (SHORT-ID)
    ");
}

#[test]
fn a_correction_replaces_and_the_old_text_stays_inspectable() {
    let world = maya();
    let id = world.id("memory list", "/0/id");
    let run = world.edge(&format!(
        "memory correct {id} My sister Maya lives in Porto"
    ));
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_snapshot!(run.out, @r"
    remembered: My sister Maya lives in Porto
    replaced: My sister Maya lives in Lisbon
    ");
    assert_snapshot!(world.edge("memory list --superseded").out, @r"
    id        day         kind   marks     text
    SHORT-ID  2026-03-20  place  replaced  My sister Maya lives in Lisbon
    SHORT-ID  2026-03-20  place            My sister Maya lives in Porto
    ");
}

#[test]
fn forgetting_prints_a_receipt_and_leaves_nothing() {
    let world = maya();
    let id = world.id("memory list", "/0/id");
    let run = world.edge(&format!("memory forget {id}"));
    assert_eq!(run.code, 0);
    assert_snapshot!(run.out, @r"
    forgotten:
      memory ID
      turn ID
      1 vectors, 4 index entries, 0 typed lines
    ");
    assert_eq!(world.edge("memory list").out, "");
}

#[test]
fn a_pinned_memory_is_marked_until_it_is_let_go() {
    let world = maya();
    let id = world.id("memory list", "/0/id");
    let pinned = || world.json("memory list")[0]["pinned"].clone();
    assert_eq!(world.edge(&format!("memory pin {id}")).code, 0);
    assert_eq!(pinned(), true);
    assert_eq!(world.edge(&format!("memory pin {id} --off")).code, 0);
    assert_eq!(pinned(), false);
}

#[test]
fn misleading_characters_are_stored_as_they_are_and_shown_spelled_out() {
    let world = World::new();
    let text = "remember that the \u{202e}edoc\u{202c} is \u{1b}[2J1";
    let run = world.edge_with(&["memory", "add", text], b"");
    assert_eq!(run.code, 0);
    let shown = world.edge("memory list").out;
    assert!(
        shown.contains("‹U+202E›edoc‹U+202C› is ‹U+001B›[2J1"),
        "{shown}"
    );
    let stored = world.json("memory list")[0]["text"].clone();
    assert!(
        stored
            .as_str()
            .unwrap()
            .contains("\u{202e}edoc\u{202c} is \u{1b}[2J1")
    );
}

#[test]
fn input_that_is_too_long_or_no_text_is_refused_with_the_numbers() {
    let world = World::new();
    let long = "x".repeat(10_000_000);
    let run = world.edge_with(&["memory", "add"], long.as_bytes());
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert_snapshot!(run.err, @r"
    error: a message of 10000000 bytes is longer than 1048576 bytes may be
    hint: split the text into several messages
    ");
    let run = world.edge_with(&["memory", "add"], b"one\ntw\xffo\n");
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert_snapshot!(run.err, @r"
    error: line 2 of standard input is not UTF-8 (byte 6 of the message)
    hint: convert it, for example with `iconv -t UTF-8`
    ");
    let run = world.edge_with(&["memory", "add"], b" \n");
    assert_eq!(run.code, 2);
    assert_snapshot!(run.err, @r"
    error: there is no question
    hint: give words, or text on standard input
    ");
}

#[test]
fn without_an_answer_there_is_nothing_to_explain_or_to_judge() {
    let world = World::new();
    for args in ["why", "feedback good", "feedback correct Porto"] {
        let run = world.edge(args);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{args}");
        assert!(
            run.err
                .starts_with("error: nothing was answered yet\nhint: "),
            "{}",
            run.err
        );
    }
}

#[test]
fn a_rating_beyond_five_is_wrong_usage() {
    let run = World::new().edge("feedback rate 6");
    assert_eq!(run.code, 2);
    assert!(run.err.contains("6 is not in 1..=5"), "{}", run.err);
}

#[test]
fn notes_share_one_conversation() {
    let world = maya();
    world.edge("memory add My bike lock code is 4711");
    assert_snapshot!(world.edge("sessions list").out, @r"
    id        last        turns  title
    SHORT-ID  2026-03-20  2      notes
    ");
}

#[test]
fn an_unknown_conversation_is_an_error_with_a_hint() {
    let run = maya().edge("sessions show ZZZZ");
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert_snapshot!(run.err, @r#"
    error: 0 conversations are called "ZZZZ"
    hint: `edge sessions list` lists conversations
    "#);
}

#[test]
fn a_memory_folder_that_cannot_be_made_is_an_error() {
    let world = World::new();
    fs_err::write(world.home().join("memory"), "a file").unwrap();
    let run = world.edge("memory list");
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert_snapshot!(run.err, @r"
    error: cannot open memory
    caused by: cannot use memory folder HOME/memory
    caused by: File exists (os error 17)
    hint: `edge config path` says where memory belongs; `edge doctor` looks at it
    ");
}

#[test]
fn a_search_finds_by_words_and_says_how_surely() {
    let world = maya();
    world.edge("memory add My bike lock code is 4711");
    let found = world.json("memory search where does maya live");
    assert_eq!(found["hits"][0]["text"], "My sister Maya lives in Lisbon");
    assert!(found["hits"][0]["why"]["lexical"].as_f64().unwrap() > 0.0);
    let run = world.edge("memory search maya");
    assert_eq!(run.code, 0);
    assert!(run.err.starts_with("confidence 0."), "{}", run.err);
}

#[test]
fn a_search_in_an_empty_memory_says_that_nothing_fits() {
    let run = World::new().edge("memory search maya");
    assert_eq!((run.code, run.out.as_str()), (0, ""));
    assert_eq!(run.err, "nothing fits\n");
}

#[test]
fn a_sound_memory_is_counted_checked_and_kept() {
    let world = maya();
    let stats = world.json("memory stats");
    assert_eq!(
        (&stats["memories"], &stats["episodes"]),
        (&1.into(), &1.into())
    );
    let checked = world.edge("memory verify");
    assert_eq!(checked.code, 0, "{}", checked.err);
    assert!(
        checked.out.contains(" 0 faults, 0 repaired"),
        "{}",
        checked.out
    );
    let pruned = world.edge("memory prune");
    assert_eq!(
        (pruned.code, pruned.err.as_str()),
        (0, "the policy keeps everything\n")
    );
}

#[test]
fn a_memory_above_the_policy_is_pruned_only_when_asked() {
    let world = maya();
    world.edge("memory add My bike lock code is 4711");
    world.days(30);
    let policy = "--set retain.max_items=1";
    let planned = world.edge(&format!("memory prune {policy}"));
    assert_eq!(planned.code, 0);
    assert!(
        planned.err.contains("nothing was dropped"),
        "{}",
        planned.err
    );
    assert_eq!(world.json("memory stats")["memories"], 2);
    assert_eq!(
        world.edge(&format!("memory prune --apply {policy}")).code,
        0
    );
    let left = world.json("memory stats");
    assert!(left["memories"].as_u64().unwrap() < 2, "{left}");
}

#[test]
fn the_doctor_finds_a_sound_device_well() {
    let world = maya();
    let run = world.edge("doctor");
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    for (name, found) in [
        ("board", "laptop-16gb"),
        ("processor", "8 cores"),
        ("model", "nano"),
        ("embedder", "hashed-words-64"),
        ("memory", "1 memory, 1 turn, "),
    ] {
        let line = run.out.lines().find(|line| line.starts_with(name));
        assert!(
            line.is_some_and(|line| line.contains(found)),
            "{name}: {}",
            run.out
        );
    }
}

#[test]
fn the_doctor_says_what_is_missing_and_how_to_get_it() {
    let run = World::new().edge("doctor --set model.name=nana");
    assert_eq!(run.code, 1);
    assert!(
        run.out.contains("no model or embedder is called \"nana\""),
        "{}",
        run.out
    );
    assert!(
        run.out.contains("model: `edge model list` shows"),
        "{}",
        run.out
    );
}

#[test]
fn a_person_is_asked_before_something_is_forgotten() {
    let mut world = maya();
    let id = world.id("memory list", "/0/id");
    world.typed = true;
    let forget = ["memory", "forget", id.as_str()];
    let run = world.edge_with(&forget, b"n\n");
    assert_eq!((run.code, run.out.as_str()), (3, ""));
    assert!(
        run.err.contains("Forget this for good? [y/N] "),
        "{}",
        run.err
    );
    assert_eq!(
        world.json("memory list")[0]["text"],
        "My sister Maya lives in Lisbon"
    );
    let run = world.edge_with(&forget, b"yes\n");
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(world.json("memory list"), serde_json::json!([]));
}
