//! `config`: values, origins, refusals; and the page that documents them.

use std::path::Path;

use edge::config::Resolved;
use edge::config::keys::KEYS;
use insta::assert_snapshot;

use super::world::World;

#[test]
fn show_names_the_origin_of_every_value() {
    let mut world = World::new();
    fs_err::write(
        world.home().join("edge.toml"),
        "[answer]\nmax_tokens = 64\n",
    )
    .unwrap();
    world
        .variables
        .insert("SCRUBJAY_MODEL_CONTEXT".into(), "1024".into());
    let run = world.edge("config show --set model.threads=3");
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_snapshot!(run.out, @r#"
    key                      value        from
    device.board             "auto"       default
    model.name               (not set)
    model.context            1024         variable SCRUBJAY_MODEL_CONTEXT
    model.threads            3            flag
    model.threads_prefill    7            board laptop-16gb
    model.kv_type            "f16"        board laptop-16gb
    model.mmap               true         default
    model.repack             false        default
    model.memory_budget_mib  10240        board laptop-16gb
    model.snapshots_mib      1024         default
    answer.max_tokens        64           file HOME/edge.toml
    answer.temperature       (not set)
    answer.top_k             (not set)
    answer.top_p             (not set)
    answer.min_p             (not set)
    answer.repeat_penalty    (not set)
    answer.seed              (not set)
    memory.enabled           true         default
    memory.recall_limit      5            default
    memory.recall_tokens     512          default
    memory.embedder          (not set)
    redact.extra             []           default
    redact.allow             []           default
    retain.max_bytes         4294967296   default
    retain.max_items         1000000      default
    retain.half_life_days    180.0        default
    retain.min_strength      0.0          default
    retain.min_age_days      7.0          default
    server.address           "127.0.0.1"  default
    server.port              7411         default
    server.require_token     false        default
    server.memory            "use"        default
    server.hosts             []           default
    server.slots             4            default
    server.queue             32           default
    server.stop_seconds      20           default
    "#);
}

#[test]
fn show_as_json_is_one_list() {
    let run = World::new().edge("config show --json");
    let list: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(list.as_array().unwrap().len(), KEYS.len());
    assert_snapshot!(list[0], @r#"{"key":"device.board","value":"auto","origin":"default","variable":"SCRUBJAY_DEVICE_BOARD","meaning":"Board profile; `auto` looks at the hardware"}"#);
}

#[test]
fn path_puts_everything_under_the_one_folder() {
    let run = World::new().edge("config path");
    assert_snapshot!(run.out, @r"
    what      where
    adapters  HOME/adapters
    cache     HOME/cache
    config    HOME/edge.toml
    memory    HOME/memory
    models    HOME/models
    runtime   HOME/run
    state     HOME/state
    ");
}

#[test]
fn an_unknown_key_in_the_file_is_refused() {
    let world = World::new();
    fs_err::write(world.home().join("edge.toml"), "[model]\nthread = 3\n").unwrap();
    let run = world.edge("config show");
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert_snapshot!(run.err, @r"
    error: the configuration in file HOME/edge.toml is not valid
    caused by: TOML parse error at line 2, column 1
      |
    2 | thread = 3
      | ^^^^^^
    unknown field `thread`, expected one of `name`, `context`, `threads`, `threads_prefill`, `kv_type`, `mmap`, `repack`, `memory_budget_mib`, `snapshots_mib`
    hint: correct the value, or take it out
    ");
}

#[test]
fn an_unknown_key_in_a_flag_is_refused() {
    let run = World::new().edge("config show --set model.thread=3");
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert_snapshot!(run.err, @r#"
    error: "model.thread" names no configuration key
    hint: `edge config show` lists every key
    "#);
}

#[test]
fn a_variable_that_is_no_key_is_told() {
    let mut world = World::new();
    world.variables.insert("SCRUBJAY_TREADS".into(), "3".into());
    let run = world.edge("config path");
    assert_eq!(run.code, 0);
    assert_eq!(
        run.err,
        "warning: the variable SCRUBJAY_TREADS names no configuration key\n"
    );
}

#[test]
fn an_unknown_board_is_refused() {
    let run = World::new().edge("config show --set device.board=toaster");
    assert_eq!(run.code, 2);
    assert_snapshot!(run.err, @r#"
    error: there is no board profile "toaster"
    hint: set device.board to "auto", or to a profile in `boards/`
    "#);
}

#[test]
fn without_any_home_it_says_what_to_set() {
    let mut world = World::new();
    world.variables.clear();
    let run = world.edge("config path");
    assert_eq!(run.code, 2);
    assert_snapshot!(run.err, @r"
    error: neither SCRUBJAY_HOME nor HOME says where files belong
    hint: set SCRUBJAY_HOME to a folder of your own
    ");
}

/// The table in `docs/configuration.md` is the list of keys.
#[test]
fn the_page_documents_every_key() {
    let defaults = Resolved::new([]).unwrap();
    let mut table = String::from("| Key | Default | Meaning |\n|---|---|---|\n");
    for key in KEYS {
        let value = defaults.value(key.path);
        let value = value.map_or_else(|| "unset".to_owned(), |(value, _)| format!("`{value}`"));
        table += &format!("| `{}` | {value} | {} |\n", key.path, key.meaning);
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = fs_err::read_to_string(page).unwrap();
    assert!(
        page.contains(&table),
        "docs/configuration.md should hold:\n{table}"
    );
}
