//! `memory search`: what fits a question.

use anyhow::Context as _;
use serde::Serialize;

use super::filter;
use crate::cli::App;
use crate::cli::shown::hit::{HitView, hits};
use crate::memory::query::{Query, SearchPath};
use crate::ui::{Ui, View, WriteError};

/// Search what is remembered, best first
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Words to look for
    #[arg(required = true)]
    words: Vec<String>,
    #[command(flatten)]
    filter: filter::Args,
    /// Show at most this many
    #[arg(long, short = 'n', default_value_t = 10)]
    limit: usize,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let query = Query {
        limit: args.limit,
        filter: args.filter.filter(app)?,
        ..Query::new(args.words.join(" "), app.now())
    };
    let recall = app.memory()?.recall(&query);
    let recall = recall.context("cannot search memory")?;
    let zone = app.zone();
    ui.show(&Found {
        confidence: recall.confidence,
        path: recall.path,
        hits: recall.hits.iter().map(|h| HitView::new(h, &zone)).collect(),
    })?;
    Ok(())
}

#[derive(Serialize)]
struct Found {
    confidence: f32,
    path: SearchPath,
    hits: Vec<HitView>,
}

impl View for Found {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        hits(&self.hits, ui)?;
        if self.hits.is_empty() {
            return Ok(());
        }
        ui.note(&format!("confidence {:.2}", self.confidence))
    }
}
