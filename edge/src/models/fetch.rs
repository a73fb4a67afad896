//! Fetches a file over the network: the only place that opens a connection.
//!
//! What arrived stays beside the destination in a `.part` file, with a note of where it
//! came from, so that a fetch that was cut off goes on where it ended.
//!
//! # Invariants
//! - Bytes of two versions of a file are never mixed: going on needs the same address
//!   and a server that confirms the same version.
//! - [`fetch`] answers with a file only if it is whole, by the server's own length and by
//!   the digest where one was given.
//!
//! Source: RFC 9110, sections 13.1.5 (If-Range) and 14 (Range).

use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::source::Source;

/// How often a connection that was cut off is taken up again within one fetch.
const RETRIES: u32 = 4;
/// No answer or no byte for this long is a cut connection.
const PATIENCE: Duration = Duration::from_secs(60);
/// Larger than any model that one of our devices could hold.
const MOST_BYTES: u64 = 128 << 30;
const BUFFER_BYTES: usize = 1 << 18;

/// What to fetch.
#[derive(Clone, Debug)]
pub struct Fetch<'a> {
    /// From where.
    pub source: &'a Source,
    /// The file to write; it is not there before it is whole.
    pub destination: &'a Path,
    /// The SHA-256 it must have, in hexadecimal.
    pub digest: Option<&'a str>,
    /// Certificates to trust instead of the public ones, as PEM.
    pub roots: Option<&'a [u8]>,
}

/// A file that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub digest: String,
    /// How much of it was there from an earlier attempt.
    pub resumed_from: u64,
}

/// How far a fetch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are here.
    pub done: u64,
    /// Bytes in all, if the server says.
    pub total: Option<u64>,
}

/// Why a file was not fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The server cannot be reached, or its certificate is not trusted.
    #[error("cannot fetch {url}")]
    Connect {
        /// The address.
        url: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// The server has no such file, or does not give it to us.
    #[error("{url}: the server answers {status}")]
    Status {
        /// The address.
        url: String,
        /// What it answers.
        status: StatusCode,
    },
    /// The connection broke too often; what arrived is kept.
    #[error("{url}: the connection broke after {done} bytes; fetching again goes on from there")]
    Cut {
        /// The address.
        url: String,
        /// Bytes that are here.
        done: u64,
    },
    /// The server sent something else than its own headers say.
    #[error("{url}: the server's answer makes no sense ({what})")]
    Answer {
        /// The address.
        url: String,
        /// What is wrong.
        what: &'static str,
    },
    /// Larger than any model.
    #[error("{url} is larger than {most} bytes")]
    Size {
        /// The address.
        url: String,
        /// The limit.
        most: u64,
    },
    /// Not the file that was expected; it was removed.
    #[error("the file has SHA-256 {found}, {expected} was expected")]
    Digest {
        /// What was expected.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The certificates to trust are not PEM.
    #[error("the certificates to trust cannot be read")]
    Roots {
        /// Why.
        source: Box<ureq::Error>,
    },
    /// The disk does not take it.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The caller broke off; what arrived is kept.
    #[error("broken off after {done} bytes; fetching again goes on from there")]
    Cancelled {
        /// Bytes that are here.
        done: u64,
    },
}

/// Fetches a file; breaking from `on` ends it, keeping what arrived.
///
/// # Errors
/// [`FetchError`]; the destination is as it was then.
pub fn fetch(
    what: &Fetch<'_>,
    on: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Fetched, FetchError> {
    let agent = agent(what)?;
    let mut part = Part::open(what)?;
    let resumed_from = part.done;
    let mut tries = 0;
    loop {
        let before = part.done;
        match attempt(&agent, what, &mut part, on)? {
            Attempt::Whole => break,
            Attempt::Cut if part.done > before => tries = 0,
            Attempt::Cut => tries += 1,
        }
        if tries > RETRIES {
            return Err(FetchError::Cut {
                url: what.source.url().to_owned(),
                done: part.done,
            });
        }
    }
    part.finish(what, resumed_from)
}

fn agent(what: &Fetch<'_>) -> Result<Agent, FetchError> {
    let mut config = Agent::config_builder()
        .https_only(!what.source.is_loopback())
        .http_status_as_error(false)
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE));
    if what.source.is_loopback() {
        // Over plain HTTP nobody but this machine may be asked.
        config = config.max_redirects(0);
    }
    if let Some(pem) = what.roots {
        let mut certificates = Vec::new();
        for item in parse_pem(pem) {
            let item = item.map_err(|source| FetchError::Roots {
                source: Box::new(source),
            })?;
            if let PemItem::Certificate(certificate) = item {
                certificates.push(certificate);
            }
        }
        let roots = RootCerts::new_with_certs(&certificates);
        config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
    }
    Ok(Agent::new_with_config(config.build()))
}

