//! A real Chromium without a window, driven over the DevTools protocol.
//!
//! Source: <https://chromedevtools.github.io/devtools-protocol/>.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

/// What Chromium is called, by who packages it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Nothing takes so long unless it never happens.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one open page.
pub(crate) struct Browser {
    process: Child,
    _profile: TempDir,
    socket: WebSocket<TcpStream>,
    session: String,
    calls: u64,
    /// What happened in the page that should not, and every address it asked for.
    pub(crate) complaints: Vec<String>,
    pub(crate) requests: Vec<String>,
}

impl Browser {
    /// Starts a browser; `None` where there is none on this machine.
    pub(crate) fn start() -> Option<Self> {
        let profile = tempfile::tempdir().unwrap();
        let mut process = NAMES.iter().find_map(|name| {
            Command::new(name)
                .args([
                    "--headless=new",
                    // Its sandbox needs rights that containers and root do not have.
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                    "--disable-component-update",
                    "--no-first-run",
                    "--remote-debugging-port=0",
                ])
                .arg(format!("--user-data-dir={}", profile.path().display()))
                .arg("about:blank")
                .stderr(Stdio::piped())
                .spawn()
                .ok()
        })?;
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            Some(line.strip_prefix("DevTools listening on ")?.to_owned())
        });
        let address = address.unwrap();
        // A full pipe would stop it.
        thread::spawn(move || lines.for_each(drop));
        let host = address.trim_start_matches("ws://").split('/').next();
        let stream = TcpStream::connect(host.unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, _) = tungstenite::client(&address, stream).unwrap();
        let mut browser = Self {
            process,
            _profile: profile,
            socket,
            session: String::new(),
            calls: 0,
            complaints: Vec::new(),
            requests: Vec::new(),
        };
        let page = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": page["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", attach);
        attached["sessionId"]
            .as_str()
            .unwrap()
            .clone_into(&mut browser.session);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    pub(crate) fn open(&mut self, address: &str) {
        self.call("Page.navigate", json!({"url": address}));
    }

    /// A narrow screen in dark colours.
    pub(crate) fn become_a_phone(&mut self) {
        let screen = json!({"width": 390, "height": 780, "deviceScaleFactor": 1, "mobile": true});
        self.call("Emulation.setDeviceMetricsOverride", screen);
        let dark = json!({"name": "prefers-color-scheme", "value": "dark"});
        self.call("Emulation.setEmulatedMedia", json!({"features": [dark]}));
    }

    /// What an expression in the page is.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", asked);
        let failed = &answer["exceptionDetails"];
        assert!(failed.is_null(), "{expression}: {failed}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true or otherwise something, and says what.
    pub(crate) fn until(&mut self, expression: &str) -> Value {
        let ms = PATIENCE.as_millis() / 2;
        let told = json!(expression);
        self.value(&format!(
            "new Promise((done, fail) => {{
                const began = Date.now();
                const look = () => {{
                    let value = null;
                    try {{ value = ({expression}); }} catch {{}}
                    if (value) done(value);
                    else if (Date.now() - began > {ms}) fail(new Error('never: ' + {told} + '\\n' + document.body.innerText));
                    else setTimeout(look, 20);
                }};
                look();
            }})"
        ))
    }

    /// Types text where the focus is.
    pub(crate) fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Presses a key: `Enter`, `Escape`, `Tab`, or the space bar.
    pub(crate) fn press(&mut self, key: &str) {
        let (code, number, text) = match key {
            "Enter" => (key, 13, Some("\r")),
            "Escape" => (key, 27, None),
            "Tab" => (key, 9, None),
            " " => ("Space", 32, Some(" ")),
            _ => panic!("no such key: {key}"),
        };
        let mut event = json!({"key": key, "code": code, "windowsVirtualKeyCode": number});
        event["type"] = json!("keyDown");
        if let Some(text) = text {
            event["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", event.clone());
        event["type"] = json!("keyUp");
        self.call("Input.dispatchKeyEvent", event);
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.socket
            .send(Message::text(message.to_string()))
            .unwrap();
        loop {
            let Message::Text(text) = self.socket.read().unwrap() else {
                continue;
            };
            let answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == id {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.note(&answer);
        }
    }

    fn note(&mut self, event: &Value) {
        let told = &event["params"];
        match event["method"].as_str() {
            Some("Log.entryAdded" | "Runtime.exceptionThrown") => {
                self.complaints.push(told.to_string());
            }
            Some("Network.requestWillBeSent") => {
                let address = told["request"]["url"].as_str().unwrap();
                self.requests.push(address.to_owned());
            }
            _ => {}
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
