//! Secrets that their place gives away: key blocks, URLs, HTTP headers, web hooks.

use super::scan::{Hit, RANK_BLOCK, RANK_PLACE, RANK_TOKEN};
use super::shape::{is_random, is_reference, is_token_byte, run};
use super::token::Check;

/// Anchors and what is checked there.
pub(super) const PLACES: &[(&str, Check)] = &[
    ("-----BEGIN ", private_key),
    ("://", url),
    ("bearer ", bearer),
    ("hooks.slack.com/services/", slack_hook),
    ("discord.com/api/webhooks/", discord_hook),
    ("discordapp.com/api/webhooks/", discord_hook),
];

const DASHES: &[u8] = b"-----";

/// A private key in PEM or PGP armour, to its last line or as far as it goes.
fn private_key(bytes: &[u8], at: usize, hits: &mut Vec<Hit<'static>>) {
    const MAX_LABEL: usize = 64;
    let label = at + "-----BEGIN ".len();
    let length = run(bytes, label, MAX_LABEL, |byte| {
        byte != b'-' && byte != b'\n'
    });
    let body = label + length + DASHES.len();
    let name = &bytes[label..label + length];
    if !bytes[label + length..].starts_with(DASHES)
        || !name.windows(11).any(|window| window == b"PRIVATE KEY")
    {
        return;
    }
    let end = match find(&bytes[body..], DASHES) {
        Some(found) if bytes[body + found..].starts_with(b"-----END ") => {
            let tail = body + found + "-----END ".len();
            let close = find(
                &bytes[tail..(tail + MAX_LABEL + 5).min(bytes.len())],
                DASHES,
            );
            close.map_or(tail, |close| tail + close + DASHES.len())
        }
        _ => truncated_key(bytes, body),
    };
    hits.push(Hit::new(at..end, RANK_BLOCK, "private-key"));
}

/// Where a key without a last line ends: with its last line of base 64.
fn truncated_key(bytes: &[u8], body: usize) -> usize {
    let (mut end, mut line_start) = (body, body);
    for line in bytes[body..].split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii();
        let is_base64 = text
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=\\".contains(byte));
        let is_header = [&b"Proc-Type:"[..], b"DEK-Info:", b"Version:", b"Comment:"]
            .iter()
            .any(|name| text.starts_with(name));
        if !(text.is_empty() || is_base64 || is_header) {
            break;
        }
        if !text.is_empty() {
            let indent = line.len() - line.trim_ascii_start().len();
            end = line_start + indent + text.len();
        }
        line_start += line.len();
    }
    end
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(found) = haystack[from..].iter().position(|byte| *byte == first) {
        if haystack[from + found..].starts_with(needle) {
            return Some(from + found);
        }
        from += found + 1;
    }
    None
}

/// The password of `scheme://user:password@host`, or a token that stands for both.
fn url(bytes: &[u8], at: usize, hits: &mut Vec<Hit<'static>>) {
    const MAX_USER: usize = 512;
    let start = at + 3;
    let authority = run(bytes, start, MAX_USER, |byte| {
        !byte.is_ascii_whitespace() && !b"/?#\"'<>`\\,;()".contains(&byte)
    });
    let Some(host) = bytes[start..start + authority]
        .iter()
        .rposition(|byte| *byte == b'@')
    else {
        return;
    };
    let user = &bytes[start..start + host];
    match user.iter().position(|byte| *byte == b':') {
        Some(colon) => {
            let password = &user[colon + 1..];
            if !password.is_empty() && !is_reference_in_url(password) {
                let range = start + colon + 1..start + host;
                hits.push(Hit::new(range, RANK_PLACE, "url-password"));
            }
        }
        None if is_random(user) => {
            hits.push(Hit::new(start..start + host, RANK_PLACE, "url-password"));
        }
        None => {}
    }
}

/// Only what cannot be a password: a variable or a mask. "password" itself may well be one.
fn is_reference_in_url(value: &[u8]) -> bool {
    b"$<{".contains(&value[0]) || value.iter().all(|byte| *byte == b'*')
}

/// What follows `Bearer ` where it is long and random; headers are read as assignments.
fn bearer(bytes: &[u8], at: usize, hits: &mut Vec<Hit<'static>>) {
    let start = at + "bearer ".len();
    let length = run(bytes, start, 2048, is_token_byte);
    let value = &bytes[start..start + length];
    if length >= 20 && !is_reference(value) && (length > 512 || is_random(value)) {
        hits.push(Hit::new(start..start + length, RANK_PLACE, "authorization"));
    }
}

/// Everything behind the address of a Slack hook.
fn slack_hook(bytes: &[u8], at: usize, hits: &mut Vec<Hit<'static>>) {
    path_secret(
        bytes,
        at + "hooks.slack.com/services/".len(),
        "slack-webhook",
        hits,
    );
}

/// The number and token behind the address of a Discord hook.
fn discord_hook(bytes: &[u8], at: usize, hits: &mut Vec<Hit<'static>>) {
    if let Some(found) = find(&bytes[at..at + 30.min(bytes.len() - at)], b"webhooks/") {
        path_secret(
            bytes,
            at + found + "webhooks/".len(),
            "discord-webhook",
            hits,
        );
    }
}

fn path_secret(bytes: &[u8], start: usize, kind: &'static str, hits: &mut Vec<Hit<'static>>) {
    let length = run(bytes, start, 256, |byte| {
        is_token_byte(byte) && byte != b'.'
    });
    let value = &bytes[start..start + length];
    if length >= 24 && value.contains(&b'/') {
        hits.push(Hit::new(start..start + length, RANK_TOKEN, kind));
    }
}
