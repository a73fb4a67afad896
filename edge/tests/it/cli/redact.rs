//! `redact`: a filter from standard input to standard output.

use insta::assert_snapshot;

use super::world::World;

#[test]
fn secrets_are_replaced_and_counted() {
    let run = World::new().edge_with(&["redact"], b"DB_PASSWORD=tiger\nplain\nPIN 4711\n");
    assert_eq!(run.code, 0);
    assert_snapshot!(run.out, @r"
    DB_PASSWORD=[redacted:password]
    plain
    PIN 4711
    ");
    assert_snapshot!(run.err, @"1 secret: 1 password");
}

#[test]
fn with_json_the_findings_are_listed_by_their_place() {
    let run = World::new().edge_with(
        &["redact", "--json"],
        b"one\nDB_PASSWORD=tiger\nhttp://a:b@c/\n",
    );
    assert_snapshot!(run.out, @r#"
    {"kind":"password","start":16,"end":21}
    {"kind":"url-password","start":31,"end":32}
    "#);
}

#[test]
fn bytes_that_are_no_text_go_through() {
    let (out, errors) = (
        super::world::Shared::default(),
        super::world::Shared::default(),
    );
    let mut ui = edge::ui::Ui::new(
        Box::new(out.clone()),
        Box::new(errors.clone()),
        edge::ui::Terminal::default(),
    );
    let code = World::new().edge_on(&["redact"], b"\xff DB_PASSWORD=tiger\n\xfe", &mut ui);
    assert_eq!(code, 0);
    assert_eq!(out.bytes(), b"\xff DB_PASSWORD=[redacted:password]\n\xfe");
}

#[test]
fn the_users_rules_hold() {
    let world = World::new();
    fs_err::write(
        world.home().join("edge.toml"),
        "[redact]\nallow = [\"tiger\"]\nextra = [{ name = \"badge\", pattern = \"B-[0-9]+\" }]\n",
    )
    .unwrap();
    let run = world.edge_with(&["redact"], b"DB_PASSWORD=tiger B-12\n");
    assert_snapshot!(run.out, @"DB_PASSWORD=tiger [redacted:badge]");
}
