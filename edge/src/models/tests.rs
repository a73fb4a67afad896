//! A folder of models, small ones.

use super::*;

struct Place {
    _folder: tempfile::TempDir,
    models: Catalogue,
    files: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs_err::create_dir_all(at.join("files")).unwrap();
    Place {
        models: Catalogue::new(at.join("models"), at.join("cache")),
        files: at.join("files"),
        _folder: folder,
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn names(models: &Catalogue) -> Vec<String> {
    let listed = models.list().unwrap();
    listed.into_iter().map(|model| model.name).collect()
}

#[test]
fn the_model_that_is_compiled_in_is_there_before_anything_is() {
    let place = place();
    assert_eq!(names(&place.models), [NANO]);
    assert_eq!(place.models.chosen().unwrap(), NANO);
    let nano = place.models.find(NANO).unwrap();
    assert_eq!(fs_err::read(&nano.path).unwrap(), NANO_BYTES);
    assert_eq!(nano.digest, Some(nano_digest()));
}

#[test]
fn a_damaged_copy_of_the_model_that_is_compiled_in_is_written_anew() {
    let place = place();
    let nano = place.models.find(NANO).unwrap();
    fs_err::write(&nano.path, b"GGUF, or not").unwrap();
    place.models.find(NANO).unwrap();
    assert_eq!(fs_err::read(&nano.path).unwrap(), NANO_BYTES);
}

#[test]
fn a_file_is_added_chosen_and_removed() {
    let place = place();
    let file = place.files.join("Big.gguf");
    fs_err::write(&file, b"weights").unwrap();
    let added = place.models.add(&file, &name("big")).unwrap();
    assert_eq!(added.bytes, 7);
    assert_eq!(
        added.digest.as_deref(),
        Some(fetch::digest(&mut &b"weights"[..]).unwrap().as_str())
    );
    assert_eq!(names(&place.models), [NANO, "big"]);

    place.models.choose("big").unwrap();
    assert_eq!(place.models.chosen().unwrap(), "big");
    place.models.remove("big").unwrap();
    assert_eq!(names(&place.models), [NANO]);
    assert_eq!(place.models.chosen().unwrap(), NANO);
    assert_eq!(
        fs_err::read(&file).unwrap(),
        b"weights",
        "the owner's own file stays"
    );
}

#[test]
fn a_name_is_given_once() {
    let place = place();
    let file = place.files.join("a.gguf");
    fs_err::write(&file, b"x").unwrap();
    place.models.add(&file, &name("a")).unwrap();
    for taken in ["a", NANO, "incoming"] {
        let refused = place.models.add(&file, &name(taken));
        assert!(matches!(refused, Err(ModelsError::Taken { .. })), "{taken}");
    }
}

#[test]
fn a_file_outside_is_chosen_by_its_whole_path() {
    let place = place();
    let file = place.files.join("mine.gguf");
    fs_err::write(&file, b"x").unwrap();
    place.models.choose(file.to_str().unwrap()).unwrap();
    let found = place.models.find(&place.models.chosen().unwrap()).unwrap();
    assert_eq!(found.origin, Origin::Outside);
    assert_eq!(found.path, fs_err::canonicalize(&file).unwrap());
}

#[test]
fn an_exchanged_file_has_no_digest() {
    let place = place();
    let file = place.files.join("a.gguf");
    fs_err::write(&file, b"one").unwrap();
    let added = place.models.add(&file, &name("a")).unwrap();
    fs_err::remove_file(&added.path).unwrap();
    fs_err::write(&added.path, b"another").unwrap();
    assert_eq!(place.models.find("a").unwrap().digest, None);
}

#[test]
fn embedders_are_folders_that_say_so() {
    let place = place();
    let folder = place.models.embedder_folder(&name("minilm"));
    fs_err::create_dir_all(&folder).unwrap();
    assert_eq!(place.models.embedders().unwrap(), [BUILTIN_EMBEDDER]);
    fs_err::write(folder.join(EMBEDDER_FILE), "").unwrap();
    assert_eq!(
        place.models.embedders().unwrap(),
        [BUILTIN_EMBEDDER, "minilm"]
    );
    place.models.choose_embedder("minilm").unwrap();
    assert_eq!(place.models.chosen_embedder().unwrap(), "minilm");
    assert_eq!(place.models.find_embedder("minilm").unwrap(), Some(folder));
    place.models.remove("minilm").unwrap();
    assert_eq!(place.models.chosen_embedder().unwrap(), BUILTIN_EMBEDDER);
}

#[test]
fn what_is_not_there_is_named_in_the_error() {
    let place = place();
    for unknown in ["other", "no/such/file.gguf", "../x"] {
        let error = place.models.find(unknown).unwrap_err();
        assert!(error.to_string().contains(unknown), "{error}");
    }
}
