//! Redaction speed: megabytes a second over pastes of one megabyte.

use divan::Bencher;
use divan::counter::BytesCount;
use shared::redact::{Redactor, Rules};

const MEGABYTE: usize = 1 << 20;

/// What people paste.
#[derive(Clone, Copy, Debug)]
enum Paste {
    Prose,
    Log,
    Base64,
    Secrets,
    /// The worst case: telling words and nothing else.
    Anchors,
}

impl Paste {
    fn text(self) -> String {
        match self {
            Self::Prose => prose(),
            Self::Log => log(),
            Self::Base64 => base64(),
            Self::Secrets => secrets(),
            Self::Anchors => fill(|_| "key=token:secret pass-auth.eyJ://SK".to_owned()),
        }
    }
}

fn fill(line: impl Fn(u64) -> String) -> String {
    let mut text = String::with_capacity(MEGABYTE + 256);
    let mut n = 0;
    while text.len() < MEGABYTE {
        text.push_str(&line(n));
        n += 1;
    }
    text
}

/// A fixed sequence of digits that look random (Knuth's multiplier).
fn scramble(n: u64) -> u64 {
    n.wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407)
        .rotate_left(29)
}

fn prose() -> String {
    fill(|n| format!("On day {n} we walked along the river, and the key to it was patience. "))
}

fn log() -> String {
    fill(|n| {
        format!(
            "2026-11-20T09:{:02}:00Z INFO /api/v1/items/{n} 200 {:016x} user-agent=curl/8.5\n",
            n % 60,
            scramble(n)
        )
    })
}

fn base64() -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    fill(|n| char::from(ALPHABET[(scramble(n) >> 40) as usize % 64]).to_string())
}

fn secrets() -> String {
    fill(|n| {
        format!(
            "export API_KEY={:016x}{:016x}\nplain words in between, and more of them\n",
            scramble(n),
            scramble(n + 7)
        )
    })
}

fn redactor() -> Redactor {
    Redactor::new(&Rules::default()).expect("the built-in rules compile")
}

#[divan::bench(args = [Paste::Prose, Paste::Log, Paste::Base64, Paste::Secrets, Paste::Anchors])]
fn redact(bencher: Bencher<'_, '_>, paste: Paste) {
    let redactor = redactor();
    let text = paste.text();
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| redactor.redact(divan::black_box(&text)).found.len());
}

#[divan::bench]
fn spoken_secrets(bencher: Bencher<'_, '_>) {
    let redactor = redactor();
    let text = prose();
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| redactor.spoken_secrets(divan::black_box(&text)));
}

fn main() {
    divan::main();
}
