//! Texts for the student to learn from: sentences of documents, and phrases made up of
//! every word in the vocabulary.
//!
//! Documents alone leave most words of daily life unused: [`Phrases`] puts random words
//! into everyday frames, so that each is seen beside others.
//!
//! # Invariants
//! - Equal seeds give equal phrases.

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Words in a sentence that is taken.
const WORDS: std::ops::RangeInclusive<usize> = 4..=24;
/// Share of letters and spaces in a sentence that is taken.
const LETTERS: f64 = 0.92;

/// What kind of document a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Plain text, reStructuredText, POD: paragraphs between empty lines.
    Plain,
    /// Markdown: code is left out.
    Markdown,
    /// HTML: scripts, styles and code are left out.
    Html,
}

impl Format {
    /// The format of a file by the end of its name.
    #[must_use]
    pub fn of(extension: &str) -> Option<Self> {
        match extension {
            "txt" | "rst" | "pod" => Some(Self::Plain),
            "md" => Some(Self::Markdown),
            "html" | "htm" => Some(Self::Html),
            _ => None,
        }
    }
}

/// The sentences of a document that read like prose.
#[must_use]
pub fn sentences(format: Format, document: &str) -> Vec<String> {
    let text = match format {
        Format::Plain => document.to_owned(),
        Format::Markdown => without_code(document),
        Format::Html => without_markup(document),
    };
    let mut found = Vec::new();
    for paragraph in text.replace('\r', "").split("\n\n") {
        let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        found.extend(
            split(&line)
                .filter(|sentence| is_prose(sentence))
                .map(str::to_owned),
        );
    }
    found
}

/// Cuts behind a full stop, question or exclamation mark that a capital follows.
fn split(line: &str) -> impl Iterator<Item = &str> {
    let bytes = line.as_bytes();
    let ends = (2..bytes.len()).filter(|at| {
        matches!(bytes[at - 2], b'.' | b'!' | b'?')
            && bytes[at - 1] == b' '
            && bytes[*at].is_ascii_uppercase()
    });
    let mut start = 0;
    let cuts: Vec<usize> = ends.chain([line.len()]).collect();
    cuts.into_iter().map(move |end| {
        let sentence = line[start..end].trim();
        start = end;
        sentence
    })
}

fn is_prose(sentence: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || " ,;:'’\"()-–!?.".contains(c);
    let letters = sentence
        .chars()
        .filter(|c| c.is_alphabetic() || *c == ' ')
        .count();
    let all = sentence.chars().count();
    sentence.starts_with(|c: char| c.is_uppercase())
        && sentence.chars().all(plain)
        && WORDS.contains(&sentence.split(' ').count())
        && letters as f64 >= LETTERS * all as f64
}

fn without_code(document: &str) -> String {
    let mut text = String::with_capacity(document.len());
    let mut in_code = false;
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            text.push('\n');
        } else if !in_code {
            text.extend(line.chars().filter(|c| !matches!(c, '`' | '*' | '_')));
        }
        text.push('\n');
    }
    text
}

/// Text between tags; a tag that starts a block starts a paragraph.
fn without_markup(document: &str) -> String {
    let mut text = String::new();
    let mut hidden: Option<&str> = None;
    for piece in document.split('<') {
        let Some((tag, words)) = piece.split_once('>') else {
            continue;
        };
        let (closes, name) = match tag.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (false, tag),
        };
        let name = name
            .split(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or("");
        match hidden {
            Some(opened) if closes && opened == name => hidden = None,
            None if !closes && matches!(name, "script" | "style" | "pre" | "nav" | "head") => {
                hidden = Some(name);
            }
            _ => {}
        }
        if hidden.is_none() {
            if !matches!(
                name,
                "a" | "b" | "i" | "em" | "strong" | "code" | "span" | "q"
            ) {
                text.push_str("\n\n");
            }
            text.push_str(words);
        }
    }
    for (entity, letter) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&nbsp;", " "),
    ] {
        text = text.replace(entity, letter);
    }
    text.replace("&amp;", "&")
}

