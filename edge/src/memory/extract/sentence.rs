//! Sentences, and what kind of speech they are.

use std::sync::LazyLock;

use regex::Regex;

use super::{english, russian};

/// A clause longer than this is no plain statement, in bytes.
const MAX_CLAUSE: usize = 400;

/// The clauses of a text, trimmed, in order: code, quotations and citations left out.
pub(super) fn clauses(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("```") || line.starts_with("~~~") {
            in_code = !in_code;
        } else if !in_code && !line.starts_with('>') {
            sentences(line, &mut found);
        }
    }
    found
}

/// Cuts a line into sentences, and those at "and I", "but my".
fn sentences<'a>(line: &'a str, found: &mut Vec<&'a str>) {
    let mut start = 0;
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let end = at + c.len_utf8();
        let next = chars.peek().map(|(_, next)| *next);
        let closes = next.is_none_or(char::is_whitespace);
        if c == ';' || (".!?…".contains(c) && closes && !is_abbreviation(&line[start..end])) {
            split_clauses(&line[start..end], found);
            start = end;
        }
    }
    split_clauses(&line[start..], found);
}

static JOINED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = format!("{}|{}", english::JOINED_CLAUSE, russian::JOINED_CLAUSE);
    Regex::new(&format!("(?i)(?:,|,? (?:and|but|а|и|но)) (?:{words})")).ok()
});

fn split_clauses<'a>(sentence: &'a str, found: &mut Vec<&'a str>) {
    let mut start = 0;
    // A comma joins whole clauses only in statements: "if I lived there, I would …".
    let splits = JOINED
        .as_ref()
        .filter(|_| is_assertion(sentence) && !sentence.ends_with('?'));
    if let Some(joined) = splits {
        for joint in joined.find_iter(sentence) {
            let separator = joint.as_str().trim_start_matches(',').trim_start();
            let has_word = ["and ", "but ", "а ", "и ", "но "]
                .iter()
                .any(|word| separator.to_lowercase().starts_with(word));
            if !has_word {
                continue;
            }
            let skipped = separator.find(' ').unwrap_or_default();
            push(&sentence[start..joint.start()], found);
            start = joint.end() - separator.len() + skipped;
        }
    }
    push(&sentence[start..], found);
}

fn push<'a>(clause: &'a str, found: &mut Vec<&'a str>) {
    let clause = clause.trim().trim_end_matches(';').trim_end();
    let quoted = clause.starts_with(['"', '“', '«', '„', '`', '\'', '‘']);
    if !clause.is_empty() && !quoted && clause.chars().any(char::is_alphabetic) {
        found.push(clause);
    }
}

/// Whether a full stop ends an abbreviation or an initial and no sentence.
fn is_abbreviation(sentence: &str) -> bool {
    const KNOWN: &str = "mr mrs ms dr prof st vs e.g i.e etc no approx a.m p.m jr sr ul г ул т.е т.д т.п д кв стр им";
    let Some(head) = sentence.strip_suffix('.') else {
        return false;
    };
    let word = head
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let initial =
        word.chars().count() == 1 && head.chars().next_back().is_some_and(char::is_uppercase);
    (initial && word != "i") || KNOWN.split(' ').any(|known| known == word)
}

static REQUESTS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [english::REQUEST, russian::REQUEST]
        .iter()
        .filter_map(|pattern| Regex::new(pattern).ok())
        .collect()
});

/// What is left of a clause without "remember that", and whether that stood there.
pub(super) fn request(clause: &str) -> (&str, bool) {
    for pattern in REQUESTS.iter() {
        if let Some(found) = pattern.find(clause) {
            let rest = clause[found.end()..].trim();
            // "Remember when …", "remember what …" is talk about the past.
            if listed(english::RECALLING, &first_word(rest)) {
                return (clause, false);
            }
            // "Can you remember that …?" asks for nothing but to be remembered.
            let asked = found.as_str().to_lowercase();
            let polite = english::POLITE
                .split('|')
                .any(|word| asked.starts_with(word));
            return (
                if polite {
                    rest.trim_end_matches('?').trim_end()
                } else {
                    rest
                },
                true,
            );
        }
    }
    (clause, false)
}

