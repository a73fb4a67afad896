//! Secrets beside telling names: `DB_PASSWORD=…`, `"api_key": "…"`, `--token …`.
//!
//! A name is judged by how it ends, separators and case aside, so `max_tokens`,
//! `key_id` and `author` tell nothing. How sure the name is decides how random its
//! value must look.

use std::ops::Range;

use super::command;
use super::name::{Class, classify, folded_ends};
use super::scan::{Hit, RANK_PLACE};
use super::shape::{
    Shape, before, is_hex, is_listed, is_path, is_random, is_reference, is_structured, is_uuid,
    run, run_back,
};

/// What telling names are found by.
pub(super) const WORDS: &[&str] = &[
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "auth",
    "credential",
];

/// The longest name and value looked at, in bytes.
const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 512;

/// How a value is attached to its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `name: "value"`, `name = 'value'`.
    Quoted,
    /// `NAME=value` at the start of a line or of a command.
    Environment,
    /// `name=value`, in a URL's query or a list of arguments.
    Tight,
    /// `name: value`, `name = value`.
    Loose,
    /// `--name value`, `--name=value`.
    Flag,
    /// `name value`, `name is value`.
    Prose,
}

/// The telling names of one piece of text; each is judged once.
#[derive(Debug, Default)]
pub(super) struct Names {
    judged_to: usize,
}

struct Name<'a> {
    bytes: &'a [u8],
    range: Range<usize>,
    class: Class,
}

impl Names {
    /// Judges the name around the telling word at `word`.
    pub(super) fn check(&mut self, bytes: &[u8], word: Range<usize>, hits: &mut Vec<Hit<'static>>) {
        if word.start < self.judged_to {
            return;
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let left = run_back(bytes, word.start, MAX_NAME, is_name);
        let right = run(bytes, word.end, MAX_NAME, is_name);
        let range = word.start - left..word.end + right;
        if range.len() > MAX_NAME || before(bytes, range.start).is_some_and(|byte| byte >= 0x80) {
            return;
        }
        self.judged_to = range.end;
        if !may_have_value(bytes, &range) {
            return;
        }
        let Some(class) = classify(bytes, &range) else {
            return;
        };
        let name = Name {
            bytes,
            range,
            class,
        };
        if let Some(value) = name.value() {
            hits.push(Hit::new(value, RANK_PLACE, name.kind()));
        }
    }
}

/// A cheap look at what follows a name, for most names in prose have no value.
fn may_have_value(bytes: &[u8], name: &Range<usize>) -> bool {
    match bytes.get(name.end) {
        Some(b' ' | b'\t') => {}
        Some(byte) => return b":=\"'`]\\".contains(byte),
        None => return false,
    }
    let at = name.end + run(bytes, name.end, 8, |byte| byte == b' ' || byte == b'\t');
    let word = run(bytes, at, 16, |byte| !byte.is_ascii_whitespace());
    let joint = bytes.get(at).is_some_and(|byte| b":=\"'`-".contains(byte));
    let is_joint = [&b"is"[..], b"was"].contains(&&bytes[at..at + word]);
    bytes[name.start] == b'-' || joint || is_joint || word == 16
}

impl Name<'_> {
    fn text(&self) -> &[u8] {
        &self.bytes[self.range.clone()]
    }

