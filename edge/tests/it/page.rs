//! The web page of `edge serve`, in a real browser, before the real server and model.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use browser::Browser;

mod browser;

/// `edge serve` on a port of its own.
struct Served {
    process: Child,
    address: String,
}

impl Served {
    fn start(home: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_edge"))
            .env_clear()
            .env("SCRUBJAY_HOME", home)
            .args(["serve", "--port", "0", "--threads", "1"])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            let at = line.find("http://")?;
            Some(line[at..].split_whitespace().next().unwrap().to_owned())
        });
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            process,
            address: address.unwrap(),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A page that is open, and what it needs.
struct World {
    browser: Browser,
    served: Served,
    _home: tempfile::TempDir,
}

impl World {
    /// `None`, and said aloud, where there is no browser.
    fn open() -> Option<Self> {
        let Some(mut browser) = Browser::start() else {
            // Past the harness, which swallows what passing tests print.
            let told = "\n*** SKIPPED: no Chromium here, so the web page was NOT tested. `scripts/deps chromium` installs it.\n";
            std::io::stderr().write_all(told.as_bytes()).unwrap();
            assert!(
                std::env::var_os("CI").is_none(),
                "continuous integration has Chromium"
            );
            return None;
        };
        let home = tempfile::tempdir().unwrap();
        let served = Served::start(home.path());
        browser.open(&served.address);
        browser.until("document.activeElement.id === 'words'");
        Some(Self {
            browser,
            served,
            _home: home,
        })
    }

    /// Types a message and sends it with the keyboard alone; the whole turn.
    fn say(&mut self, words: &str) -> String {
        let turns = self.value("document.querySelectorAll('.turn').length");
        self.browser.until("document.activeElement.id === 'words'");
        self.browser.write(words);
        self.browser.press("Enter");
        let turn = format!("document.querySelectorAll('.turn')[{turns}]");
        let ended =
            format!("{turn}?.querySelector('.tools button[aria-pressed]') && {turn}.innerText");
        self.browser.until(&ended).as_str().unwrap().to_owned()
    }

    fn value(&mut self, expression: &str) -> Value {
        self.browser.value(expression)
    }

    /// Clicks the first button with this name in a part of the page.
    fn click(&mut self, part: &str, name: &str) {
        let buttons = format!("[...document.querySelectorAll('{part} button')]");
        let button = format!("{buttons}.find((button) => button.textContent === '{name}')");
        self.browser.until(&format!("Boolean({button})"));
        self.browser.value(&format!("{button}.click()"));
    }

    fn view(&mut self, name: &str) {
        self.browser.value(&format!(
            "document.querySelector('nav a[href=\"#{name}\"]').click()"
        ));
        self.browser
            .until(&format!("!document.getElementById('{name}').hidden"));
    }

    /// Nothing was wrong, and nothing was fetched from anywhere else.
    fn check(&self) {
        assert_eq!(self.browser.complaints, [""; 0]);
        let strangers = self.browser.requests.iter();
        let strangers: Vec<_> = strangers
            .filter(|address| !address.starts_with(&self.served.address))
            .collect();
        assert_eq!(strangers, [""; 0]);
    }
}