/// An endless supply of phrases.
pub struct Phrases<'a> {
    words: &'a [&'a str],
    rng: ChaCha8Rng,
}

impl<'a> Phrases<'a> {
    /// Phrases of these words, in the order that a seed decides.
    #[must_use]
    pub fn new(words: &'a [&'a str], seed: u64) -> Self {
        Self {
            words,
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }
}

impl Iterator for Phrases<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.words.is_empty() {
            return None;
        }
        let frame = FRAMES.choose(&mut self.rng)?;
        let mut phrase = String::new();
        for (at, part) in frame.split('_').enumerate() {
            if at > 0 {
                phrase.push_str(self.words[self.rng.random_range(0..self.words.len())]);
            }
            phrase.push_str(part);
        }
        Some(phrase)
    }
}

/// Everyday frames; `_` is a word.
const FRAMES: &[&str] = &[
    "I went to the _ with my _ last _.",
    "Do you remember the _ from _?",
    "My _ is _ and _.",
    "What did _ say about the _?",
    "When did you _ the _?",
    "She bought a _ _ for her _.",
    "He has been _ since the _.",
    "We talked about _ and _ over _.",
    "I really like _, but _ is too _.",
    "Where does _ keep the _?",
    "That _ sounds _! How was the _?",
    "I am thinking about _ in _.",
    "Thanks for the _, the _ was _.",
    "They moved from _ to _ because of the _.",
    "Have you tried _ with _?",
    "The _ of _ is in the _.",
    "Who gave _ the _?",
    "I just started _ and it feels _.",
    "Our _ got a new _ yesterday.",
    "It reminds me of _ and my _.",
    "Why is the _ so _?",
    "Can you help _ with the _?",
    "I need to _ before _.",
    "_ _ _",
    "_ _",
    "_ _ _ _ _",
    "_",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_taken_and_the_rest_left() {
        let text = "Heading\n\nThe boiler stands in the cellar. It was\nserviced in May, by Otto!\n\
                    x = y + 1;\n\n$ make install && echo done";
        assert_eq!(
            sentences(Format::Plain, text),
            ["The boiler stands in the cellar."]
        );
        let text = "The boiler stands in the cellar. It was\nserviced in May, by Otto!";
        assert_eq!(
            sentences(Format::Plain, text),
            [
                "The boiler stands in the cellar.",
                "It was serviced in May, by Otto!"
            ]
        );
    }

    #[test]
    fn code_is_left_out_of_markdown() {
        let text = "A *long* walk does good.\n\n```\nThis is not a sentence here.\n```\n\nSo does `tea` in the evening.";
        assert_eq!(
            sentences(Format::Markdown, text),
            ["A long walk does good.", "So does tea in the evening."]
        );
    }

    #[test]
    fn scripts_and_tags_are_left_out_of_html() {
        let text = "<html><head><title>No one reads this title here</title></head><p>Bread is \
                    <em>best</em> when fresh.</p><pre>This is code not a sentence.</pre>\
                    <script>Var not a real sentence.</script><p>Mind the dog&#39;s tail please.</p>";
        assert_eq!(
            sentences(Format::Html, text),
            ["Bread is best when fresh.", "Mind the dog's tail please."]
        );
    }

    #[test]
    fn equal_seeds_give_equal_phrases_of_the_given_words() {
        let words = ["lamp", "river"];
        let phrases = |seed| Phrases::new(&words, seed).take(20).collect::<Vec<_>>();
        assert_eq!(phrases(1), phrases(1));
        assert_ne!(phrases(1), phrases(2));
        assert!(
            phrases(1)
                .iter()
                .all(|phrase| phrase.contains("lamp") || phrase.contains("river"))
        );
        assert!(phrases(1).iter().all(|phrase| !phrase.contains('_')));
    }

    #[test]
    fn without_words_there_are_no_phrases() {
        assert_eq!(Phrases::new(&[], 1).next(), None);
    }
}
