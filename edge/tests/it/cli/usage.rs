//! Help, wrong usage and output that cannot be written.

use edge::ui::{Terminal, Ui};
use insta::assert_snapshot;

use super::world::{Full, Gone, Shared, World};

#[test]
fn without_a_command_it_shows_help() {
    let run = World::new().edge("");
    assert_eq!(run.code, 2);
    assert_snapshot!(run.err, @r"
    A private assistant that lives on your own device, remembers, and runs offline

    Usage: edge [OPTIONS] <COMMAND>

    Commands:
      chat         Talk; without a terminal, answer standard input line by line
      ask          Ask one question; what comes on standard input belongs to it
      sessions     List, show, resume and delete conversations
      why          Show which memories the last answer was given, with scores and evidence
      memory       Look after what is remembered
      feedback     Say what an answer was worth; the next training learns from it
      redact       Replace the secrets in standard input by placeholders
      serve        Serve other programs: OpenAI's API before this device's model and memory
      token        Make, list and revoke tokens for the server
      complete     Answer conversations given as JSON lines, always with the likeliest words
      model        Manage the models on this device
      mcp          Serve memory to an editor or an agent, by the Model Context Protocol
      bench        Measure how fast a model reads and answers on this device
      config       Show the configuration
      doctor       Check model, memory, disk and processor, and say what is missing
      completions  Print a completion script for a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
          --json             Write data as JSON, one value a line
          --set <KEY=VALUE>  Set a configuration key for this run
      -h, --help             Print help
      -V, --version          Print version
    ");
}

#[test]
fn help_is_data_and_done() {
    let run = World::new().edge("--help");
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(run.out.contains("Usage: edge"), "{}", run.out);
}

#[test]
fn an_unknown_command_is_wrong_usage() {
    let run = World::new().edge("rember");
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(
        run.err.contains("unrecognized subcommand 'rember'"),
        "{}",
        run.err
    );
}

#[test]
fn every_command_has_help_that_is_no_sentence() {
    let world = World::new();
    let top = world.edge("--help").out;
    let commands: Vec<&str> = top
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() >= 6, "{commands:?}");
    for name in commands {
        let run = world.edge(&format!("{name} --help"));
        assert_eq!(run.code, 0, "{name}: {}", run.err);
        let first = run.out.lines().next().unwrap_or("");
        assert!(
            !first.is_empty() && !first.ends_with('.'),
            "{name}: {first:?}"
        );
    }
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let world = World::new();
    for args in [
        ["config", "show"],
        ["config", "path"],
        ["completions", "bash"],
    ] {
        let err = Shared::default();
        let mut ui = Ui::new(Box::new(Gone), Box::new(err.clone()), Terminal::default());
        assert_eq!(world.edge_on(&args, b"", &mut ui), 0, "{args:?}");
        assert_eq!(err.text(), "", "{args:?}");
    }
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let err = Shared::default();
    let mut ui = Ui::new(Box::new(Full), Box::new(err.clone()), Terminal::default());
    assert_eq!(World::new().edge_on(&["config", "show"], b"", &mut ui), 1);
    assert_snapshot!(err.text(), @r"
    error: cannot write the output
    caused by: no storage space
    ");
}

#[test]
fn shells_are_taught_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = World::new().edge(&format!("completions {shell}"));
        assert_eq!(run.code, 0, "{shell}");
        assert!(run.out.contains("memory"), "{shell}: {}", run.out);
    }
}

#[test]
fn doctor_lists_the_only_code_that_may_connect() {
    let run = World::new().edge("doctor --network");
    assert_eq!(run.code, 0);
    assert_snapshot!(run.out.lines().take(5).collect::<Vec<_>>().join("\n"), @r"
    only this may connect   code                        to
    edge model pull         edge/src/models/fetch.rs    the HTTPS address given; hf:owner/repo:file is on huggingface.co
    edge serve              edge/src/server/listen.rs   nothing: it listens on its socket and on the address given, 127.0.0.1 by default
    edge serve              edge/src/server/systemd.rs  the socket of this machine's service manager
    edge chat, ask, memory  edge/src/server/client.rs   the socket of this device's own server
    ");
}

/// Whatever opens connections is named by `doctor --network`, and nothing else does.
#[test]
fn no_other_code_can_open_a_connection() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let listed = World::new().edge("doctor --network").out;
    let mut folders = vec![source.clone()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.ends_with("tests.rs") {
                continue;
            }
            seen += 1;
            let text = fs_err::read_to_string(&path).unwrap();
            let openers = [
                "ureq::",
                "hyper::client",
                "TcpListener",
                "TcpStream",
                "UdpSocket",
                "UnixDatagram",
                "UnixListener",
                "UnixStream",
            ];
            let connects = openers.iter().any(|name| text.contains(name));
            let name = path.strip_prefix(source.parent().unwrap()).unwrap();
            let name = format!("edge/{}", name.display());
            assert!(
                !connects || listed.contains(&name),
                "{name} may open a connection"
            );
        }
    }
    assert!(seen > 20);
}