enum Attempt {
    Whole,
    Cut,
}

/// One connection: asks for what is missing and takes what comes.
fn attempt(
    agent: &Agent,
    what: &Fetch<'_>,
    part: &mut Part,
    on: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Attempt, FetchError> {
    let url = what.source.url();
    let mut request = agent.get(url);
    if let (1.., Some(version)) = (part.done, &part.note.version) {
        request = request
            .header(header::RANGE, format!("bytes={}-", part.done))
            .header(header::IF_RANGE, version);
    } else {
        part.restart()?;
    }
    let response = match request.call() {
        Ok(response) => response,
        // A name that is unknown or a certificate that is not trusted will stay so.
        Err(ureq::Error::Io(_) | ureq::Error::Timeout(_)) if part.done > 0 => {
            return Ok(Attempt::Cut);
        }
        Err(source) => {
            return Err(FetchError::Connect {
                url: url.to_owned(),
                source: Box::new(source),
            });
        }
    };
    let total = begin(url, &response, part)?;
    if total.is_some_and(|total| total > MOST_BYTES) {
        return Err(too_large(url));
    }
    take(url, response, part, total, on)
}

/// Reads the answer's head; returns the whole file's size if the server says it.
fn begin(url: &str, response: &Response<Body>, part: &mut Part) -> Result<Option<u64>, FetchError> {
    let nonsense = |what| FetchError::Answer {
        url: url.to_owned(),
        what,
    };
    match response.status() {
        StatusCode::OK => {
            part.restart()?;
            part.remember(version(response))?;
            Ok(response.body().content_length())
        }
        StatusCode::PARTIAL_CONTENT => {
            let range = text(response, header::CONTENT_RANGE);
            let range = range.ok_or_else(|| nonsense("no Content-Range"))?;
            let (from, total) = content_range(&range).ok_or_else(|| nonsense("Content-Range"))?;
            if from != part.done {
                return Err(nonsense("another range than was asked for"));
            }
            Ok(total)
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            // Everything was here already, or the file is another one now.
            part.restart()?;
            part.remember(None)?;
            Err(nonsense("the part that was here does not fit; fetch again"))
        }
        status => Err(FetchError::Status {
            url: url.to_owned(),
            status,
        }),
    }
}

fn take(
    url: &str,
    response: Response<Body>,
    part: &mut Part,
    total: Option<u64>,
    on: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Attempt, FetchError> {
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let done = part.done;
        if on(Progress { done, total }).is_break() {
            return Err(FetchError::Cancelled { done });
        }
        let count = match body.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Ok(Attempt::Cut),
        };
        if count == 0 {
            let is_whole = total.is_none_or(|total| total == done);
            return Ok(if is_whole {
                Attempt::Whole
            } else {
                Attempt::Cut
            });
        }
        part.append(&buffer[..count])?;
        if part.done > total.unwrap_or(MOST_BYTES) {
            return Err(too_large(url));
        }
    }
}

fn too_large(url: &str) -> FetchError {
    FetchError::Size {
        url: url.to_owned(),
        most: MOST_BYTES,
    }
}

