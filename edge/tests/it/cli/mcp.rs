//! `edge mcp`, the real program, as an editor starts it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// Nothing takes so long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);
const NEWEST: &str = "2025-11-25";

fn edge(home: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edge"));
    command
        .env_clear()
        .env("SCRUBJAY_HOME", home.path())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A client, and the program it started.
struct Client {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Read all the time: a full pipe would stop the program.
    errors: JoinHandle<String>,
    calls: u64,
}

/// How the program ended.
struct Ended {
    code: Option<i32>,
    /// What it had yet to say.
    left: Vec<Value>,
    err: String,
}

impl Client {
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in output.lines() {
                if sender.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        let mut errors = child.stderr.take().unwrap();
        Self {
            errors: thread::spawn(move || {
                let mut told = String::new();
                errors.read_to_string(&mut told).unwrap();
                told
            }),
            input: child.stdin.take(),
            child,
            lines,
            calls: 0,
        }
    }

    /// Started and greeted by a client called `test-editor`.
    fn connect(home: &TempDir) -> Self {
        let mut client = Self::start(&mut edge(home, &["mcp"]));
        client.initialize(NEWEST);
        client
    }

    fn initialize(&mut self, version: &str) -> Value {
        let answer = self.request("initialize", &greeting(version, "test-editor"));
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
        answer["result"].clone()
    }

    fn send(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    fn next(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).unwrap();
        message(&line)
    }

    fn request(&mut self, method: &str, params: &Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.send(&request.to_string());
        let answer = self.next();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// What a tool answers; it must not be an error.
    fn tool(&mut self, name: &str, arguments: &Value) -> Value {
        let answer = self.call(name, arguments);
        assert_ne!(answer["isError"], true, "{answer}");
        let content = answer["structuredContent"].clone();
        // The same again, for clients that read text alone.
        let text = answer["content"][0]["text"].as_str().unwrap();
        assert_eq!(message_or_value(text), content);
        content
    }

    /// Why a tool could not do it.
    fn refusal(&mut self, name: &str, arguments: &Value) -> String {
        let answer = self.call(name, arguments);
        assert_eq!(answer["isError"], true, "{answer}");
        answer["content"][0]["text"].as_str().unwrap().to_owned()
    }

    fn call(&mut self, name: &str, arguments: &Value) -> Value {
        let params = json!({"name": name, "arguments": arguments});
        self.request("tools/call", &params)["result"].clone()
    }

    /// Ends its input.
    fn end(mut self) -> Ended {
        self.input = None;
        let mut left = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => left.push(message(&line)),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end"),
            }
        }
        Ended {
            code: self.child.wait().unwrap().code(),
            left,
            err: self.errors.join().unwrap(),
        }
    }
}

fn greeting(version: &str, name: &str) -> Value {
    let client = json!({"name": name, "version": "1.0"});
    json!({"protocolVersion": version, "capabilities": {}, "clientInfo": client})
}

fn message_or_value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn message(line: &str) -> Value {
    let message = message_or_value(line);
    assert_eq!(message["jsonrpc"], "2.0", "{line}");
    message
}

/// A command's JSON.
fn edge_json(home: &TempDir, args: &[&str]) -> Value {
    let output = edge(home, args).arg("--json").output().unwrap();
    message_or_value(&String::from_utf8(output.stdout).unwrap())
}

fn texts(list: &Value) -> Vec<&str> {
    let items = list.as_array().unwrap().iter();
    items.filter_map(|item| item["text"].as_str()).collect()
}

#[test]
fn each_revision_of_the_protocol_is_answered_in_its_own_words() {
    let home = tempfile::tempdir().unwrap();
    for (asked, answered) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("1999-12-31", NEWEST),
    ] {
        let mut client = Client::start(&mut edge(&home, &["mcp"]));
        let answer = client.initialize(asked);
        assert_eq!(answer["protocolVersion"], answered);
        assert_eq!(answer["serverInfo"]["name"], "scrubjay");
        assert!(answer["instructions"].as_str().unwrap().contains("recall"));
        assert_eq!(client.end().code, Some(0));
    }
}

