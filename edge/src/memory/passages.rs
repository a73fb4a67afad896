//! Texts to passages: what is ranked as one.
//!
//! Pure. A text of up to [`PASSAGE_BYTES`] is one passage; a longer one is cut where
//! sentences end, so that what is recalled fits a prompt.
//!
//! # Invariants
//! - Passages follow each other without overlap; what lies between them is white space.
//! - They begin and end at characters, and none is blank.
//!
//! Units: bytes of UTF-8.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// A passage is not much longer than this.
pub(super) const PASSAGE_BYTES: usize = 1_000;

/// Where the passages of a text lie.
#[must_use]
pub(super) fn cut(text: &str) -> Vec<Range<usize>> {
    if text.len() <= PASSAGE_BYTES {
        return trimmed(text, 0..text.len()).into_iter().collect();
    }
    let mut passages = Vec::new();
    let mut start = 0;
    let mut end = 0;
    for (at, sentence) in text.split_sentence_bound_indices() {
        for piece in pieces(at..at + sentence.len(), text) {
            if piece.end - start > PASSAGE_BYTES && end > start {
                passages.extend(trimmed(text, start..end));
                start = end;
            }
            end = piece.end;
        }
    }
    passages.extend(trimmed(text, start..end));
    passages
}

/// A sentence in pieces that fit: at white space where there is any.
fn pieces(sentence: Range<usize>, text: &str) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = sentence.start;
    while sentence.end - start > PASSAGE_BYTES {
        let limit = text.floor_char_boundary(start + PASSAGE_BYTES);
        let window = &text[start..limit];
        let space = window.rfind(char::is_whitespace).filter(|at| *at > 0);
        let end = space.map_or(limit, |at| start + at);
        pieces.push(start..end);
        start = end;
    }
    pieces.push(start..sentence.end);
    pieces
}

fn trimmed(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let words = &text[range.clone()];
    let start = range.start + (words.len() - words.trim_start().len());
    let end = range.end - (words.len() - words.trim_end().len());
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_text_is_one_passage_without_its_margins() {
        assert_eq!(cut("  two words\n"), vec![2..11]);
        assert!(cut(" \n\t").is_empty());
    }

    #[test]
    fn a_long_text_is_cut_where_sentences_end() {
        let text = "This sentence has exactly forty letters. ".repeat(60);
        let passages = cut(&text);
        assert_eq!(passages.len(), 3);
        for passage in passages {
            assert!(text[passage.clone()].ends_with("letters."), "{passage:?}");
            assert!(passage.len() <= PASSAGE_BYTES);
        }
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_is_lost(
            words in prop::collection::vec("[a-zä€𝄞.!? \n]{0,300}", 0..12)
        ) {
            let text = words.concat();
            let passages = cut(&text);
            let kept: String = passages.iter().map(|p| &text[p.clone()]).collect();
            let all = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(all(&kept), all(&text));
            for passage in &passages {
                prop_assert!(passage.len() <= PASSAGE_BYTES);
                prop_assert!(!text[passage.clone()].trim().is_empty());
            }
            prop_assert!(passages.is_sorted_by(|a, b| a.end <= b.start));
        }
    }
}