/// What tells this version of the file from another: a strong tag, or when it changed.
fn version(response: &Response<Body>) -> Option<String> {
    text(response, header::ETAG)
        .filter(|tag| !tag.starts_with("W/"))
        .or_else(|| text(response, header::LAST_MODIFIED))
}

fn text(response: &Response<Body>, name: header::HeaderName) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

/// `bytes 100-199/200` to where it begins and the whole size.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (from, _) = range.split_once('-')?;
    let total = match total {
        "*" => None,
        number => Some(number.parse().ok()?),
    };
    Some((from.parse().ok()?, total))
}

/// What arrived so far, and of which version of what it is a part.
struct Part {
    path: PathBuf,
    note_path: PathBuf,
    file: fs_err::File,
    note: Note,
    done: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    url: String,
    version: Option<String>,
}

impl Part {
    fn open(what: &Fetch<'_>) -> Result<Self, FetchError> {
        let beside = |ending: &str| {
            let mut name = what.destination.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        let (path, note_path) = (beside(".part"), beside(".part.toml"));
        let fail = |source| write_error(&path, source);
        let mut options = fs_err::OpenOptions::new();
        let file = options
            .create(true)
            .read(true)
            .append(true)
            .open(&path)
            .map_err(fail)?;
        let note: Note = fs_err::read_to_string(&note_path)
            .ok()
            .and_then(|text| toml::from_str(&text).ok())
            .unwrap_or_default();
        let mut part = Self {
            done: file.metadata().map_err(fail)?.len(),
            path,
            note_path,
            file,
            note,
        };
        if part.note.url != what.source.url() {
            part.restart()?;
            part.note = Note {
                url: what.source.url().to_owned(),
                version: None,
            };
        }
        Ok(part)
    }

    fn restart(&mut self) -> Result<(), FetchError> {
        let emptied = self.file.set_len(0);
        emptied.map_err(|source| write_error(&self.path, source))?;
        self.done = 0;
        Ok(())
    }

    fn remember(&mut self, version: Option<String>) -> Result<(), FetchError> {
        self.note.version = version;
        let text = toml::to_string(&self.note).unwrap_or_default();
        fs_err::write(&self.note_path, text).map_err(|source| write_error(&self.note_path, source))
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        let written = self.file.write_all(bytes);
        written.map_err(|source| write_error(&self.path, source))?;
        self.done += bytes.len() as u64;
        Ok(())
    }

    /// Checks the digest and puts the file in its place.
    fn finish(mut self, what: &Fetch<'_>, resumed_from: u64) -> Result<Fetched, FetchError> {
        let fail = |source| write_error(&self.path, source);
        self.file.sync_all().map_err(fail)?;
        self.file.seek(SeekFrom::Start(0)).map_err(fail)?;
        let digest = digest(&mut self.file).map_err(fail)?;
        let expected = what.digest.unwrap_or(&digest);
        if !expected.eq_ignore_ascii_case(&digest) {
            self.remove();
            return Err(FetchError::Digest {
                expected: expected.to_owned(),
                found: digest,
            });
        }
        let moved = fs_err::rename(&self.path, what.destination);
        moved.map_err(|source| write_error(what.destination, source))?;
        // Only a note: without its part it says nothing.
        let _ = fs_err::remove_file(&self.note_path);
        Ok(Fetched {
            bytes: self.done,
            digest,
            resumed_from,
        })
    }

    fn remove(&self) {
        // Left behind they would only be fetched over.
        let _ = fs_err::remove_file(&self.path);
        let _ = fs_err::remove_file(&self.note_path);
    }
}

/// SHA-256 of everything that is read, in hexadecimal.
pub(super) fn digest(from: &mut impl Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(hex(&hash.finalize()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn write_error(path: &Path, source: io::Error) -> FetchError {
    FetchError::Write {
        path: path.to_path_buf(),
        source,
    }
}

#[cfg(test)]
mod tests;
