//! The one pass over a text: anchors found together, each handed to its rule.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};

use super::{assignment, card, command, document, token};

/// Ranks: where findings overlap, the lesser names the whole.
pub(super) const RANK_BLOCK: u8 = 0;
/// A token known by its own form.
pub(super) const RANK_TOKEN: u8 = 1;
/// A rule of the user's.
pub(super) const RANK_USER: u8 = 2;
/// Known by its place: a URL, a command, an assignment.
pub(super) const RANK_PLACE: u8 = 3;

/// Something secret in a piece of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit<'r> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) rank: u8,
    pub(super) kind: &'r str,
}

impl<'r> Hit<'r> {
    pub(super) fn new(range: Range<usize>, rank: u8, kind: &'r str) -> Self {
        Self {
            start: range.start,
            end: range.end,
            rank,
            kind,
        }
    }
}

/// What an anchor points at.
#[derive(Clone, Copy, Debug)]
enum Anchor {
    /// A row of [`token::TOKENS`].
    Token(usize),
    /// A row of [`token::FORMS`].
    Form(usize),
    /// A telling word, part of a name.
    Word,
    /// A row of [`command::TOOLS`].
    Tool(usize),
    /// A row of [`document::PLACES`].
    Place(usize),
}

/// Every built-in rule.
#[derive(Debug)]
pub(super) struct Scanner {
    automaton: AhoCorasick,
    anchors: Vec<Anchor>,
}

impl Scanner {
    pub(super) fn new() -> Result<Self, BuildError> {
        let tokens = token::TOKENS.iter().map(|rule| rule.prefix);
        let forms = token::FORMS.iter().map(|(anchor, _)| *anchor);
        let tools = command::TOOLS.iter().map(|tool| tool.name);
        let places = document::PLACES.iter().map(|(anchor, _)| *anchor);
        let words = assignment::WORDS.iter().copied();
        let all: Vec<(&str, Anchor)> = tokens
            .enumerate()
            .map(|(row, text)| (text, Anchor::Token(row)))
            .chain(
                forms
                    .enumerate()
                    .map(|(row, text)| (text, Anchor::Form(row))),
            )
            .chain(
                tools
                    .enumerate()
                    .map(|(row, text)| (text, Anchor::Tool(row))),
            )
            .chain(
                places
                    .enumerate()
                    .map(|(row, text)| (text, Anchor::Place(row))),
            )
            .chain(words.map(|text| (text, Anchor::Word)))
            .collect();
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::DFA))
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .build(all.iter().map(|(text, _)| text))?;
        Ok(Self {
            automaton,
            anchors: all.into_iter().map(|(_, anchor)| anchor).collect(),
        })
    }

    /// What is secret in `piece`; hits may overlap and come in no order.
    pub(super) fn scan(&self, piece: &str) -> Vec<Hit<'static>> {
        let bytes = piece.as_bytes();
        let mut hits = Vec::new();
        let mut names = assignment::Names::default();
        for found in self.automaton.find_overlapping_iter(piece) {
            match self.anchors[found.pattern().as_usize()] {
                Anchor::Token(row) => hits.extend(token::TOKENS[row].check(bytes, found.start())),
                Anchor::Form(row) => token::FORMS[row].1(bytes, found.start(), &mut hits),
                Anchor::Tool(row) => command::TOOLS[row].check(bytes, found.start(), &mut hits),
                Anchor::Place(row) => document::PLACES[row].1(bytes, found.start(), &mut hits),
                Anchor::Word => names.check(bytes, found.range(), &mut hits),
            }
        }
        card::find(bytes, &mut hits);
        hits
    }
}
