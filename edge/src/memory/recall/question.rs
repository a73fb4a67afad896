//! A question, read: its terms, the time it names, whether it asks for the past.

use jiff::tz::TimeZone;
use shared::clock::Timestamp;
use unicode_segmentation::UnicodeSegmentation;

use super::time::{self, Span};
use crate::memory::lexicon::{Analyser, QuestionTerm};

/// Words by which a question asks for what held once.
const PAST: [&str; 8] = [
    "before",
    "previously",
    "formerly",
    "former",
    "originally",
    "раньше",
    "прежде",
    "бывший",
];

/// A question as ranking sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Its terms, each once.
    pub terms: Vec<QuestionTerm>,
    /// The time that it names.
    pub span: Option<Span>,
    /// Whether it asks for what held once ("where did she live before?"), so that
    /// memories which were replaced may answer.
    pub past: bool,
}

impl Question {
    /// Reads a question that is asked now.
    #[must_use]
    pub fn read(text: &str, analyser: &Analyser, now: Timestamp, zone: &TimeZone) -> Self {
        let named = time::named(text, now, zone);
        let mut terms = analyser.question(text);
        if let Some(named) = &named {
            let told = analyser.question(&named.relative.join(" "));
            terms.retain(|term| told.iter().all(|other| other.term != term.term));
        }
        Self {
            terms,
            span: named.map(|named| named.span),
            past: asks_for_the_past(text),
        }
    }
}

fn asks_for_the_past(text: &str) -> bool {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.unicode_words().collect();
    words.iter().any(|word| PAST.contains(word))
        || words
            .windows(2)
            .any(|pair| pair == ["use", "to"] || pair == ["used", "to"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Question {
        let now = Timestamp::from_millis(1_795_000_000_000);
        Question::read(text, &Analyser::new(), now, &TimeZone::UTC)
    }

    #[test]
    fn words_told_from_today_are_no_terms() {
        let question = read("What did Maya cook yesterday?");
        let terms: Vec<_> = question.terms.iter().map(|t| t.term.as_str()).collect();
        assert_eq!(terms, ["maya", "cook"]);
        assert!(question.span.is_some());
    }

    #[test]
    fn a_question_for_the_past_is_known_by_its_words() {
        for text in [
            "Where did I live before?",
            "where did Maya use to work",
            "Где она жила раньше?",
        ] {
            assert!(read(text).past, "{text}");
        }
        assert!(!read("Where does Maya live now?").past);
    }
}
