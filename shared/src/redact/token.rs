//! Tokens that their own form gives away.

use super::scan::{Hit, RANK_TOKEN};
use super::shape::{Shape, before, begins_word, entropy, run, run_back};

/// The longest body of a token, in bytes.
const MAX_BODY: usize = 512;

/// Which bytes a token's body is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Letters and digits.
    Alnum,
    /// Upper-case letters and digits.
    Upper,
    /// Lower-case hexadecimal digits.
    Hex,
    /// Letters, digits, `_` and `-`.
    Dashed,
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            Self::Dashed => byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-',
        }
    }
}

/// A prefix, and what must follow it.
#[derive(Debug)]
pub(super) struct TokenRule {
    pub(super) kind: &'static str,
    pub(super) prefix: &'static str,
    alphabet: Alphabet,
    /// Fewest and most bytes of the body.
    length: (usize, usize),
}

const fn rule(
    kind: &'static str,
    prefix: &'static str,
    alphabet: Alphabet,
    least: usize,
    most: usize,
) -> TokenRule {
    TokenRule {
        kind,
        prefix,
        alphabet,
        length: (least, most),
    }
}

use Alphabet::{Alnum, Dashed, Hex, Upper};

/// Prefixes, alphabets and lengths as the services document them.
pub(super) const TOKENS: &[TokenRule] = &[
    rule("github-token", "ghp_", Alnum, 36, 255),
    rule("github-token", "gho_", Alnum, 36, 255),
    rule("github-token", "ghu_", Alnum, 36, 255),
    rule("github-token", "ghs_", Alnum, 36, 255),
    rule("github-token", "ghr_", Alnum, 36, 255),
    rule("github-token", "github_pat_", Dashed, 60, 255),
    rule("gitlab-token", "glpat-", Dashed, 20, 300),
    rule("gitlab-token", "gldt-", Dashed, 20, 64),
    rule("gitlab-token", "glrt-", Dashed, 20, 64),
    rule("gitlab-token", "glcbt-", Dashed, 20, 64),
    rule("gitlab-token", "glptt-", Hex, 40, 40),
    rule("gitlab-token", "glft-", Dashed, 20, 64),
    rule("gitlab-token", "glsoat-", Dashed, 20, 64),
    rule("gitlab-token", "glimt-", Dashed, 20, 64),
    rule("gitlab-token", "glagent-", Dashed, 40, 64),
    rule("google-api-key", "AIza", Dashed, 35, 35),
    rule("google-oauth", "GOCSPX-", Dashed, 28, 28),
    rule("google-oauth", "ya29.", Dashed, 20, MAX_BODY),
    rule("slack-token", "xoxb-", Dashed, 20, 200),
    rule("slack-token", "xoxp-", Dashed, 20, 200),
    rule("slack-token", "xoxa-", Dashed, 20, 200),
    rule("slack-token", "xoxr-", Dashed, 20, 200),
    rule("slack-token", "xoxs-", Dashed, 20, 200),
    rule("slack-token", "xoxe-", Dashed, 20, 400),
    rule("slack-token", "xoxe.xoxp-", Dashed, 20, 400),
    rule("slack-token", "xoxc-", Dashed, 20, 200),
    rule("slack-token", "xapp-", Dashed, 20, 200),
    rule("stripe-key", "sk_live_", Alnum, 16, 255),
    rule("stripe-key", "sk_test_", Alnum, 16, 255),
    rule("stripe-key", "rk_live_", Alnum, 16, 255),
    rule("stripe-key", "rk_test_", Alnum, 16, 255),
    rule("stripe-key", "whsec_", Alnum, 24, 255),
    rule("anthropic-key", "sk-ant-", Dashed, 40, 255),
    rule("openai-key", "sk-proj-", Dashed, 40, 255),
    rule("openai-key", "sk-svcacct-", Dashed, 40, 255),
    rule("openai-key", "sk-admin-", Dashed, 40, 255),
    rule("openrouter-key", "sk-or-v1-", Hex, 64, 64),
    rule("openai-key", "sk-", Alnum, 32, 64),
    rule("huggingface-token", "hf_", Alnum, 30, 64),
    rule("huggingface-token", "api_org_", Alnum, 30, 64),
    rule("npm-token", "npm_", Alnum, 36, 36),
    rule("pypi-token", "pypi-AgE", Dashed, 50, MAX_BODY),
    rule("twilio-key", "SK", Hex, 32, 32),
    rule("mailgun-key", "key-", Hex, 32, 32),
    rule("square-token", "sq0atp-", Dashed, 22, 22),
    rule("square-token", "sq0csp-", Dashed, 43, 43),
    rule("square-token", "EAAA", Dashed, 60, 60),
    rule("shopify-token", "shpat_", Hex, 32, 32),
    rule("shopify-token", "shpca_", Hex, 32, 32),
    rule("shopify-token", "shppa_", Hex, 32, 32),
    rule("shopify-token", "shpss_", Hex, 32, 32),
    rule("digitalocean-token", "dop_v1_", Hex, 64, 64),
    rule("digitalocean-token", "doo_v1_", Hex, 64, 64),
    rule("digitalocean-token", "dor_v1_", Hex, 64, 64),
    rule("age-key", "AGE-SECRET-KEY-1", Upper, 58, 58),
    rule("vault-token", "hvs.", Dashed, 24, 255),
    rule("vault-token", "hvb.", Dashed, 24, 255),
    rule("docker-token", "dckr_pat_", Dashed, 20, 64),
    rule("databricks-token", "dapi", Hex, 32, 32),
    rule("linear-key", "lin_api_", Alnum, 32, 64),
    rule("notion-token", "ntn_", Alnum, 40, 64),
    rule("groq-key", "gsk_", Alnum, 40, 64),
    rule("xai-key", "xai-", Alnum, 64, 96),
    rule("perplexity-key", "pplx-", Alnum, 32, 64),
    rule("replicate-token", "r8_", Alnum, 37, 40),
    rule("rubygems-key", "rubygems_", Hex, 48, 48),
    rule("crates-token", "cio", Alnum, 32, 32),
    rule("grafana-token", "glsa_", Dashed, 32, 64),
    rule("grafana-token", "glc_", Alnum, 32, MAX_BODY),
    rule("new-relic-key", "NRAK-", Upper, 27, 27),
    rule("sentry-token", "sntrys_", Dashed, 40, MAX_BODY),
    rule("sentry-token", "sntryu_", Hex, 64, 64),
    rule("supabase-key", "sbp_", Hex, 40, 40),
    rule("pulumi-token", "pul-", Hex, 40, 40),
    rule("tailscale-key", "tskey-", Dashed, 20, 96),
    rule("netlify-token", "nfp_", Alnum, 36, 64),
    rule("planetscale-token", "pscale_tkn_", Dashed, 32, 64),
    rule("postman-key", "PMAK-", Dashed, 59, 59),
    rule("doppler-token", "dp.pt.", Alnum, 40, 48),
];