#[test]
fn tools_are_listed_in_one_order_with_closed_schemas() {
    let home = tempfile::tempdir().unwrap();
    let mut client = Client::connect(&home);
    let listed = client.request("tools/list", &json!({}))["result"]["tools"].clone();
    let tools = listed.as_array().unwrap();
    let names: Vec<&Value> = tools.iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["remember", "recall", "forget", "history"]);
    for tool in tools {
        let input = &tool["inputSchema"];
        assert_eq!(input["type"], "object", "{tool}");
        assert_eq!(input["additionalProperties"], false, "{tool}");
        assert_eq!(tool["outputSchema"]["type"], "object", "{tool}");
        let properties = input["properties"].as_object().unwrap();
        assert!(
            properties.values().all(|p| p["description"].is_string()),
            "{tool}"
        );
    }
    assert_eq!(tools[2]["annotations"]["destructiveHint"], true);
    assert_eq!(tools[1]["annotations"]["readOnlyHint"], true);
    let again = client.request("tools/list", &json!({}));
    assert_eq!(again["result"]["tools"], listed);
}

#[test]
fn what_a_client_remembers_is_recalled_and_carries_its_name() {
    let home = tempfile::tempdir().unwrap();
    let mut client = Client::connect(&home);
    let text = "My sister Maya lives in Lisbon";
    let kept = client.tool("remember", &json!({"text": text}));
    assert_eq!(kept["author"], "test-editor");
    assert_eq!(texts(&kept["memories"]), [text]);

    let found = client.tool("recall", &json!({"question": "Where does Maya live?"}));
    let hit = &found["hits"][0];
    assert_eq!(hit["text"], text);
    assert_eq!(hit["author"], "test-editor");
    assert!(hit["why"]["words"].as_f64().unwrap() > 0.0, "{hit}");
    assert!(found["confidence"].as_f64().unwrap() > 0.5, "{found}");

    let turn = kept["id"].as_str().unwrap();
    let shown = edge_json(&home, &["memory", "show", turn]);
    assert_eq!(shown["author"], "test-editor");
    let listed = edge_json(&home, &["memory", "list", "--source", "mcp"]);
    assert_eq!(texts(&listed), [text]);
    let sessions = edge_json(&home, &["sessions", "list"]);
    assert_eq!(sessions[0]["title"], "test-editor (MCP)");
}

#[test]
fn what_the_owner_said_has_no_other_author() {
    let home = tempfile::tempdir().unwrap();
    edge_json(&home, &["memory", "add", "My cat is called Miso"]);
    let mut client = Client::connect(&home);
    let found = client.tool("recall", &json!({"question": "What is my cat called?"}));
    assert_eq!(found["hits"][0]["author"], Value::Null);
    let lately = client.tool("history", &json!({}));
    assert_eq!(lately["entries"][0]["source"], "command");
    assert_eq!(lately["entries"][0]["author"], Value::Null);
}

#[test]
fn history_tells_how_a_memory_came_about() {
    let home = tempfile::tempdir().unwrap();
    let mut client = Client::connect(&home);
    let first = client.tool(
        "remember",
        &json!({"text": "My sister Maya lives in Lisbon"}),
    );
    let second = client.tool("remember", &json!({"text": "Maya moved to Porto"}));
    assert_eq!(
        texts(&second["replaced"]),
        ["My sister Maya lives in Lisbon"]
    );

    let lately = client.tool("history", &json!({"limit": 1}));
    assert_eq!(texts(&lately["entries"]), ["Maya moved to Porto"]);
    assert_eq!(lately["entries"][0]["what"], "turn");

    let old = &first["memories"][0]["id"];
    let line = client.tool("history", &json!({"id": old}));
    let line = line["entries"].as_array().unwrap();
    let what: Vec<&Value> = line.iter().map(|entry| &entry["what"]).collect();
    assert_eq!(what, ["turn", "memory", "turn", "memory"]);
    assert_eq!(&line[1]["id"], old);
    assert_eq!(line[1]["replaced_by"], second["memories"][0]["id"]);
    assert!(line[1]["held_until"].is_string());
    assert_eq!(line[3]["held_until"], Value::Null);
}

