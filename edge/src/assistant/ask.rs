//! Whether a person asks to have something remembered.
//!
//! Pure. Only the beginning is looked at: "do you remember …?" asks for the opposite.

/// Beginnings, in lower case, that ask to keep what follows.
const BEGINNINGS: &[&str] = &[
    "remember",
    "please remember",
    "keep in mind",
    "please keep in mind",
    "don't forget",
    "don’t forget",
    "do not forget",
    "note that",
    "make a note",
    "запомни",
    "пожалуйста, запомни",
    "не забудь",
];

/// Whether these words ask to keep what they say.
pub(super) fn to_remember(words: &str) -> bool {
    let words = words.trim().to_lowercase();
    if words.ends_with('?') {
        return false;
    }
    BEGINNINGS.iter().any(|beginning| {
        words
            .strip_prefix(beginning)
            .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_from_a_question_and_from_other_words() {
        for words in [
            "Remember that the gate code is 4711",
            "please remember: milk",
            "Don't forget my mother's birthday is 3 May.",
            "Запомни: код двери 1234",
        ] {
            assert!(to_remember(words), "{words}");
        }
        for words in [
            "Do you remember my sister?",
            "Remember when we met?",
            "Remembering names is hard",
            "My sister Maya lives in Lisbon",
        ] {
            assert!(!to_remember(words), "{words}");
        }
    }
}
