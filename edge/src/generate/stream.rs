//! Pieces of tokens to whole characters and stop words.
//!
//! Pure. A token may hold part of a character, and a stop word may begin in one token
//! and end in another: what could still become either is held back.
//!
//! # Invariants
//! - The pieces given out, joined, are [`Assembler::into_text`].
//! - No stop word is in the text, nor anything after the first.

use crate::generate::Stop;

/// Puts an answer together.
pub(crate) struct Assembler {
    stops: Vec<String>,
    bytes: Vec<u8>,
    text: String,
    given: usize,
}

/// What one token added.
pub(crate) struct Piece<'a> {
    /// Text that is certain now.
    pub(crate) text: &'a str,
    /// Whether a stop word came.
    pub(crate) stopped: bool,
}

impl Assembler {
    pub(crate) fn new(stops: &[String]) -> Self {
        let stops = stops.iter().filter(|stop| !stop.is_empty());
        Self {
            stops: stops.cloned().collect(),
            bytes: Vec::new(),
            text: String::new(),
            given: 0,
        }
    }

    /// Adds a token's bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Piece<'_> {
        self.bytes.extend_from_slice(bytes);
        self.take_characters();
        let found = self.stops.iter().filter_map(|stop| self.find(stop)).min();
        let end = match found {
            Some(at) => {
                self.text.truncate(at);
                at
            }
            None => self.text.len() - self.open_stop(),
        };
        let from = std::mem::replace(&mut self.given, end);
        Piece {
            text: &self.text[from..end],
            stopped: found.is_some(),
        }
    }

    /// Gives out what was held back; an unfinished character becomes U+FFFD.
    ///
    /// A cancelled answer is what was shown: nothing more comes then.
    pub(crate) fn finish(&mut self, stop: Stop) -> &str {
        match stop {
            Stop::Cancelled => self.text.truncate(self.given),
            Stop::Word => {}
            Stop::End | Stop::Limit | Stop::Deadline => {
                let rest = String::from_utf8_lossy(&self.bytes).into_owned();
                self.text.push_str(&rest);
            }
        }
        self.bytes.clear();
        let from = std::mem::replace(&mut self.given, self.text.len());
        &self.text[from..]
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// Moves whole characters from `bytes` to `text`; bytes that cannot begin or go on
    /// with a character become U+FFFD.
    fn take_characters(&mut self) {
        loop {
            match std::str::from_utf8(&self.bytes) {
                Ok(valid) => {
                    self.text.push_str(valid);
                    self.bytes.clear();
                    return;
                }
                Err(error) => {
                    let whole = error.valid_up_to();
                    let valid = String::from_utf8_lossy(&self.bytes[..whole]);
                    self.text.push_str(&valid);
                    let Some(bad) = error.error_len() else {
                        self.bytes.drain(..whole);
                        return;
                    };
                    self.text.push(char::REPLACEMENT_CHARACTER);
                    self.bytes.drain(..whole + bad);
                }
            }
        }
    }

    /// Where `stop` is, in what was not given out yet.
    fn find(&self, stop: &str) -> Option<usize> {
        self.text[self.given..].find(stop).map(|at| self.given + at)
    }

    /// How many bytes at the end could be the beginning of a stop word.
    fn open_stop(&self) -> usize {
        let open = &self.text[self.given..];
        let begins = |stop: &String| {
            (1..stop.len())
                .rev()
                .filter(|&n| stop.is_char_boundary(n))
                .find(|&n| open.ends_with(&stop[..n]))
        };
        self.stops.iter().filter_map(begins).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(stops: &[&str], pieces: &[&[u8]], stop: Stop) -> (Vec<String>, String) {
        let stops: Vec<String> = stops.iter().map(|&s| s.to_owned()).collect();
        let mut out = Assembler::new(&stops);
        let mut given = Vec::new();
        for bytes in pieces {
            let piece = out.push(bytes);
            given.push(piece.text.to_owned());
            if piece.stopped {
                return (given, out.into_text());
            }
        }
        given.push(out.finish(stop).to_owned());
        (given, out.into_text())
    }

    #[test]
    fn a_character_in_two_tokens_comes_once_it_is_whole() {
        let heart = "❤".as_bytes();
        let (given, text) = run(&[], &[b"a", &heart[..1], &heart[1..], b"b"], Stop::End);
        assert_eq!(given, ["a", "", "❤", "b", ""]);
        assert_eq!(text, "a❤b");
    }

    #[test]
    fn a_stop_word_in_two_tokens_is_never_shown() {
        let (given, text) = run(&["END"], &[b"x E", b"N", b"D y"], Stop::End);
        assert_eq!(given.concat(), "x ");
        assert_eq!(text, "x ");
    }

    #[test]
    fn what_only_looked_like_a_stop_word_comes_later() {
        let (given, text) = run(&["END"], &[b"x EN", b"Z"], Stop::End);
        assert_eq!(given, ["x ", "ENZ", ""]);
        assert_eq!(text, "x ENZ");
    }

    #[test]
    fn a_cancelled_answer_is_what_was_shown() {
        let (given, text) = run(&["END"], &[b"x EN"], Stop::Cancelled);
        assert_eq!(given.concat(), "x ");
        assert_eq!(text, "x ");
    }

    proptest! {
        /// However text is cut into tokens, it arrives whole.
        #[test]
        fn pieces_join_to_the_text(text in "\\PC{0,40}", cuts in prop::collection::vec(0usize..120, 0..8)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            cuts.push(0);
            cuts.push(bytes.len());
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            let (given, whole) = run(&[], &pieces, Stop::End);
            prop_assert_eq!(given.concat(), text.as_str());
            prop_assert_eq!(whole, text);
        }

        /// Any bytes at all give text, and the pieces join to it.
        #[test]
        fn junk_gives_text(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 0..12)) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let (given, whole) = run(&["\u{fffd}a", "b"], &pieces, Stop::Limit);
            prop_assert_eq!(given.concat(), whole.as_str());
        }
    }
}
