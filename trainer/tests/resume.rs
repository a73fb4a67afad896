//! A run that is killed and begun again ends with the weights of an unbroken one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const STEPS: &str = "40";

/// The shipped recipe, made small enough to run within seconds.
fn recipe(folder: &Path) -> PathBuf {
    let mut text = include_str!("../recipes/nano.toml").to_owned();
    for (key, value) in [
        ("vocabulary", "400"),
        ("layers", "2"),
        ("tokenizer_dialogues", "300"),
        ("window", "60"),
        ("echo_windows", "1"),
        ("batch_tokens", "600"),
        ("checkpoint_every", "2"),
    ] {
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("{key} = ")))
            .unwrap()
            .to_owned();
        text = text.replace(&line, &format!("{key} = {value}"));
    }
    let path = folder.join("small.toml");
    fs_err::write(&path, text).unwrap();
    path
}

fn pretrain(recipe: &Path, run: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_trainer"))
        .arg("pretrain")
        .arg("--recipe")
        .arg(recipe)
        .arg("--run")
        .arg(run)
        // One thread: sums are taken in one order. No edge: nothing is quantised.
        .args(["--steps", STEPS, "--threads", "1", "--edge", "/nonexistent"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn steps_taken(run: &Path) -> usize {
    fs_err::read_to_string(run.join("metrics.jsonl")).map_or(0, |text| text.lines().count())
}

#[expect(
    clippy::disallowed_methods,
    reason = "another process has no channel to wait on"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(3));
}

#[test]
fn a_killed_run_ends_as_an_unbroken_one() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = recipe(folder.path());
    let [whole, broken] = ["whole", "broken"].map(|name| folder.path().join(name));
    pretrain(&recipe, &whole).wait().unwrap();
    let model = |run: &Path| fs_err::read(run.join("small-f16.gguf"));

    let mut kills = 0;
    while model(&broken).is_err() {
        assert!(kills < 20, "the run does not get on");
        let before = steps_taken(&broken);
        let mut child = pretrain(&recipe, &broken);
        // Each time it gets a little further, and is killed wherever it is then.
        while steps_taken(&broken) < before + 7 + 3 * kills && child.try_wait().unwrap().is_none() {
            pause();
        }
        let _ = child.kill();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills > 2, "killed {kills} times");
    assert_eq!(model(&whole).unwrap(), model(&broken).unwrap());
}
