//! `memory bench`: how well, and how fast, recall finds.

use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use serde::Serialize;

use crate::cli::App;
use crate::cli::failure::Failure;
use crate::memory::bench::synthetic::synthetic;
use crate::memory::bench::{Measured, Setup, conversations};
use crate::memory::embedder::{Embedder, Lexical};
use crate::ui::table::Table;
use crate::ui::{Ui, View, WriteError};

/// Measure how well recall finds, and how fast
///
/// Works in a folder of its own; what you told it is not touched.
#[derive(Debug, clap::Args)]
#[group(id = "what", required = true, multiple = true)]
pub(super) struct Args {
    /// Turns of dated conversations, one JSON object a line
    #[arg(long, requires_all = ["questions", "out"], group = "what")]
    turns: Option<PathBuf>,
    /// Questions about them, one JSON object a line
    #[arg(long, requires = "turns")]
    questions: Option<PathBuf>,
    /// Where the turns found for each question are written
    #[arg(long, requires = "turns")]
    out: Option<PathBuf>,
    /// Measure speed with so many made-up notes
    #[arg(long, value_name = "N", conflicts_with = "turns", group = "what")]
    synthetic: Option<usize>,
    /// Use the embedder in this folder
    #[arg(long, value_name = "DIR")]
    embedder: Option<PathBuf>,
    /// Use no embedder: recall by words only
    #[arg(long, conflicts_with = "embedder")]
    words_only: bool,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let dir = app.paths().cache.join("bench");
    if dir.exists() {
        fs_err::remove_dir_all(&dir).context("cannot empty the folder of an earlier run")?;
    }
    fs_err::create_dir_all(&dir).context("cannot make a folder to work in")?;
    let measured = measure(args, app, ui, &dir);
    fs_err::remove_dir_all(&dir).context("cannot remove the folder worked in")?;
    ui.show(&MeasuredView(measured?))?;
    Ok(())
}

fn measure(args: &Args, app: &App, ui: &Ui, dir: &Path) -> anyhow::Result<Measured> {
    let bar = ui.progress("measuring", 0);
    let start = now();
    let setup = Setup {
        dir: dir.to_owned(),
        embedder: embedder(args, app)?,
        clock: app.clock(),
        elapsed: &|| start.elapsed(),
        progress: &|done, total| bar.set(done, total),
    };
    if let Some(notes) = args.synthetic {
        return synthetic(notes, &setup).context("cannot measure");
    }
    let (Some(turns), Some(questions), Some(out)) = (&args.turns, &args.questions, &args.out)
    else {
        anyhow::bail!("cannot measure without turns, questions and a file for the answers");
    };
    let mut out = BufWriter::new(fs_err::File::create(out).context("cannot write the answers")?);
    let measured = conversations(read(turns)?, read(questions)?, &setup, &mut |answer| {
        serde_json::to_writer(&mut out, answer)?;
        out.write_all(b"\n")
    });
    let measured = measured.context("cannot measure")?;
    out.flush().context("cannot write the answers")?;
    Ok(measured)
}

#[expect(clippy::disallowed_methods, reason = "this command measures time")]
fn now() -> Instant {
    Instant::now()
}

fn read(path: &Path) -> Result<BufReader<fs_err::File>, Failure> {
    let file = fs_err::File::open(path).map_err(|source| Failure::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(BufReader::new(file))
}

fn embedder(args: &Args, app: &App) -> anyhow::Result<Arc<dyn Embedder>> {
    match &args.embedder {
        _ if args.words_only => Ok(Arc::new(Lexical)),
        None => app.embedder(),
        #[cfg(feature = "embed")]
        Some(dir) => crate::embed::open(dir).context("cannot open the embedder"),
        #[cfg(not(feature = "embed"))]
        Some(_) => Err(Failure::LeftOut { what: "embedders" }.into()),
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct MeasuredView(Measured);

impl View for MeasuredView {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let measured = &self.0;
        let mut table = Table::new(["what", "value"]);
        table.row(["embedder", &measured.embedder]);
        table.row(["search", measured.path.name()]);
        table.row(["episodes", &measured.episodes.to_string()]);
        table.row([
            "appended in batches",
            &format!("{:.0}/s", measured.batched_per_s),
        ]);
        if let Some(speed) = measured.single_per_s {
            table.row(["appended one by one", &format!("{speed:.0}/s")]);
        }
        table.row(["questions", &measured.questions.to_string()]);
        table.row([
            "recall, half within",
            &format!("{:.2} ms", measured.recall_p50_ms),
        ]);
        table.row([
            "recall, 99 of 100 within",
            &format!("{:.2} ms", measured.recall_p99_ms),
        ]);
        ui.table(&table, "nothing was measured")
    }
}
