//! Where a model can be fetched from.
//!
//! Pure.
//!
//! # Invariants
//! - A [`Source`] is an HTTPS address, or plain HTTP to this very machine.
//! - A [`Name`] is a plain file name: no separators, no leading dot.

use std::fmt;
use std::str::FromStr;

/// The longest name.
const MOST_NAME_BYTES: usize = 100;

/// What an installed model is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name from a file's name: its stem in lower case, other characters as hyphens.
    ///
    /// # Errors
    /// [`SourceError::Name`] if nothing is left.
    pub fn from_file(file: &str) -> Result<Self, SourceError> {
        let last = file.rsplit(['/', '\\']).next().unwrap_or(file);
        let stem = last.strip_suffix(".gguf").unwrap_or(last).to_lowercase();
        let plain: String = stem
            .chars()
            .map(|c| if is_name_character(c) { c } else { '-' })
            .collect();
        plain.trim_matches(['-', '.']).parse()
    }
}

impl FromStr for Name {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let fits = (1..=MOST_NAME_BYTES).contains(&text.len()) && !text.starts_with(['.', '-']);
        if fits && text.chars().all(is_name_character) {
            return Ok(Self(text.to_owned()));
        }
        Err(SourceError::Name {
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const fn is_name_character(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-')
}

/// An address a file can be fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    url: String,
    file: String,
}

impl Source {
    /// The address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The last part of the address: the file's name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether the address is on this very machine, where plain HTTP will do.
    pub fn is_loopback(&self) -> bool {
        self.url.starts_with("http://")
    }
}

impl FromStr for Source {
    type Err = SourceError;

    /// Reads `https://…/file`, or `hf:owner/repository:file` for a file on Hugging Face.
    fn from_str(text: &str) -> Result<Self, SourceError> {
        let address = || SourceError::Address {
            text: text.to_owned(),
        };
        let url = match text.strip_prefix("hf:") {
            Some(rest) => hugging_face(rest).ok_or_else(address)?,
            None => text.to_owned(),
        };
        let rest = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => rest,
            (None, Some(rest)) if is_loopback(rest) => rest,
            (None, Some(_)) => return Err(SourceError::Plain { url }),
            (None, None) => return Err(address()),
        };
        let path = rest.split(['?', '#']).next().unwrap_or(rest);
        let (host, file) = path.rsplit_once('/').ok_or_else(address)?;
        let is_plain = |c: char| c.is_ascii_graphic();
        if host.is_empty() || file.is_empty() || !url.chars().all(is_plain) {
            return Err(address());
        }
        Ok(Self {
            file: file.to_owned(),
            url,
        })
    }
}

/// `owner/repository:file` to the address of its newest version.
fn hugging_face(text: &str) -> Option<String> {
    let (repository, file) = text.split_once(':')?;
    let (owner, name) = repository.split_once('/')?;
    let is_part = |part: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        !part.is_empty() && !part.starts_with('.') && part.chars().all(plain)
    };
    if ![owner, name]
        .into_iter()
        .chain(file.split('/'))
        .all(is_part)
    {
        return None;
    }
    Some(format!(
        "https://huggingface.co/{owner}/{name}/resolve/main/{file}"
    ))
}

/// Whether an address, without its scheme, names this machine by number or name.
fn is_loopback(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    matches!(host, "127.0.0.1" | "[::1]" | "localhost")
}

/// Why something is no address or name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Not an address.
    #[error("{text:?} is neither https://…/file.gguf nor hf:owner/repository:file.gguf")]
    Address {
        /// What was given.
        text: String,
    },
    /// Anybody on the way could change the file.
    #[error("{url} is not fetched over plain http: use https")]
    Plain {
        /// The address.
        url: String,
    },
    /// Not a name.
    #[error("{text:?} is no model name: up to 100 of a-z, 0-9, '.', '_' and '-'")]
    Name {
        /// What was given.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_on_hugging_face_has_a_short_form() {
        let source: Source = "hf:Qwen/Qwen2.5-1.5B-Instruct-GGUF:q4/model-q4_k_m.gguf"
            .parse()
            .unwrap();
        let url = "https://huggingface.co/Qwen/Qwen2.5-1.5B-Instruct-GGUF/resolve/main/q4/model-q4_k_m.gguf";
        assert_eq!(source.url(), url);
        assert_eq!(source.file(), "model-q4_k_m.gguf");
    }

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for here in [
            "http://127.0.0.1:8080/a.gguf",
            "http://[::1]:9/a.gguf",
            "http://localhost/a",
        ] {
            assert!(here.parse::<Source>().unwrap().is_loopback(), "{here}");
        }
        for there in [
            "http://example.org/a.gguf",
            "http://127.0.0.1.example.org/a",
            "http://localhost:x@example.org/a",
            "http://127.0.0.1@example.org/a",
        ] {
            assert!(
                matches!(there.parse::<Source>(), Err(SourceError::Plain { .. })),
                "{there}"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "a.gguf",
            "file:///etc/passwd",
            "https://",
            "https://host",
            "https://host/",
            "https://host/a b",
            "hf:owner:file",
            "hf:owner/repo:",
            "hf:../x:y",
            "hf:o/r:../../x",
            "https://host/a\r\nX: y",
        ] {
            assert!(
                matches!(text.parse::<Source>(), Err(SourceError::Address { .. })),
                "{text:?}"
            );
        }
    }

    #[test]
    fn names_cannot_leave_their_folder() {
        for text in [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "a\\b",
            "A",
            "-x",
            &"x".repeat(101),
        ] {
            assert!(text.parse::<Name>().is_err(), "{text:?}");
        }
        let name = Name::from_file("/tmp/My Model (v2).Q4_K_M.gguf").unwrap();
        assert_eq!(name.as_str(), "my-model--v2-.q4_k_m");
        assert!(Name::from_file("/").is_err());
    }
}
