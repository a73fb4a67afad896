//! The promise of the first page: it is told something, and another process answers from it.
//!
//! The real program with the built-in model and embedder; nothing is faked.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Pipes lines into a new `edge chat`; its answers, in order.
fn chat(home: &Path, lines: &[&str]) -> Vec<String> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_edge"))
        .env_clear()
        .env("SCRUBJAY_HOME", home)
        .args(["chat", "--threads", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all((lines.join("\n") + "\n").as_bytes())
        .unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let answers: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), lines.len(), "{answers:?}");
    answers
}

/// The answers to where somebody lives, before and after a move.
fn check(before: &str, after: &str) {
    assert!(before.contains("Lisbon"), "{before}");
    assert!(
        after.contains("Porto") && !after.contains("Lisbon"),
        "{after}"
    );
}

/// Each line is said to a process of its own, so memory alone carries it over.
#[test]
fn it_answers_from_what_other_processes_were_told() {
    let home = tempfile::tempdir().unwrap();
    let say = |line: &str| chat(home.path(), &[line]).remove(0);
    say("My sister Clara lives in Lisbon");
    say("My bike lock code is 4711");

    let before = say("Where does Clara live?");
    let code = say("What is my lock code?");
    say("Clara moved to Porto");
    let after = say("Where does Clara live now?");
    let sister = say("Where does my sister live?");
    let unknown = say("What is my cat called?");

    assert!(sister.contains("Porto"), "{sister}");
    check(&before, &after);
    assert!(code.contains("4711"), "{code}");
    assert!(unknown.contains("don't know"), "{unknown}");
}

/// The same within one conversation, with a name that begins like a month.
#[test]
fn it_follows_a_move_within_one_conversation() {
    let home = tempfile::tempdir().unwrap();
    chat(
        home.path(),
        &[
            "My sister Maya lives in Lisbon",
            "My bike lock code is 4711",
        ],
    );
    let answers = chat(
        home.path(),
        &[
            "Where does Maya live?",
            "What is my lock code?",
            "Maya moved to Porto",
            "Where does Maya live now?",
            "What is my cat called?",
        ],
    );
    check(&answers[0], &answers[3]);
    assert!(answers[1].contains("4711"), "{answers:?}");
    assert!(answers[4].contains("don't know"), "{answers:?}");
}