    fn kind(&self) -> &'static str {
        let is_aws = self
            .text()
            .windows(3)
            .any(|part| part.eq_ignore_ascii_case(b"aws"));
        match self.class {
            Class::Password => "password",
            Class::Header => "authorization",
            Class::Secret if is_aws && folded_ends(self.text(), "accesskey") => "aws-secret-key",
            Class::Secret if folded_ends(self.text(), "accountkey") => "azure-storage-key",
            Class::Secret | Class::Perhaps => "secret",
        }
    }

    /// Where its value stands, if it has one that is secret.
    fn value(&self) -> Option<Range<usize>> {
        if self.text().starts_with(b"--") && !self.text().starts_with(b"---") {
            return self.flag_value();
        }
        let Some((sign, separator)) = self.separator() else {
            return self.prose_value();
        };
        let at = separator.end
            + run(self.bytes, separator.end, 8, |byte| {
                byte == b' ' || byte == b'\t'
            });
        if self.class == Class::Header {
            return self.header_value(at);
        }
        let spaced = at > separator.end || separator.start > self.range.end;
        let form = match (sign, spaced) {
            (b'=', false) if self.is_environment() => Form::Environment,
            (b'=', false) => Form::Tight,
            _ => Form::Loose,
        };
        if let Some(value) = quoted(self.bytes, at) {
            let form = if form == Form::Environment {
                form
            } else {
                Form::Quoted
            };
            return self.accepts(form, &value).then_some(value);
        }
        let value = at..at + bare_length(self.bytes, at, form, self.class);
        self.accepts(form, &value).then_some(value)
    }

    /// The `:`, `=`, `:=` or `=>` behind the name, after closing quotes and spaces.
    fn separator(&self) -> Option<(u8, Range<usize>)> {
        let bytes = self.bytes;
        let mut at = self.range.end;
        at += run(bytes, at, 3, |byte| b"\"'`]\\".contains(&byte));
        at += run(bytes, at, 8, |byte| byte == b' ' || byte == b'\t');
        let signs = run(bytes, at, 2, |byte| b":=>".contains(&byte));
        match &bytes[at..at + signs] {
            [b'>'] | [] | b"::" | b"=:" | b">=" | b">>" | b">:" => None,
            [b'=', ..] => Some((b'=', at..at + signs)),
            _ => Some((b':', at..at + signs)),
        }
    }

    /// Whether the name is a variable of the environment, set right here.
    fn is_environment(&self) -> bool {
        const LEADS: &str = "export set env ENV ARG -e --env -";
        let start = self.range.start;
        let length = run_back(self.bytes, start, MAX_NAME, |byte| byte != b'\n');
        let line = self.bytes[start - length..start].trim_ascii();
        let leads = line.is_empty() || LEADS.split(' ').any(|lead| line.ends_with(lead.as_bytes()));
        let upper = !self.text().iter().any(u8::is_ascii_lowercase);
        leads
            || (upper && before(self.bytes, start).is_none_or(|byte| b" \t\n;'\"".contains(&byte)))
    }

    /// Whether nothing but marks of a list or an object precedes the name on its line.
    fn begins_line(&self) -> bool {
        let head = &self.bytes[..self.range.start];
        let marks = run_back(self.bytes, head.len(), 64, |byte| {
            b" \t-*>#\"'{,(".contains(&byte)
        });
        let at = head.len() - marks;
        at == 0
            || self.bytes[at - 1] == b'\n'
            || head[at..].iter().any(|byte| b"\"'{,(".contains(byte))
    }

    fn flag_value(&self) -> Option<Range<usize>> {
        let bytes = self.bytes;
        if before(bytes, self.range.start).is_some_and(|byte| !b" \t\n\"'`([".contains(&byte)) {
            return None;
        }
        let sign = *bytes.get(self.range.end)?;
        if sign != b'=' && sign != b' ' {
            return None;
        }
        let at = self.range.end + run(bytes, self.range.end, 4, |byte| byte == sign);
        let value = command::word(bytes, at)?.inner;
        let told = sign == b' ' && (bytes[at] == b'-' || is_prose(&bytes[value.clone()]));
        (!told && self.accepts(Form::Flag, &value)).then_some(value)
    }

    /// `Authorization: Bearer …`: what follows the scheme.
    fn header_value(&self, at: usize) -> Option<Range<usize>> {
        const SCHEMES: &str = "bearer basic token apikey bot negotiate key";
        let bytes = self.bytes;
        let mut at = at + run(bytes, at, 2, |byte| b"\"'`\\".contains(&byte));
        let scheme = run(bytes, at, 10, |byte| byte.is_ascii_alphabetic());
        let name = &bytes[at..at + scheme];
        let known = is_listed(SCHEMES, name);
        if known && bytes.get(at + scheme) == Some(&b' ') {
            at += scheme + 1;
        }
        let value = at..at + run(bytes, at, 4096, super::shape::is_token_byte);
        let text = &bytes[value.clone()];
        let shape = Shape::of(text);
        let enough =
            text.len() >= 8 && (shape.digits > 0 || shape.upper > 0) && shape.letters() > 0;
        (enough && !is_reference(text) && (known || is_random(text))).then_some(value)
    }

    /// `the API token is 9f8e…`, `secret key 9f8e…`: only what is plainly random.
    fn prose_value(&self) -> Option<Range<usize>> {
        if matches!(self.class, Class::Password | Class::Header) {
            return None;
        }
        let bytes = self.bytes;
        let mut at = self.range.end;
        for word in [&b" is"[..], b" was", b" -"] {
            if bytes[at..].starts_with(word) {
                at += word.len();
            }
        }
        let spaces = run(bytes, at, 2, |byte| byte == b' ');
        let quote = run(bytes, at + spaces, 1, |byte| b"\"'`".contains(&byte));
        let start = at + spaces + quote;
        let value = start..start + bare_length(bytes, start, Form::Prose, self.class);
        (spaces > 0 && self.accepts(Form::Prose, &value)).then_some(value)
    }

    fn accepts(&self, form: Form, range: &Range<usize>) -> bool {
        let value = &self.bytes[range.clone()];
        if value.is_empty() || value.len() > MAX_VALUE || is_reference(value) {
            return false;
        }
        match self.class {
            Class::Password => self.accepts_password(form, range),
            Class::Secret => accepts_secret(form, value),
            Class::Perhaps => {
                let digest = is_hex(value) && !folded_ends(self.text(), "token");
                is_random(value) && !digest && !is_path(value) && form != Form::Prose
                    || (folded_ends(self.text(), "token") && is_plainly_random(value))
            }
            Class::Header => false,
        }
    }

    fn accepts_password(&self, form: Form, range: &Range<usize>) -> bool {
        let value = &self.bytes[range.clone()];
        let shape = Shape::of(value);
        let plain = shape.digits == 0 && shape.symbols == 0;
        let names_itself = plain && mentions_password(value);
        match form {
            Form::Quoted => shape.spaces == 0 && !names_itself && value.len() > 2,
            Form::Environment => !is_path(value),
            Form::Flag => !is_path(value) && !names_itself,
            Form::Tight if self.in_query() => !names_itself,
            Form::Tight => !plain && !is_code(value),
            Form::Loose => {
                let alone = ends_line(self.bytes, range.end);
                let capital = plain && value[0].is_ascii_uppercase();
                let lower_name = !self.text().iter().any(u8::is_ascii_uppercase);
                let plausible = !plain || (lower_name && value.len() >= 6 && self.has_colon());
                self.begins_line()
                    && alone
                    && plausible
                    && !capital
                    && !names_itself
                    && !is_code(value)
                    && !is_path(value)
            }
            Form::Prose => false,
        }
    }

    fn in_query(&self) -> bool {
        before(self.bytes, self.range.start).is_some_and(|byte| byte == b'?' || byte == b'&')
    }

    fn has_colon(&self) -> bool {
        self.separator().is_some_and(|(sign, _)| sign == b':')
    }
}