#[test]
fn forgetting_leaves_a_receipt_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let mut client = Client::connect(&home);
    let kept = client.tool("remember", &json!({"text": "My cat is called Miso"}));
    let memory = &kept["memories"][0]["id"];
    let receipt = client.tool("forget", &json!({"id": memory}));
    assert_eq!(receipt["memories"], json!([memory]));
    assert_eq!(receipt["turns"], json!([kept["id"]]));
    assert!(receipt["index_entries"].as_u64().unwrap() > 0, "{receipt}");

    let found = client.tool("recall", &json!({"question": "What is my cat called?"}));
    assert_eq!(found["hits"], json!([]));
    let again = client.refusal("forget", &json!({"id": memory}));
    assert!(again.contains("nothing in memory is called"), "{again}");
    assert!(again.contains("Call `recall` or `history`"), "{again}");
}

#[test]
fn what_was_typed_is_forgotten_too() {
    let home = tempfile::tempdir().unwrap();
    let mut client = Client::connect(&home);
    let kept = client.tool("remember", &json!({"text": "My cat is called Miso"}));
    let history = home.path().join("state/chat-history");
    fs_err::create_dir_all(history.parent().unwrap()).unwrap();
    fs_err::write(&history, "#V2\nMy cat is called Miso\nHello\n").unwrap();
    let receipt = client.tool("forget", &json!({"id": kept["id"]}));
    assert_eq!(receipt["typed_lines"], 1);
    assert_eq!(fs_err::read_to_string(&history).unwrap(), "#V2\nHello\n");
}

#[test]
fn wrong_arguments_are_told_so_that_the_call_can_be_mended() {
    let home = tempfile::tempdir().unwrap();
    let mut client = Client::connect(&home);
    for (tool, arguments, told) in [
        ("remember", json!({}), "missing field `text`"),
        ("remember", json!({"text": 7}), "invalid type"),
        ("remember", json!({"text": " "}), "`text` is empty"),
        (
            "remember",
            json!({"text": "x", "tag": "y"}),
            "unknown field `tag`",
        ),
        (
            "recall",
            json!({"question": "x", "limit": 0}),
            "`limit` is 1 to 50",
        ),
        (
            "recall",
            json!({"question": "x", "limit": -1}),
            "invalid value",
        ),
        (
            "forget",
            json!({"id": "ABC"}),
            "nothing in memory is called",
        ),
        (
            "history",
            json!({"id": "0123456789"}),
            "nothing in memory is called",
        ),
    ] {
        let refusal = client.refusal(tool, &arguments);
        assert!(refusal.contains(told), "{tool} {arguments}: {refusal}");
        assert!(refusal.contains(". "), "no advice: {refusal}");
    }
    let long = client.refusal("remember", &json!({"text": "a".repeat(1_048_577)}));
    assert!(
        long.contains("1048577 bytes, 1048576 are allowed"),
        "{long}"
    );
    assert_eq!(texts(&edge_json(&home, &["memory", "list"])), [""; 0]);
}

#[test]
fn unknown_tools_and_methods_are_errors_of_the_protocol() {
    let home = tempfile::tempdir().unwrap();
    let mut client = Client::connect(&home);
    let params = json!({"name": "rember", "arguments": {}});
    let error = client.request("tools/call", &params)["error"].clone();
    assert_eq!(error["code"], -32602);
    let told = error["message"].as_str().unwrap();
    assert!(
        told.ends_with("remember, recall, forget, history"),
        "{told}"
    );
    let error = client.request("tools/burn", &json!({}))["error"].clone();
    assert_eq!(error["code"], -32601);
}

#[test]
fn junk_between_messages_is_survived() {
    let home = tempfile::tempdir().unwrap();
    let mut client = Client::connect(&home);
    client.send("{\"jsonrpc\": \"2.0\", \"id\": 1, \"meth");
    client.send("\u{0}\u{1b}[31m");
    let found = client.tool("recall", &json!({"question": "anything"}));
    assert_eq!(found["hits"], json!([]));
    client.send("[]");
    let ended = client.end();
    assert_eq!(ended.code, Some(0));
}

