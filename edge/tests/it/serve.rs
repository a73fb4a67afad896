//! The real server: a client that is not ours, commands that use it, signals that end it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(120);

fn edge(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edge"));
    command
        .env_clear()
        .env("SCRUBJAY_HOME", home)
        .stdin(Stdio::null());
    command
}

/// A server with the built-in model.
struct Served {
    home: TempDir,
    child: Child,
    address: String,
    /// Lines of its standard error.
    told: Receiver<String>,
}

impl Served {
    fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut child = edge(home.path())
            .args(["serve", "--port", "0", "--threads", "1", "--slots", "4"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (say, told) = channel();
        let errors = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                if say.send(line).is_err() {
                    break;
                }
            }
        });
        let mut served = Self {
            home,
            child,
            address: String::new(),
            told,
        };
        let line = served.wait_for("listening on http://");
        served.address = line.rsplit_once('/').unwrap().1.to_owned();
        served.wait_for("ready");
        served
    }

    fn wait_for(&self, words: &str) -> String {
        loop {
            let line = self.told.recv_timeout(PATIENCE).unwrap();
            if line.contains(words) {
                return line;
            }
        }
    }

    fn socket(&self) -> PathBuf {
        self.home.path().join("run/edge.sock")
    }

    fn output(&self, args: &[&str]) -> String {
        let output = edge(self.home.path()).args(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        assert!(output.status.success(), "{}", text(output.stderr));
        text(output.stdout)
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Ends it and waits.
    fn stop(mut self) {
        self.signal(rustix::process::Signal::TERM);
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "{ended}");
        assert!(!self.socket().exists());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Ended already where the test came to its end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every route and parameter, through the official `openai` package.
#[test]
fn the_official_client_gets_what_it_asks_for() {
    let Some(package) = std::env::var_os("SCRUBJAY_OPENAI") else {
        eprintln!(
            "\n*** NOT TESTED: the server against the official openai package.\n\
             *** `scripts/deps openai` fetches it, SCRUBJAY_OPENAI names its folder.\n"
        );
        return;
    };
    let served = Served::start();
    let scopes = ["--scope", "chat", "--scope", "memory"];
    let token = served.output(&[&["token", "new", "suite"], &scopes[..]].concat());
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openai/suite.py");
    let run = Command::new("python3")
        .arg(suite)
        .arg(format!("http://{}", served.address))
        .arg(served.socket())
        .arg(token.trim())
        .env("PYTHONPATH", package)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stdout).into_owned();
    let errors = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{told}\n{errors}");
    served.stop();
}

/// The model is in memory once, and the answer is the same.
#[test]
fn commands_use_the_server_and_answer_as_without_it() {
    let served = Served::start();
    served.output(&["ask", "My sister Clara lives in Lisbon"]);
    let requests = |page: &str| {
        let line = page
            .lines()
            .find(|line| line.starts_with("scrubjay_engine_requests_total"));
        line.unwrap()
            .rsplit_once(' ')
            .unwrap()
            .1
            .parse::<u64>()
            .unwrap()
    };
    let before = requests(&get(&served.socket(), "/metrics"));
    assert!(before > 0, "the server was not used");
    let with = served.output(&["ask", "Where does Clara live?"]);
    assert!(requests(&get(&served.socket(), "/metrics")) > before);
    // Another context than the server's: the command works alone.
    let alone = served.output(&["ask", "Where does Clara live?", "--context", "1000"]);
    assert_eq!(with, alone);
    assert!(with.contains("Lisbon"), "{with}");
    served.stop();
}

/// A request over the socket, by hand.
fn get(socket: &Path, path: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_socket_is_its_owners_alone_and_served_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let served = Served::start();
    let mode = |path: &Path| fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&served.socket()), 0o600);
    assert_eq!(mode(served.socket().parent().unwrap()), 0o700);
    let second = edge(served.home.path())
        .args(["serve", "--port", "0"])
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8(second.stderr).unwrap();
    assert!(
        told.contains("listens on") && told.contains("hint: "),
        "{told}"
    );
    served.stop();
}

#[test]
fn without_a_token_no_other_machine_may_come_in() {
    let home = tempfile::tempdir().unwrap();
    let refused = edge(home.path())
        .args(["serve", "--address", "0.0.0.0", "--port", "0"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(3));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("edge token new"), "{told}");
}

#[test]
fn a_hang_up_reads_the_configuration_anew_and_drops_nobody() {
    let served = Served::start();
    let mut stream = TcpStream::connect(&served.address).unwrap();
    let mut ask = |path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut bytes = [0; 4_096];
        let length = stream.read(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    assert!(ask("/v1/models").starts_with("HTTP/1.1 200"));
    let file = served.home.path().join("edge.toml");
    fs_err::write(&file, "[server]\nrequire_token = true\n").unwrap();
    served.signal(rustix::process::Signal::HUP);
    served.wait_for("configuration read anew");
    assert!(ask("/v1/models").starts_with("HTTP/1.1 401"));
    fs_err::write(&file, "[server]\nmood = 1\n").unwrap();
    served.signal(rustix::process::Signal::HUP);
    served.wait_for("error: ");
    assert!(ask("/health").starts_with("HTTP/1.1 200"));
    served.stop();
}

/// Half a request, and half a connection: neither holds anybody up.
#[test]
fn clients_that_are_slow_or_half_gone_hold_nobody_up() {
    let served = Served::start();
    let slow: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(&served.address).unwrap();
            stream
                .write_all(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n")
                .unwrap();
            stream
        })
        .collect();
    let mut half = TcpStream::connect(&served.address).unwrap();
    half.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        .unwrap();
    half.shutdown(std::net::Shutdown::Write).unwrap();
    let mut nothing = String::new();
    // Whatever it answers, it ends the connection.
    let _ = half.read_to_string(&mut nothing);
    assert!(get(&served.socket(), "/health").contains("200 OK"));
    let mut huge = TcpStream::connect(&served.address).unwrap();
    let header = format!(
        "GET /health HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    // The server may close while it is written.
    let _ = huge.write_all(header.as_bytes());
    let mut answer = Vec::new();
    let _ = huge.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    drop(slow);
    served.stop();
}