impl TokenRule {
    /// The token whose prefix begins at `at`.
    pub(super) fn check(&self, bytes: &[u8], at: usize) -> Option<Hit<'static>> {
        let body = at + self.prefix.len();
        if &bytes[at..body] != self.prefix.as_bytes() || !begins_word(bytes, at) {
            return None;
        }
        let (least, most) = self.length;
        let length = run(bytes, body, most + 1, |byte| self.alphabet.has(byte));
        let value = bytes.get(body..body + length)?;
        ((least..=most).contains(&length) && is_varied(value))
            .then(|| Hit::new(at..body + length, RANK_TOKEN, self.kind))
    }
}

/// Not a row of x and not a name made of words: letters, digits, and many of them.
fn is_varied(body: &[u8]) -> bool {
    let shape = Shape::of(body);
    shape.digits > 0 && shape.letters() > 0 && entropy(body) > 2.5
}

/// Checks what stands at an anchor, and adds what it finds.
pub(super) type Check = fn(&[u8], usize, &mut Vec<Hit<'static>>);

/// Tokens that need more than a prefix and an alphabet.
pub(super) const FORMS: &[(&str, Check)] = &[
    ("AKIA", aws),
    ("ASIA", aws),
    ("ABIA", aws),
    ("ACCA", aws),
    ("eyJ", jwt),
    ("SG.", sendgrid),
    (":AA", telegram),
    (".", discord),
];

/// An AWS access key, and the secret key that often stands beside it.
fn aws(bytes: &[u8], at: usize, hits: &mut Vec<Hit<'static>>) {
    const NEARBY: usize = 160;
    let length = run(bytes, at, 21, |byte| Upper.has(byte));
    if length != 20
        || !begins_word(bytes, at)
        || bytes.get(at + 20).is_some_and(u8::is_ascii_alphanumeric)
    {
        return;
    }
    hits.push(Hit::new(at..at + 20, RANK_TOKEN, "aws-access-key"));
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let (mut next, end) = (at + 20, (at + 20 + NEARBY).min(bytes.len()));
    while next < end {
        let length = run(bytes, next, MAX_BODY, is_base64);
        let shape = Shape::of(&bytes[next..next + length]);
        if length == 40 && shape.upper > 2 && shape.lower > 2 && shape.digits > 0 {
            hits.push(Hit::new(next..next + 40, RANK_TOKEN, "aws-secret-key"));
            return;
        }
        next += length + 1;
    }
}

/// A JSON web token: two parts of base-64 JSON and a signature.
fn jwt(bytes: &[u8], at: usize, hits: &mut Vec<Hit<'static>>) {
    const MAX_PART: usize = 8192;
    if !bytes[at..].starts_with(b"eyJ") || !begins_word(bytes, at) {
        return;
    }
    let part = |from: usize| run(bytes, from, MAX_PART, |byte| Dashed.has(byte));
    let header = at + part(at);
    if bytes.get(header) != Some(&b'.') || !bytes[header + 1..].starts_with(b"eyJ") {
        return;
    }
    let payload = header + 1 + part(header + 1);
    let signature = part(payload + 1);
    if bytes.get(payload) == Some(&b'.') && signature >= 16 {
        hits.push(Hit::new(at..payload + 1 + signature, RANK_TOKEN, "jwt"));
    }
}

/// `SG.`, 22 characters, a dot, 43 characters.
fn sendgrid(bytes: &[u8], at: usize, hits: &mut Vec<Hit<'static>>) {
    let part = |from: usize| run(bytes, from, 64, |byte| Dashed.has(byte));
    let (id, secret) = (at + 3, at + 26);
    if bytes[at..].starts_with(b"SG.")
        && begins_word(bytes, at)
        && part(id) == 22
        && bytes.get(id + 22) == Some(&b'.')
        && part(secret) == 43
    {
        hits.push(Hit::new(at..secret + 43, RANK_TOKEN, "sendgrid-key"));
    }
}

/// A bot's number, a colon, 35 characters that begin with `AA`.
fn telegram(bytes: &[u8], at: usize, hits: &mut Vec<Hit<'static>>) {
    let digits = run_back(bytes, at, 13, |byte| byte.is_ascii_digit());
    let body = run(bytes, at + 1, 36, |byte| Dashed.has(byte));
    let start = at - digits;
    // The API's addresses write `bot` right before the number.
    let free = begins_word(bytes, start) || bytes[..start].ends_with(b"bot");
    if bytes[at..].starts_with(b":AA") && (7..=12).contains(&digits) && body == 35 && free {
        hits.push(Hit::new(start..at + 36, RANK_TOKEN, "telegram-token"));
    }
}

/// A base-64 number, six characters of time, a signature, joined by dots; `at` is the first.
fn discord(bytes: &[u8], at: usize, hits: &mut Vec<Hit<'static>>) {
    if bytes.get(at + 7) != Some(&b'.') {
        return;
    }
    let time = run(bytes, at + 1, 7, |byte| Dashed.has(byte));
    let id = run_back(bytes, at, 30, |byte| byte.is_ascii_alphanumeric());
    let signature = run(bytes, at + 8, 64, |byte| Dashed.has(byte));
    let start = at - id;
    if time != 6 || !(23..=28).contains(&id) || !(27..=45).contains(&signature) {
        return;
    }
    let body = &bytes[start..at + 8 + signature];
    if b"MNO".contains(&bytes[start]) && before(bytes, start) != Some(b'.') && is_varied(body) {
        let end = start + body.len();
        hits.push(Hit::new(start..end, RANK_TOKEN, "discord-token"));
    }
}