fn accepts_secret(form: Form, value: &[u8]) -> bool {
    let shape = Shape::of(value);
    let mixed = shape.digits > 0 && shape.letters() > 0;
    if shape.spaces > 0 || is_path(value) {
        return false;
    }
    match form {
        Form::Environment => value.len() >= 4,
        Form::Quoted => value.len() >= 8 && (mixed || shape.symbols > 0) && !is_structured(value),
        Form::Flag | Form::Tight => {
            value.len() >= 8 && mixed && !is_code(value) && !is_structured(value)
        }
        Form::Loose => {
            value.len() >= 12
                && mixed
                && !is_code(value)
                && !is_structured(value)
                && !is_uuid(value)
        }
        Form::Prose => is_plainly_random(value),
    }
}

/// Random enough to say so without an assignment around it.
fn is_plainly_random(value: &[u8]) -> bool {
    let shape = Shape::of(value);
    is_random(value)
        && value.len() >= 20
        && (is_hex(value) || (shape.upper > 0 && shape.lower > 0 && shape.digits > 1))
}

/// `request.password`, `read()`, `args["pw"]`: an expression and no value.
fn is_code(value: &[u8]) -> bool {
    let is_name = |part: &[u8]| {
        part.first()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
            && part
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    let dotted = value.contains(&b'.') && value.split(|byte| *byte == b'.').all(is_name);
    dotted
        || value.contains(&b'(')
        || value.contains(&b'[')
        || mentions_password(value) && is_name(value)
}

fn mentions_password(value: &[u8]) -> bool {
    value
        .windows(5)
        .any(|part| part.eq_ignore_ascii_case(b"passw"))
}

/// Words that follow a flag where it is talked about and not used.
fn is_prose(value: &[u8]) -> bool {
    const WORDS: &str = "\
        flag flags option options argument arguments parameter switch setting value is \
        and or to for in on with if from as the a of which that does was has when \
        instead can will";
    let word = value.trim_ascii_end();
    let word = word
        .strip_suffix(b".")
        .or_else(|| word.strip_suffix(b","))
        .unwrap_or(word);
    is_listed(WORDS, word)
}

/// The inside of the quoted string at `at`, which ends on the same line.
fn quoted(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let escaped = run(bytes, at, 1, |byte| byte == b'\\');
    let quote = *bytes
        .get(at + escaped)
        .filter(|byte| b"\"'`".contains(byte))?;
    let start = at + escaped + 1;
    let mut end = start;
    while let Some(byte) = bytes.get(end).filter(|byte| **byte != b'\n') {
        if *byte == quote {
            // In JSON within a string the closing quote has its own backslash.
            let inner_end = if escaped == 1 {
                end.saturating_sub(1).max(start)
            } else {
                end
            };
            return Some(start..inner_end);
        }
        let step = if *byte == b'\\' && escaped == 0 { 2 } else { 1 };
        end += step;
        if end - start > MAX_VALUE {
            return None;
        }
    }
    None
}

fn bare_length(bytes: &[u8], at: usize, form: Form, class: Class) -> usize {
    let stops: &[u8] = match (form, class) {
        // What people choose may hold any mark, and a file of settings does not quote it.
        (Form::Environment, Class::Password) => b"\"'`",
        (Form::Environment, _) => b"\"'`;",
        _ => b"\"'`,;)}]<>|&\\",
    };
    let length = run(bytes, at, MAX_VALUE + 1, |byte| {
        !byte.is_ascii_whitespace() && !stops.contains(&byte)
    });
    let mark = length > 1 && bytes[at + length - 1] == b'.' && form != Form::Environment;
    length - usize::from(mark)
}

/// Whether only a closing mark or a comment follows on the line.
fn ends_line(bytes: &[u8], at: usize) -> bool {
    let rest = &bytes[at..];
    let marks = run(rest, 0, 4, |byte| b",;}\"' \t\r".contains(&byte));
    matches!(rest.get(marks), None | Some(b'\n' | b'#'))
}
