//! The real program: what only a process can do.

use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

fn edge(home: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edge"));
    command
        .env_clear()
        .env("SCRUBJAY_HOME", home.path())
        .stdin(Stdio::null());
    command
}

fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn it_reads_its_variables_and_writes_data_to_standard_output() {
    let home = tempfile::tempdir().unwrap();
    let (code, out, err) = output(
        edge(&home)
            .env("SCRUBJAY_ANSWER_MAX_TOKENS", "7")
            .args(["config", "show", "--json"]),
    );
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("variable SCRUBJAY_ANSWER_MAX_TOKENS"), "{out}");
}

#[test]
fn wrong_usage_ends_with_two_and_leaves_standard_output_alone() {
    let home = tempfile::tempdir().unwrap();
    let (code, out, err) = output(edge(&home).arg("--wrong"));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("unexpected argument '--wrong'"), "{err}");
}

#[test]
fn a_closed_pipe_ends_it_in_peace() {
    let home = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let (code, _, err) = output(edge(&home).args(["completions", "bash"]).stdout(writer));
    // `output` keeps a pipe of its own where none is set; ours is closed already.
    assert_eq!((code, err.as_str()), (Some(0), ""));
}

#[test]
fn nothing_is_written_where_nothing_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let (code, _, _) = output(edge(&home).args(["config", "show"]));
    assert_eq!(code, Some(0));
    assert_eq!(fs_err::read_dir(home.path()).unwrap().count(), 0);
}

fn chat(home: &TempDir, words: &str) -> Child {
    let mut child = edge(home)
        .args(["chat", "--max-tokens", "4", "--threads", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Dropped at once: the conversation ends after these words.
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{words}").unwrap();
    child
}

#[test]
fn two_conversations_at_once_keep_what_both_were_told() {
    let home = tempfile::tempdir().unwrap();
    let both = [
        chat(&home, "My sister Maya lives in Lisbon"),
        chat(&home, "My cat is called Miso"),
    ];
    for child in both {
        let ended = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{err}");
    }
    let (_, kept, _) = output(edge(&home).args(["memory", "list"]));
    assert!(kept.contains("Maya") && kept.contains("Miso"), "{kept}");
}

#[test]
fn a_model_that_does_not_fit_is_refused_with_advice() {
    let home = tempfile::tempdir().unwrap();
    let (code, out, err) = output(
        edge(&home)
            .env("SCRUBJAY_MODEL_MEMORY_BUDGET_MIB", "1")
            .args(["ask", "Hello"]),
    );
    assert_eq!((code, out.as_str()), (Some(3), ""), "{err}");
    assert!(err.contains("the budget is 1 MiB"), "{err}");
    assert!(err.contains("hint: use a smaller model"), "{err}");
}

#[test]
fn a_file_that_is_no_model_is_an_error_with_advice() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("recipe.gguf");
    fs_err::write(&file, "flour, water, salt").unwrap();
    let (code, out, err) = output(edge(&home).args(["ask", "Hello", "--model"]).arg(&file));
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("cannot use model file"), "{err}");
    assert!(err.contains("hint: "), "{err}");
}

#[test]
fn a_model_that_is_not_installed_is_an_error_with_advice() {
    let home = tempfile::tempdir().unwrap();
    let (code, out, err) = output(edge(&home).args(["ask", "Hello", "--model", "nana"]));
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(
        err.contains("no model or embedder is called \"nana\""),
        "{err}"
    );
    assert!(err.contains("hint: `edge model list`"), "{err}");
}
