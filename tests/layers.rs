//! The arrows between modules hold: see the map in `ARCHITECTURE.md`.
//!
//! Reads the sources as text. A path that begins with `crate::` is an arrow from the
//! file's module to the module it names; a foreign crate's name may stand in its one
//! home only. Comments do not count.

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Which modules of `edge` a module may name, itself apart.
const EDGE: &[(&str, &[&str])] = &[
    ("main", &["cli", "ui"]),
    (
        "cli",
        &[
            "assistant",
            "board",
            "config",
            "embed",
            "generate",
            "llama",
            "mcp",
            "memory",
            "models",
            "prompt",
            "sample",
            "server",
            "ui",
        ],
    ),
    ("assistant", &["generate", "memory", "prompt", "sample"]),
    ("board", &[]),
    ("config", &["memory", "sample"]),
    ("embed", &["memory"]),
    ("generate", &["sample"]),
    ("llama", &["generate", "sample"]),
    ("mcp", &["memory"]),
    ("memory", &[]),
    ("models", &["embed"]),
    ("prompt", &["generate", "memory"]),
    ("sample", &[]),
    (
        "server",
        &["assistant", "generate", "memory", "prompt", "sample"],
    ),
    ("ui", &["memory"]),
];

/// Which modules of `trainer` a module may name.
const TRAINER: &[(&str, &[&str])] = &[
    ("main", &["cli", "ui"]),
    (
        "cli",
        &[
            "config", "dataset", "embedder", "evaluate", "export", "pretrain", "run", "schedule",
            "torch", "ui",
        ],
    ),
    ("config", &["dataset", "schedule"]),
    ("dataset", &[]),
    ("echo", &["dataset"]),
    ("embedder", &["dataset"]),
    ("evaluate", &["dataset"]),
    ("export", &["config", "dataset", "run"]),
    ("pack", &["dataset"]),
    ("pretrain", &["config", "dataset", "echo", "pack", "run"]),
    ("run", &["config", "dataset", "schedule"]),
    ("schedule", &[]),
    (
        "torch",
        &[
            "config", "dataset", "echo", "embedder", "export", "pack", "run", "schedule",
        ],
    ),
    ("ui", &["run"]),
];

/// Foreign crates, and the only places that may name them.
const HOMES: &[(&str, &[&str])] = &[
    ("llama_cpp_2", &["edge/src/llama"]),
    ("llama_cpp_sys_2", &["edge/src/llama"]),
    ("heed", &["edge/src/memory/schema", "edge/src/memory/store"]),
    ("tract_onnx", &["edge/src/embed"]),
    (
        "tokenizers",
        &[
            "edge/src/embed",
            "trainer/src/dataset",
            "trainer/src/embedder",
        ],
    ),
    ("instant_distance", &["edge/src/memory/index"]),
    ("rmcp", &["edge/src/mcp"]),
    ("ureq", &["edge/src/models"]),
    ("axum", &["edge/src/server"]),
    ("hyper", &["edge/src/server"]),
    ("tokio", &["edge/src/mcp", "edge/src/server"]),
    ("rustyline", &["edge/src/cli", "edge/src/ui"]),
    ("tch", &["trainer/src/torch"]),
    ("torch_sys", &["trainer/src/torch"]),
];

/// Values in, values out: none of [`IMPURE`] may stand in these.
const PURE: &[&str] = &[
    "shared/src",
    "edge/src/prompt.rs",
    "edge/src/sample.rs",
    "edge/src/memory/extract",
    "edge/src/memory/lexicon",
    "edge/src/memory/recall",
    "edge/src/memory/retain",
    "trainer/src/dataset",
    "trainer/src/schedule.rs",
];

const IMPURE: &[&str] = &[
    "fs_err",
    "std::fs",
    "std::net",
    "std::process",
    "Instant::now",
    "SystemTime",
    "rand::rng",
    "println!",
    "eprintln!",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// Every `.rs` file below `folder`, as (path from the root, code without comments or tests).
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path
                    .strip_prefix(root())
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                if !name.ends_with("/tests.rs") {
                    found.push((name, code(&fs_err::read_to_string(&path).unwrap())));
                }
            }
        }
    }
    assert!(!found.is_empty(), "no source below {folder}");
    found
}

