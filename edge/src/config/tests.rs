use std::collections::BTreeSet;
use std::path::Path;

use super::keys::KEYS;
use super::paths::{Paths, Variables};
use super::*;
use shared::board::Board;

fn file(text: &str) -> Layer {
    Layer::file(Path::new("/etc/edge.toml"), text).unwrap()
}

/// The chain of causes, for a person.
fn told(error: &ConfigError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[test]
fn a_later_layer_wins_and_the_origin_says_so() {
    let resolved = Resolved::new([
        file("[model]\nthreads = 2\ncontext = 2048\n"),
        Layer::setting(
            Origin::Variable("SCRUBJAY_MODEL_THREADS".into()),
            "model.threads",
            "3",
        )
        .unwrap(),
        Layer::flag("answer.seed=7").unwrap(),
    ])
    .unwrap();
    assert_eq!(resolved.config.model.threads, Some(3));
    assert_eq!(resolved.config.model.context, Some(2048));
    let origin = |key| resolved.value(key).map(|(_, origin)| origin.to_string());
    assert_eq!(
        origin("model.threads").as_deref(),
        Some("variable SCRUBJAY_MODEL_THREADS")
    );
    assert_eq!(
        origin("model.context").as_deref(),
        Some("file /etc/edge.toml")
    );
    assert_eq!(origin("answer.seed").as_deref(), Some("flag"));
    assert_eq!(origin("answer.max_tokens").as_deref(), Some("default"));
    assert_eq!(origin("model.name"), None);
}

/// A board gives way to the file, and wins over defaults.
#[test]
fn a_board_fills_what_nobody_set() {
    let board = Board::parse(
        r#"
        name = "desk"
        title = "Desk"
        cores = 8
        memory_mib = 16384
        memory_budget_mib = 10240
        context = 8192
        kv_type = "q8_0"
        threads = { prefill = 7, decode = 4 }
        "#,
    )
    .unwrap();
    let resolved = Resolved::new([Layer::board(&board), file("[model]\nthreads = 2\n")]).unwrap();
    assert_eq!(resolved.config.model.threads, Some(2));
    assert_eq!(resolved.config.model.threads_prefill, Some(7));
    assert_eq!(resolved.config.model.kv_type, Some(KvType::Q8_0));
    assert_eq!(resolved.config.model.context, Some(8192));
    assert_eq!(resolved.config.model.memory_budget_mib, Some(10240));
    let (_, origin) = resolved.value("model.context").unwrap();
    assert_eq!(origin.to_string(), "board desk");
}

#[test]
fn an_unknown_key_in_the_file_is_refused_by_name_and_line() {
    let error = Layer::file(Path::new("edge.toml"), "[model]\nthread = 2\n").unwrap_err();
    let text = told(&error);
    assert!(text.contains("edge.toml"), "{text}");
    assert!(text.contains("line 2"), "{text}");
    assert!(text.contains("unknown field `thread`"), "{text}");
}

#[test]
fn an_unknown_key_in_a_flag_is_refused() {
    let error = Layer::flag("model.thread=2").unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"model.thread\" names no configuration key"
    );
    assert!(matches!(
        Layer::flag("model.threads"),
        Err(ConfigError::NotASetting { .. })
    ));
}

#[test]
fn a_value_that_does_not_fit_is_refused() {
    let error = Layer::flag("model.threads=many").unwrap_err();
    assert!(told(&error).contains("invalid type"), "{}", told(&error));
    assert!(Layer::flag("memory.enabled=2").is_err());
}

#[test]
fn text_needs_no_quotes_even_where_it_looks_like_a_number() {
    for (text, name) in [("qwen", "qwen"), ("7", "7"), ("\"q u\"", "q u")] {
        let layer = Layer::flag(&format!("model.name={text}")).unwrap();
        let resolved = Resolved::new([layer]).unwrap();
        assert_eq!(resolved.config.model.name.as_deref(), Some(name));
    }
}

/// Fills every optional field, so that serialising shows every key there is.
fn full() -> Config {
    let mut config = Config::default();
    config.model.name = Some("nano".into());
    config.model.context = Some(1);
    config.model.threads = Some(1);
    config.model.threads_prefill = Some(1);
    config.model.kv_type = Some(KvType::F16);
    config.model.memory_budget_mib = Some(1);
    config.answer.temperature = Some(1.0);
    config.answer.top_k = Some(1);
    config.answer.top_p = Some(1.0);
    config.answer.min_p = Some(1.0);
    config.answer.repeat_penalty = Some(1.0);
    config.answer.seed = Some(1);
    config.memory.embedder = Some("minilm".into());
    config
}

#[test]
fn the_list_of_keys_is_the_struct() {
    let table = toml::Table::try_from(full()).unwrap();
    let there: BTreeSet<String> = table
        .iter()
        .flat_map(|(section, value)| {
            let names = value.as_table().unwrap().keys();
            names.map(move |name| format!("{section}.{name}"))
        })
        .collect();
    let listed: BTreeSet<String> = KEYS.iter().map(|key| key.path.to_owned()).collect();
    assert_eq!(there, listed);
}

fn variables(pairs: &[(&str, &str)]) -> Variables {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.into()))
        .collect()
}

#[test]
fn one_folder_holds_all_when_asked() {
    let paths = Paths::find(&variables(&[("SCRUBJAY_HOME", "/s"), ("HOME", "/h")])).unwrap();
    for (name, path) in paths.list() {
        assert!(path.starts_with("/s"), "{name} lies at {}", path.display());
    }
}

#[test]
fn xdg_variables_are_followed_unless_relative() {
    let paths = Paths::find(&variables(&[
        ("HOME", "/h"),
        ("XDG_DATA_HOME", "/d"),
        ("XDG_CACHE_HOME", "relative"),
        ("XDG_STATE_HOME", ""),
    ]))
    .unwrap();
    assert_eq!(paths.memory, Path::new("/d/scrubjay/memory"));
    assert_eq!(paths.cache, Path::new("/h/.cache/scrubjay"));
    assert_eq!(paths.state, Path::new("/h/.local/state/scrubjay"));
    assert_eq!(
        paths.config_file,
        Path::new("/h/.config/scrubjay/edge.toml")
    );
}

#[test]
fn without_a_home_there_is_no_place_for_files() {
    assert!(matches!(
        Paths::find(&variables(&[])),
        Err(ConfigError::NoHome)
    ));
}