#[test]
fn secrets_are_taken_out_and_what_is_sensitive_is_not_shown() {
    let home = tempfile::tempdir().unwrap();
    edge_json(&home, &["memory", "add", "My bike lock code is 4711"]);
    let mut client = Client::connect(&home);
    let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    let text = format!("My deploy token is {token}");
    let kept = client.tool("remember", &json!({"text": text}));
    assert_eq!(kept["redacted"], json!(["github-token"]));
    let found = client.tool("recall", &json!({"question": "What is my bike lock code?"}));
    assert!(!found.to_string().contains("4711"), "{found}");
    let lately = client.tool("history", &json!({}));
    assert!(!lately.to_string().contains("4711"), "{lately}");
    assert!(!lately.to_string().contains(&token), "{lately}");
    let secret = edge_json(&home, &["memory", "list", "--kind", "secret"]);
    let refusal = client.refusal("history", &json!({"id": secret[0]["id"]}));
    assert!(refusal.contains("sensitive"), "{refusal}");
    assert!(refusal.contains("edge memory show"), "{refusal}");
}

#[test]
fn the_end_of_its_input_ends_it_after_the_last_answer() {
    let home = tempfile::tempdir().unwrap();
    let mut client = Client::connect(&home);
    for id in 100..110 {
        let arguments = json!({"text": format!("My box {id} is blue")});
        let params = json!({"name": "remember", "arguments": arguments});
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        client.send(&call.to_string());
    }
    let ended = client.end();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let mut ids: Vec<u64> = ended
        .left
        .iter()
        .map(|a| a["id"].as_u64().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (100..110).collect::<Vec<_>>());
    assert_eq!(edge_json(&home, &["sessions", "list"])[0]["turns"], 10);
}

#[test]
fn an_empty_input_ends_it_in_peace() {
    let home = tempfile::tempdir().unwrap();
    let ended = Client::start(&mut edge(&home, &["mcp"])).end();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert_eq!(ended.left, [] as [Value; 0]);
}

#[test]
fn a_client_that_does_not_greet_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let mut client = Client::start(&mut edge(&home, &["mcp"]));
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
    let ended = client.end();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.contains("did not begin with `initialize`"),
        "{}",
        ended.err
    );
}

#[test]
fn a_client_of_the_newest_revision_needs_no_greeting() {
    let home = tempfile::tempdir().unwrap();
    let mut client = Client::start(&mut edge(&home, &["mcp"]));
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "new-editor", "version": "2.0"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let arguments = json!({"text": "My cat is called Miso"});
    let params = json!({"name": "remember", "arguments": arguments, "_meta": meta});
    let answer = client.request("tools/call", &params);
    let kept = &answer["result"]["structuredContent"];
    assert_eq!(kept["author"], "new-editor", "{answer}");
}

#[test]
fn read_only_offers_neither_remember_nor_forget() {
    let home = tempfile::tempdir().unwrap();
    let mut client = Client::start(&mut edge(&home, &["mcp", "--read-only"]));
    client.initialize(NEWEST);
    let listed = client.request("tools/list", &json!({}))["result"]["tools"].clone();
    let names: Vec<&Value> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|t| &t["name"])
        .collect();
    assert_eq!(names, ["recall", "history"]);
    let params = json!({"name": "remember", "arguments": {"text": "My cat is called Miso"}});
    assert_eq!(
        client.request("tools/call", &params)["error"]["code"],
        -32602
    );
}

#[test]
fn logs_name_no_words() {
    let home = tempfile::tempdir().unwrap();
    let mut client = Client::start(edge(&home, &["mcp"]).env("SCRUBJAY_LOG", "trace"));
    client.initialize(NEWEST);
    client.tool(
        "remember",
        &json!({"text": "My sister Maya lives in Lisbon"}),
    );
    let ended = client.end();
    assert!(!ended.err.contains("Lisbon"), "{}", ended.err);
}
