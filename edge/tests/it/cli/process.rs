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

/// Runs `edge` where the whole home is mounted read-only, which binds root, too. `None`
/// where this machine allows no mounts.
fn read_only(home: &TempDir, args: &str) -> Option<(Option<i32>, String, String)> {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.env("SCRUBJAY_HOME", home.path()).args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-ec",
            script,
        ]);
        command
    };
    let mount = r#"mount --bind "$SCRUBJAY_HOME" "$SCRUBJAY_HOME"; mount -o remount,bind,ro "$SCRUBJAY_HOME"; "#;
    let allowed = unshare(mount).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let program = env!("CARGO_BIN_EXE_edge");
    Some(output(&mut unshare(&format!("{mount}{program} {args}"))))
}

#[test]
fn a_memory_on_a_read_only_file_system_is_read_and_not_written() {
    let home = tempfile::tempdir().unwrap();
    output(edge(&home).args(["memory", "add", "My cat is called Miso"]));
    let Some((code, found, err)) = read_only(&home, "memory search cat") else {
        // Past the harness, which swallows what passing tests print.
        let told =
            b"\n*** SKIPPED: no mounts are allowed here, so a read-only memory was NOT tested.\n";
        std::io::stderr().write_all(told).unwrap();
        return;
    };
    assert_eq!(code, Some(0), "{err}");
    assert!(found.contains("Miso"), "{found}");
    for kept in [
        "memory list",
        "memory export",
        "memory verify",
        "sessions list",
    ] {
        let (code, _, err) = read_only(&home, kept).unwrap();
        assert_eq!(code, Some(0), "{kept}: {err}");
    }
    let (code, out, err) = read_only(&home, "memory add 'My dog is called Rex'").unwrap();
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("is read-only"), "{err}");
    assert!(err.contains("hint: "), "{err}");
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