/// Whether a clause asks.
pub(super) fn is_question(clause: &str) -> bool {
    clause
        .trim_end_matches(['"', '”', '»', ')', '!', ' '])
        .ends_with('?')
        || {
            let first = first_word(clause);
            english::ASKING
                .split(' ')
                .chain(russian::ASKING.split(' '))
                .any(|word| word == first)
        }
}

/// Whether a clause states: no supposition, no wish, no guess.
pub(super) fn is_assertion(clause: &str) -> bool {
    let lower = format!(" {} ", core(clause).to_lowercase().replace('’', "'"));
    let supposed = |words: &str| {
        words
            .split('|')
            .any(|word| lower.contains(&format!(" {word} ")))
    };
    let first = first_word(clause);
    let begins = |words: &str| words.split(' ').any(|word| word == first);
    clause.len() <= MAX_CLAUSE
        && !supposed(english::SUPPOSED)
        && !supposed(russian::SUPPOSED)
        && !begins(english::SUPPOSING)
        && !begins(russian::SUPPOSING)
}

fn listed(words: &str, word: &str) -> bool {
    words.split(' ').any(|known| known == word)
}

fn first_word(clause: &str) -> String {
    let word = clause
        .split(|c: char| !c.is_alphabetic() && c != '\'')
        .find(|word| !word.is_empty());
    word.unwrap_or_default().to_lowercase()
}

static LEADS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [english::LEAD, russian::LEAD]
        .iter()
        .filter_map(|pattern| Regex::new(pattern).ok())
        .collect()
});

/// The clause without greetings and fillers before it and marks behind it.
pub(super) fn core(clause: &str) -> &str {
    let mut core = clause;
    while let Some(found) = LEADS.iter().find_map(|lead| lead.find(core)) {
        if found.is_empty() {
            break;
        }
        core = &core[found.end()..];
    }
    core.trim()
        .trim_end_matches(|c: char| ".!,;:…".contains(c) || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_at_marks_but_not_within_numbers_and_abbreviations() {
        assert_eq!(
            clauses(
                "Dr. Okafor lives in St. Ives. It is 3.5 km from e.g. here! Is it? J. Smith knows.\nNew line"
            ),
            [
                "Dr. Okafor lives in St. Ives.",
                "It is 3.5 km from e.g. here!",
                "Is it?",
                "J. Smith knows.",
                "New line"
            ]
        );
    }

    #[test]
    fn code_citations_and_quotations_are_left_out() {
        let text =
            "I like tea\n```\nmy name is code\n```\n> my name is quoted\n\"My name is Bob\"\nDone";
        assert_eq!(clauses(text), ["I like tea", "Done"]);
    }

    #[test]
    fn clauses_with_a_subject_of_their_own_are_parted() {
        assert_eq!(
            clauses("I'm Ana, and I live in Lisbon but my sister lives in Porto."),
            ["I'm Ana", "I live in Lisbon", "my sister lives in Porto."]
        );
        assert_eq!(clauses("I like tea and coffee"), ["I like tea and coffee"]);
    }

    #[test]
    fn requests_are_taken_off_and_told() {
        assert_eq!(
            request("Please remember that I like tea"),
            ("I like tea", true)
        );
        assert_eq!(
            request("Can you remember that I like tea?"),
            ("I like tea", true)
        );
        assert_eq!(request("Don't forget to call mum"), ("call mum", true));
        assert_eq!(
            request("Note: the bin goes out on Monday"),
            ("the bin goes out on Monday", true)
        );
        assert_eq!(
            request("Запомни, что ключ у соседа"),
            ("ключ у соседа", true)
        );
        assert_eq!(
            request("I remember that day"),
            ("I remember that day", false)
        );
        assert_eq!(
            request("Remember when we met?"),
            ("Remember when we met?", false)
        );
    }

    #[test]
    fn every_built_in_expression_compiles() {
        assert!(JOINED.is_some());
        assert_eq!((REQUESTS.len(), LEADS.len()), (2, 2));
    }
}