/// The text without line comments and without the tests at the bottom.
fn code(text: &str) -> String {
    let above = text
        .find("#[cfg(test)]\nmod tests")
        .map_or(text, |at| &text[..at]);
    above
        .lines()
        .map(|line| line.split("//").next().unwrap_or(""))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The top-level module of a file: `edge/src/memory/store.rs` is part of `memory`.
fn module(file: &str) -> String {
    let below = file.split("/src/").nth(1).unwrap();
    below
        .split('/')
        .next()
        .unwrap()
        .trim_end_matches(".rs")
        .to_owned()
}

/// The modules named by `crate::m` and `crate::{a::x, b}`.
fn named(code: &str) -> BTreeSet<String> {
    let word = |text: &str| {
        text.chars()
            .take_while(|c| c.is_ascii_lowercase() || *c == '_' || c.is_ascii_digit())
            .collect::<String>()
    };
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if !rest.starts_with('{') {
            names.insert(word(rest));
            continue;
        }
        let mut depth = 0;
        let mut fresh = false;
        for (i, c) in rest.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if depth == 1 && (c == '{' || c == ',') {
                fresh = true;
            } else if fresh && !c.is_whitespace() {
                names.insert(word(&rest[i..]));
                fresh = false;
            }
        }
    }
    names.remove("");
    names
}

fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '"')
            && after.starts_with("::")
    })
}

fn broken_arrows(package: &str, arrows: &[(&str, &[&str])]) -> Vec<String> {
    let mut broken = Vec::new();
    for (file, code) in sources(&format!("{package}/src")) {
        let from = module(&file);
        if from == "lib" {
            continue;
        }
        let Some((_, allowed)) = arrows.iter().find(|(name, _)| *name == from) else {
            broken.push(format!("{file}: module `{from}` is not on the map"));
            continue;
        };
        let to = named(&code)
            .into_iter()
            .filter(|to| *to != from && !allowed.contains(&to.as_str()));
        broken.extend(to.map(|to| format!("{file}: {from} -> {to}")));
    }
    broken
}

#[test]
fn modules_of_edge_follow_the_map() {
    assert_eq!(broken_arrows("edge", EDGE), [""; 0]);
}

#[test]
fn modules_of_trainer_follow_the_map() {
    assert_eq!(broken_arrows("trainer", TRAINER), [""; 0]);
}

#[test]
fn edge_and_trainer_meet_only_in_shared() {
    for (package, strangers) in [
        ("edge", ["trainer"].as_slice()),
        ("trainer", &["edge"]),
        ("shared", &["edge", "trainer"]),
    ] {
        for (file, code) in sources(&format!("{package}/src")) {
            for stranger in strangers {
                assert!(!names_crate(&code, stranger), "{file} names {stranger}");
            }
        }
    }
}

#[test]
fn foreign_libraries_stay_at_home() {
    let mut strays = Vec::new();
    for (file, code) in ["edge/src", "trainer/src", "shared/src"]
        .into_iter()
        .flat_map(sources)
    {
        for (name, homes) in HOMES {
            if names_crate(&code, name) && !homes.iter().any(|home| file.starts_with(home)) {
                strays.push(format!("{file} names {name}"));
            }
        }
    }
    assert_eq!(strays, [""; 0]);
}

#[test]
fn pure_modules_touch_nothing_outside() {
    let mut stains = Vec::new();
    for (file, code) in ["edge/src", "trainer/src", "shared/src"]
        .into_iter()
        .flat_map(sources)
    {
        if PURE.iter().any(|pure| file.starts_with(pure)) {
            stains.extend(
                IMPURE
                    .iter()
                    .filter(|word| code.contains(**word))
                    .map(|word| format!("{file}: {word}")),
            );
        }
    }
    assert_eq!(stains, [""; 0]);
}

#[test]
fn the_reader_of_arrows_reads_every_form() {
    let code = code(
        "use crate::a::X; // crate::no\nuse crate::{b, c::{D, e}, f};\nlet x = crate::g::h();\n#[cfg(test)]\nmod tests { use crate::z; }",
    );
    assert_eq!(
        named(&code).into_iter().collect::<Vec<_>>(),
        ["a", "b", "c", "f", "g"]
    );
    assert!(names_crate("use heed::Env;", "heed"));
    assert!(!names_crate("use other::heed::Env;", "heed"));
}
