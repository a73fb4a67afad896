//! Text that cannot mislead a terminal or its reader.
//!
//! Pure. A control character can move the cursor, clear the screen or forge output; a
//! bidirectional override can show words in an order they do not have. Both are
//! spelled out: `‹U+202E›`. Line feed and tab stay, and so does everything else.
//!
//! Source: Unicode Standard Annex 9 (directional formatting characters), Unicode
//! Technical Report 36, section 3.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with everything misleading spelled out.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(misleads) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if misleads(c) {
            let _ = write!(out, "‹U+{:04X}›", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// As [`shown`], on one line: white space runs become one space.
pub fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    shown(&words.join(" ")).into_owned()
}

/// Whether a character may change how what stands around it is shown.
fn misleads(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // Embeddings and overrides, isolates, line and paragraph separators.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' => true,
        _ => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_text_of_any_script_stays_as_it_is() {
        let text = "naïve — это\tпример\nשלום مرحبا 👩‍👩‍👧 ";
        assert!(matches!(shown(text), Cow::Borrowed(t) if t == text));
    }

    #[test]
    fn overrides_and_escapes_are_spelled_out() {
        assert_eq!(
            shown("pay \u{202e}001\u{202c}\u{1b}[2J\r"),
            "pay ‹U+202E›001‹U+202C›‹U+001B›[2J‹U+000D›"
        );
    }

    #[test]
    fn one_line_has_no_breaks() {
        assert_eq!(one_line(" a\n b\t\u{7}c "), "a b ‹U+0007›c");
    }

    proptest! {
        /// However the text is cut for streaming, the parts show what the whole shows.
        #[test]
        fn parts_show_what_the_whole_shows(left: String, right: String) {
            let whole = format!("{left}{right}");
            prop_assert_eq!(shown(&whole).into_owned(), format!("{}{}", shown(&left), shown(&right)));
        }

        #[test]
        fn nothing_misleading_is_left(text: String) {
            prop_assert!(!shown(&text).chars().any(misleads));
        }
    }
}