#[test]
fn a_whole_conversation_with_memory_correction_and_forgetting() {
    let Some(mut world) = World::open() else {
        return;
    };
    let told = world.say("My sister Clara lives in Lisbon");
    assert!(
        told.contains("remembered: My sister Clara lives in Lisbon"),
        "{told}"
    );

    world.click("#sessions", "New conversation");
    let answered = world.say("Where does Clara live?");
    assert!(answered.contains("Lisbon"), "{answered}");
    assert!(answered.contains("shown 1 memory"), "{answered}");
    world.value("document.querySelector('.turn details').open = true");
    let why = world.value("document.querySelector('.why').innerText");
    assert!(why.as_str().unwrap().contains("words"), "{why}");

    world.click(".turn", "Bad");
    world
        .browser
        .until("document.querySelector('.turn [aria-pressed=true]')?.textContent === 'Bad'");
    world.click(".turn", "Correct");
    world.value("document.querySelector('.mend textarea').value = 'In Lisbon, by the sea.'");
    world.click(".mend", "Keep");
    world.browser.until(
        "document.querySelector('.turn').innerText.includes('should be: In Lisbon, by the sea.')",
    );

    // It is there again when the conversation is opened anew.
    world
        .browser
        .until("document.querySelectorAll('#session-list button').length === 2");
    world.click("#sessions", "New conversation");
    world.value("document.querySelector('#session-list button').click()");
    world
        .browser
        .until("document.querySelector('.turn [aria-pressed=true]')?.textContent === 'Bad'");
    let text = world.value("document.getElementById('log').innerText");
    assert!(
        text.as_str().unwrap().contains("should be: In Lisbon"),
        "{text}"
    );

    world.view("memory");
    world
        .browser
        .until("document.querySelectorAll('.memory').length === 1");
    world.click("#memories", "Correct");
    world.value("document.querySelector('.mend input').value = 'My sister Clara lives in Porto'");
    world.click(".mend", "Keep");
    world
        .browser
        .until("document.querySelector('.memory p').textContent.includes('Porto')");
    world.click("#memories", "Where from");
    world
        .browser
        .until("document.querySelector('.memory .why')");

    world.click("#memories", "Forget");
    world.browser.until("document.getElementById('sure').open");
    world.click("#sure", "Forget it");
    let receipt = world.browser.until("document.getElementById('receipt').open && document.getElementById('receipt-facts').innerText");
    assert!(receipt.as_str().unwrap().contains("vectors"), "{receipt}");
    world.click("#receipt", "Close");
    world
        .browser
        .until("document.querySelectorAll('.memory').length === 0");
    world.check();
}

#[test]
fn memory_is_searched_and_written_by_keyboard() {
    let Some(mut world) = World::open() else {
        return;
    };
    world.view("memory");
    world.value("document.getElementById('fact').focus()");
    world.browser.write("My cat is called <b>Miso</b>");
    world.browser.press("Enter");
    world.browser.until(
        "document.querySelector('.memory p')?.textContent === 'My cat is called <b>Miso</b>'",
    );
    world.value("document.getElementById('query').focus()");
    world.browser.write("cat");
    world.browser.press("Enter");
    world
        .browser
        .until("document.getElementById('found').textContent.includes('1 hit')");
    assert_eq!(
        world.value("document.querySelectorAll('.memory b').length"),
        0
    );
    // Every control is reached by the Tab key.
    let controls = world.value("document.querySelectorAll('#memory input, #memory button').length");
    world.value("document.querySelector('nav a:last-child').focus()");
    for _ in 0..controls.as_u64().unwrap() {
        world.browser.press("Tab");
        assert_eq!(
            world.value("document.activeElement.closest('#memory') !== null"),
            true
        );
    }
    world.check();
}

#[test]
fn an_answer_is_stopped_and_the_next_one_comes() {
    let Some(mut world) = World::open() else {
        return;
    };
    world.value("window.answers = () => document.querySelectorAll('.answer')");
    world.browser.write("Tell me what you know");
    // Stopped as soon as it has begun: whatever was written by then stays.
    world.value("document.getElementById('ask').requestSubmit(), document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))");
    world
        .browser
        .until("document.querySelector('.notes').innerText.includes('stopped')");
    assert_eq!(world.value("document.getElementById('stop').hidden"), true);
    let next = world.say("My cat is called Miso");
    assert!(next.contains("remembered"), "{next}");
    world.check();
}

#[test]
fn the_device_is_shown_and_fits_a_phone() {
    let Some(mut world) = World::open() else {
        return;
    };
    world.say("My cat is called Miso");
    world.view("status");
    let facts = world
        .browser
        .until("document.querySelector('#facts dt') && document.getElementById('facts').innerText");
    assert!(facts.as_str().unwrap().contains("nano"), "{facts}");
    world
        .browser
        .until("document.querySelectorAll('#plots polyline').length === 4");
    world.browser.become_a_phone();
    for view in ["chat", "memory", "status"] {
        world.view(view);
        assert_eq!(
            world.value("document.documentElement.scrollWidth"),
            390,
            "{view}"
        );
    }
    let back = world.value("getComputedStyle(document.body).backgroundColor");
    assert_eq!(back, "rgb(22, 24, 27)");
    world.check();
}
