//! A JSON object of a request, taken apart field by field.
//!
//! # Invariants
//! - A field is taken once, with the type and the range it must have; `null` is absent.
//! - What nobody took is refused by [`Fields::finish`], never ignored.
//! - Messages name the field by its whole path and never repeat its value.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// What is left of an object.
#[derive(Debug)]
pub(super) struct Fields {
    map: Map<String, Value>,
    path: String,
}

impl Fields {
    /// The object that a body holds.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let value: Value = serde_json::from_slice(body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let kind = match error.classify() {
                serde_json::error::Category::Eof => "ends too early",
                _ => "is not JSON",
            };
            Refusal::malformed(format!("the body {kind} (line {line}, column {column})"))
        })?;
        Self::of(value, String::new())
    }

    /// The object in `value`, which stands at `path`.
    pub(super) fn of(value: Value, path: String) -> Result<Self, Refusal> {
        match value {
            Value::Object(map) => Ok(Self { map, path }),
            _ if path.is_empty() => Err(Refusal::malformed("the body is not a JSON object")),
            _ => Err(Refusal::invalid(path, "must be an object")),
        }
    }

    /// The whole path of a field.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() {
            return name.to_owned();
        }
        format!("{}.{name}", self.path)
    }

    /// A field of any type.
    pub(super) fn any(&mut self, name: &str) -> Option<Value> {
        self.map.shift_remove(name).filter(|value| !value.is_null())
    }

    fn wrong(&self, name: &str, expected: &str) -> Refusal {
        Refusal::invalid(self.path(name), format!("must be {expected}"))
    }

    /// A text.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        match self.any(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "a string")),
        }
    }

    /// A text that must be there.
    pub(super) fn need_text(&mut self, name: &str) -> Result<String, Refusal> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// The refusal of a request without this field.
    pub(super) fn missing(&self, name: &str) -> Refusal {
        Refusal::invalid(self.path(name), "is missing")
    }

    /// One of several words; its place among them.
    pub(super) fn word(&mut self, name: &str, words: &[&str]) -> Result<Option<usize>, Refusal> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let found = words.iter().position(|word| *word == text);
        let allowed = || self.wrong(name, &format!("one of {}", words.join(", ")));
        found.map(Some).ok_or_else(allowed)
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.any(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.wrong(name, "true or false")),
        }
    }

    /// A number within a range.
    pub(super) fn number(
        &mut self,
        name: &str,
        range: RangeInclusive<f32>,
    ) -> Result<Option<f32>, Refusal> {
        let Some(value) = self.any(name) else {
            return Ok(None);
        };
        let expected = format!("a number from {} to {}", range.start(), range.end());
        let number = value.as_f64().map(|number| number as f32);
        let within = number.filter(|number| range.contains(number));
        within.map(Some).ok_or_else(|| self.wrong(name, &expected))
    }

    /// A whole number within a range.
    pub(super) fn whole(
        &mut self,
        name: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Refusal> {
        let Some(value) = self.any(name) else {
            return Ok(None);
        };
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let within = value.as_u64().filter(|number| range.contains(number));
        within.map(Some).ok_or_else(|| self.wrong(name, &expected))
    }

    /// A whole number of either sign.
    pub(super) fn integer(&mut self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.any(name) else {
            return Ok(None);
        };
        let number = value.as_i64();
        number
            .map(Some)
            .ok_or_else(|| self.wrong(name, "a whole number"))
    }

    /// An object within.
    pub(super) fn object(&mut self, name: &str) -> Result<Option<Self>, Refusal> {
        let path = self.path(name);
        self.any(name)
            .map(|value| Self::of(value, path))
            .transpose()
    }

    /// A list.
    pub(super) fn list(&mut self, name: &str) -> Result<Option<Vec<Value>>, Refusal> {
        match self.any(name) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(_) => Err(self.wrong(name, "a list")),
        }
    }

    /// Objects in a list, each at its own path.
    pub(super) fn objects(&mut self, name: &str) -> Result<Option<Vec<Self>>, Refusal> {
        let path = self.path(name);
        let Some(list) = self.list(name)? else {
            return Ok(None);
        };
        let objects = (0..).zip(list);
        let objects = objects.map(|(n, value): (usize, _)| Self::of(value, format!("{path}[{n}]")));
        objects.collect::<Result<_, _>>().map(Some)
    }

    /// A parameter that is known and changes nothing here: only what it is by default
    /// may be asked for.
    pub(super) fn only(&mut self, name: &str, defaults: &[Value]) -> Result<(), Refusal> {
        match self.any(name) {
            Some(value) if !defaults.contains(&value) => Err(Refusal::unsupported(
                self.path(name),
                "is not supported here with this value",
            )),
            _ => Ok(()),
        }
    }

    /// A parameter that only labels a request for its sender.
    pub(super) fn label(&mut self, name: &str) {
        self.map.shift_remove(name);
    }

    /// Refuses what nobody took.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        let left = self.map.iter().find(|(_, value)| !value.is_null());
        match left {
            None => Ok(()),
            Some((name, _)) => {
                let shown: String = name.chars().take(80).collect();
                Err(Refusal::unknown_field(self.path(&shown)))
            }
        }
    }
}
