//! What was acknowledged survives a killed process and a full disk.
//!
//! The child is this very test binary, told by its environment what to do.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use edge::memory::embedder::HashedWords;
use edge::memory::episode::{NewEpisode, Source};
use edge::memory::query::Query;
use edge::memory::report::Repair;
use edge::memory::{Memory, Options};
use shared::clock::{Clock, SystemClock};
use shared::id::EpisodeId;

const FOLDER: &str = "SCRUBJAY_CRASH_FOLDER";
const TURNS: &str = "SCRUBJAY_CRASH_TURNS";
const KILLS: u64 = 200;
const KILLS_PER_FOLDER: u64 = 25;

fn open(folder: &Path, seed: u64) -> Memory {
    let options = Options {
        seed,
        ..Options::default()
    };
    let embedder = Arc::new(HashedWords::new(32));
    Memory::open(folder, embedder, Arc::new(SystemClock), options).unwrap()
}

/// Writes turns and names each one once it is acknowledged.
#[test]
#[ignore = "needs a parent: the tests below run it in a process of its own"]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let turns: usize = std::env::var(TURNS).unwrap().parse().unwrap();
    let memory = open(Path::new(&folder), std::process::id().into());
    let session = memory.new_session("crash").unwrap();
    let mut out = std::io::stdout();
    for turn in 0..turns {
        let text = format!("My friend number {turn} lives in town {turn}. It rains there.");
        match memory.append(NewEpisode::said(session, Source::Chat, text)) {
            Ok(appended) => writeln!(out, "\nkept {}", appended.episode).unwrap(),
            Err(error) => {
                let readable = memory.session_episodes(session).unwrap().len();
                writeln!(out, "\nerror {error}\nreadable {readable}").unwrap();
                break;
            }
        }
        out.flush().unwrap();
    }
}

fn told(command: &mut Command, folder: &Path, turns: usize) -> (Child, Receiver<String>) {
    let mut child = command
        .args(["crash::child", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(TURNS, turns.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    (child, lines)
}

fn kept(line: &str) -> Option<EpisodeId> {
    line.strip_prefix("kept ")?.parse().ok()
}

#[test]
fn acknowledged_turns_survive_being_killed_at_any_moment() {
    let program = std::env::current_exe().unwrap();
    let mut folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for kill in 0..KILLS {
        if kill % KILLS_PER_FOLDER == 0 {
            folder = tempfile::tempdir().unwrap();
            acknowledged.clear();
        }
        let (mut child, lines) = told(&mut Command::new(&program), folder.path(), usize::MAX);
        // The first acknowledgement shows that it writes; it dies up to 6 ms later.
        let moment = Duration::from_micros(kill.wrapping_mul(2_654_435_761) % 6_000);
        let mut found: Vec<EpisodeId> = Vec::new();
        while found.is_empty() {
            found.extend(kept(&lines.recv().unwrap()));
        }
        let (_never, silence) = channel::<()>();
        let _ = silence.recv_timeout(moment);
        child.kill().unwrap();
        child.wait().unwrap();
        found.extend(lines.iter().filter_map(|line| kept(&line)));
        acknowledged.extend(found);

        let memory = open(folder.path(), kill);
        for id in &acknowledged {
            assert!(
                memory.episode(*id).unwrap().is_some(),
                "{id} is lost, kill {kill}"
            );
        }
        assert_eq!(memory.verify(Repair::No).unwrap().faults, [], "kill {kill}");
    }
}

#[test]
fn a_full_disk_is_named_and_loses_nothing() {
    let program = std::env::current_exe().unwrap();
    let folder = tempfile::tempdir().unwrap();
    // A limit on the size of files is a disk that is full, without being root.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\""]);
    shell.arg(&program);
    let (mut child, lines) = told(&mut shell, folder.path(), 100_000);
    let lines: Vec<String> = lines.iter().collect();
    child.wait().unwrap();
    let acknowledged: Vec<EpisodeId> = lines.iter().filter_map(|line| kept(line)).collect();
    let readable = format!("readable {}", acknowledged.len());
    assert!(acknowledged.len() > 10, "{lines:?}");
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("error") && line.ends_with("is full"))
    );
    assert!(lines.contains(&readable), "{lines:?}");

    let memory = open(folder.path(), 1);
    for id in &acknowledged {
        assert!(memory.episode(*id).unwrap().is_some(), "{id} is lost");
    }
    assert_eq!(memory.verify(Repair::No).unwrap().faults, []);
    let session = memory.new_session("room again").unwrap();
    memory
        .append(NewEpisode::said(session, Source::Chat, "It goes on"))
        .unwrap();
}

#[test]
fn two_processes_write_and_recall_at_once() {
    let program = std::env::current_exe().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let memory = open(folder.path(), 7);
    let session = memory.new_session("mine").unwrap();
    let question = Query::new("town 3", SystemClock.now());
    assert_eq!(memory.recall(&question).unwrap().hits, []);

    let (mut child, lines) = told(&mut Command::new(program), folder.path(), 20);
    let mut mine = Vec::new();
    for turn in 0..20 {
        let text = format!("Bridge {turn} is closed");
        let new = NewEpisode::said(session, Source::Chat, text);
        mine.push(memory.append(new).unwrap().episode);
    }
    assert!(child.wait().unwrap().success());

    let theirs: Vec<EpisodeId> = lines.iter().filter_map(|line| kept(&line)).collect();
    assert_eq!(theirs.len(), 20);
    assert!(mine.iter().all(|id| !theirs.contains(id)));
    let hits = memory.recall(&question).unwrap().hits;
    assert!(
        hits.iter().any(|hit| hit.text.contains("town 3")),
        "{hits:?}"
    );
    assert_eq!(memory.verify(Repair::No).unwrap().faults, []);
}
