//! `complete`, and what a real model leaves on disk.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::world::World;

const NANO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/nano.gguf");

fn question(id: usize) -> String {
    let words = format!("My cousin number {id} lives in Porto. Where does she live?");
    let messages = json!([{"role": "user", "content": words}]);
    json!({"id": id, "messages": messages, "max_tokens": 12}).to_string()
}

fn complete(slots: u8, input: &str) -> super::world::Run {
    let slots = slots.to_string();
    let args = ["complete", "--jsonl", "--model", NANO, "--slots", &slots];
    World::new().edge_with(&args, input.as_bytes())
}

#[test]
fn lines_are_answered_in_order_however_many_at_once() {
    let input: String = (0..7).map(|id| question(id) + "\n\n").collect();
    let (one, four) = (complete(1, &input), complete(4, &input));
    assert_eq!((one.code, one.err.as_str()), (0, ""));
    assert_eq!(one.out, four.out);
    let ids: Vec<Value> = one
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone())
        .collect();
    assert_eq!(ids, (0..7).map(Value::from).collect::<Vec<_>>());
}

#[test]
fn a_bad_line_is_named_after_the_answers_before_it() {
    let input = format!("{}\n{{\"id\": 1}}\n{}\n", question(0), question(2));
    let run = complete(3, &input);
    assert_eq!((run.code, run.out.lines().count()), (1, 1));
    assert!(run.err.contains("cannot answer line 2"), "{}", run.err);
}

/// Whoever waits for an answer before asking on gets it.
#[test]
fn an_answer_comes_before_the_next_line_is_there() {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_edge"))
        .env("SCRUBJAY_HOME", home.path())
        .args(["complete", "--jsonl", "--slots", "2", "--model", NANO])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    for id in 0..3 {
        writeln!(input, "{}", question(id)).unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["id"], id);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

fn ask(home: &Path, words: &str) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_edge"))
        .env("SCRUBJAY_HOME", home)
        .args(["--json", "--set", "memory.recall_limit=0", "ask", words])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The next program goes on from what the last one has read, unless that held a secret.
#[test]
fn what_was_read_comes_back_from_disk_but_no_secret_goes_there() {
    let home = tempfile::tempdir().unwrap();
    let kept = || fs_err::read_dir(home.path().join("cache/kv")).map_or(0, Iterator::count);
    let long = "My cousin Ana lives in Porto, she has a dog called Rex and a garden with a very \
                old pear tree, and in summer she comes to see us with all of them. Who is Ana?";
    // Put together here, so that no scanner of sources takes it for a real one.
    let secret = format!("{long} Her key is AKIA{}.", "Q3EGUZ7MP5RT2WXY");
    ask(home.path(), &secret);
    assert_eq!(kept(), 0);
    let first = ask(home.path(), long);
    assert_eq!((first["cached_tokens"].as_u64(), kept()), (Some(0), 1));
    let again = ask(home.path(), long);
    let cached = again["cached_tokens"].as_u64().unwrap();
    assert!(cached >= 64, "{again}");
}
