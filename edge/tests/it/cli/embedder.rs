//! `model add` of an embedder.

use super::world::World;

const BUILTIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/embedder");

#[test]
fn an_embedder_in_a_folder_can_be_added_used_and_removed() {
    let world = World::new();
    let run = world.edge(&format!("model add {BUILTIN} --name mine"));
    assert_eq!(
        (run.code, run.err.as_str()),
        (
            0,
            "added mine; `edge model use --embedder mine` embeds memory with it\n"
        )
    );
    assert_eq!(world.edge("model use --embedder mine").code, 0);
    let listed: serde_json::Value =
        serde_json::from_str(&world.edge("model list --json").out).unwrap();
    let mine = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == "mine")
        .unwrap();
    assert_eq!(
        (&mine["kind"], &mine["is_used"]),
        (&"embedder".into(), &true.into())
    );
    assert_eq!(world.edge("model remove mine --yes").code, 0);
    assert!(!world.edge("model list").out.contains("mine"));
}

#[test]
fn a_folder_that_lacks_a_file_is_refused_by_its_name() {
    let world = World::new();
    let folder = world.home().join("half");
    fs_err::create_dir(&folder).unwrap();
    fs_err::copy(
        format!("{BUILTIN}/embedder.toml"),
        folder.join("embedder.toml"),
    )
    .unwrap();
    let run = world.edge(&format!("model add {}", folder.display()));
    assert_eq!(run.code, 1);
    assert!(run.err.contains("half/model.onnx"), "{}", run.err);
    assert!(!world.edge("model list").out.contains("half"));
}

#[test]
fn a_wheel_that_is_not_minilms_is_refused() {
    let world = World::new();
    let wheel = world.home().join("other.whl");
    fs_err::write(&wheel, "not a zip").unwrap();
    let run = world.edge(&format!("model add {}", wheel.display()));
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("cannot use this file as the MiniLM wheel"),
        "{}",
        run.err
    );
}
