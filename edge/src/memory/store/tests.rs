use tempfile::TempDir;

use super::*;
use shared::clock::Timestamp;

const PAGE: u64 = 4096;

fn filled(folder: &TempDir, map_bytes: usize) -> Store {
    let store = Store::open_with_map(folder.path(), Access::Write, [7; 32], map_bytes).unwrap();
    for n in 0..40 {
        let title = format!("{n} {}", "title ".repeat(2_000));
        store
            .new_session(&title, Timestamp::from_millis(n), 1)
            .unwrap();
    }
    store
}

fn refused(folder: &TempDir) -> StoreError {
    match Store::open(folder.path(), Access::Write, [7; 32]) {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

fn data(folder: &TempDir) -> std::fs::File {
    let path = folder.path().join(DATA_FILE);
    let file = fs::OpenOptions::new().read(true).write(true).open(path);
    file.unwrap().into_parts().0
}

#[test]
fn the_map_grows_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder, 256 << 10);
    assert_eq!(store.sessions().unwrap().len(), 40);
}

#[test]
fn a_newer_layout_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder, MAP_BYTES);
    let newer = (SCHEMA_VERSION + 1).bytes();
    store
        .write(|tables, txn| tables.meta.put_bytes(txn, SCHEMA, &newer))
        .unwrap();
    drop(store);
    assert!(matches!(
        refused(&folder),
        StoreError::Layout { found, expected: SCHEMA_VERSION, .. } if found == SCHEMA_VERSION + 1
    ));
}

#[test]
fn a_cut_file_is_damaged_and_not_a_crash() {
    for part in [2, 3, 5] {
        let folder = tempfile::tempdir().unwrap();
        drop(filled(&folder, MAP_BYTES));
        let file = data(&folder);
        let length = file.metadata().unwrap().len();
        file.set_len(length / part / PAGE * PAGE).unwrap();
        assert!(
            matches!(refused(&folder), StoreError::Damaged { .. }),
            "1/{part}"
        );
    }
}

#[test]
fn a_garbage_header_is_damaged() {
    use std::os::unix::fs::FileExt;
    let folder = tempfile::tempdir().unwrap();
    drop(filled(&folder, MAP_BYTES));
    let file = data(&folder);
    file.write_all_at(&[0x5a; 2 * PAGE as usize], 0).unwrap();
    assert!(matches!(refused(&folder), StoreError::Damaged { .. }));
}
