//! The real program: what only a process can do.

use std::process::{Command, Output, Stdio};

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
