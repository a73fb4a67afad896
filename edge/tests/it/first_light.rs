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
    let answers: Vec<String> = text(&output.stdout)
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    assert_eq!(answers.len(), lines.len(), "{answers:?}");
    answers
}

#[test]
fn it_answers_from_what_it_was_told() {
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

    assert!(answers[0].contains("Lisbon"), "{answers:?}");
    assert!(answers[1].contains("4711"), "{answers:?}");
    assert!(
        answers[3].contains("Porto") && !answers[3].contains("Lisbon"),
        "{answers:?}"
    );
    assert!(answers[4].contains("don't know"), "{answers:?}");

    let later = chat(home.path(), &["Where does Maya live?"]);
    assert!(
        later[0].contains("Porto") && !later[0].contains("Lisbon"),
        "{later:?}"
    );
}
