//! JSON schemas to grammars in GBNF.
//!
//! Pure. What a grammar can hold is held; a keyword that it cannot is refused by name,
//! never ignored. Properties come in the order of the schema; others are added only
//! where the schema asks for them.
//!
//! Source: JSON Schema 2020-12.

use serde_json::{Map, Value};

/// Rules that every grammar may use. Blanks are bounded: a model must not write them for
/// ever.
pub(super) const COMMON: &str = r#"value ::= object | array | string | number | boolean | null
object ::= "{" space ( string ":" space value ("," space string ":" space value)* )? "}" space
array ::= "[" space ( value ("," space value)* )? "]" space
string ::= "\"" character* "\"" space
character ::= [^"\\\x7F\x00-\x1F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4})
number ::= integral ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})? space
integer ::= integral space
integral ::= "-"? ("0" | [1-9] [0-9]{0,15})
boolean ::= ("true" | "false") space
null ::= "null" space
date ::= [0-9]{4} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | [12] [0-9] | "3" [01])
time ::= ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,6})? ("Z" | [-+] [0-9]{2} ":" [0-9]{2})
uuid ::= [0-9a-f]{8} ("-" [0-9a-f]{4}){3} "-" [0-9a-f]{12}
space ::= | " " | "\n" [ \t]{0,20}
"#;

/// Deepest schema.
const MOST_DEPTH: usize = 64;

/// Keywords that describe and do not restrict.
const NOTES: &[&str] = &[
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "default",
    "definitions",
    "deprecated",
    "description",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
];

/// Why a schema has no grammar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SchemaError {
    #[error("the schema is deeper than {MOST_DEPTH}")]
    Deep,
    #[error("the schema's {keyword} cannot be held to{place}")]
    Keyword { keyword: String, place: String },
    #[error("the schema allows nothing")]
    Nothing,
    #[error("the schema refers to {to}, which is not in it")]
    Reference { to: String },
}

/// A grammar of the JSON values that `schema` describes.
pub(super) fn grammar(schema: &Value) -> Result<String, SchemaError> {
    let mut writer = Writer {
        root: schema,
        rules: Vec::new(),
        named: Vec::new(),
    };
    let root = writer.value(schema, 0)?;
    let mut text = format!("root ::= {root}\n");
    for (name, rule) in writer.rules {
        text.push_str(&format!("{name} ::= {rule}\n"));
    }
    text.push_str(COMMON);
    Ok(text)
}

struct Writer<'a> {
    root: &'a Value,
    rules: Vec<(String, String)>,
    /// What is referred to, and the rule that it became.
    named: Vec<(String, String)>,
}

impl Writer<'_> {
    /// An expression, in brackets where it needs them, for what a schema describes.
    fn value(&mut self, schema: &Value, depth: usize) -> Result<String, SchemaError> {
        if depth > MOST_DEPTH {
            return Err(SchemaError::Deep);
        }
        let schema = match schema {
            Value::Bool(true) => return Ok("value".to_owned()),
            Value::Object(schema) => schema,
            _ => return Err(SchemaError::Nothing),
        };
        if let Some(to) = schema.get("$ref") {
            only(schema, &["$ref"])?;
            return self.reference(to, depth);
        }
        for keyword in ["anyOf", "oneOf", "allOf"] {
            let Some(of) = schema.get(keyword).and_then(Value::as_array) else {
                continue;
            };
            if keyword == "allOf" && of.len() != 1 {
                return Err(unheld(keyword, &Value::Null));
            }
            only(schema, &[keyword])?;
            let of: Result<Vec<_>, _> = of.iter().map(|s| self.value(s, depth + 1)).collect();
            return alternatives(of?);
        }
        if let Some(value) = schema.get("const") {
            only(schema, &["const", "type"])?;
            return Ok(literal(value));
        }
        if let Some(values) = schema.get("enum") {
            only(schema, &["enum", "type"])?;
            let values = values.as_array().ok_or_else(|| unheld("enum", values))?;
            return alternatives(values.iter().map(literal).collect());
        }
        match schema.get("type") {
            None if schema.contains_key("properties") => self.typed("object", schema, depth),
            None if schema.contains_key("items") => self.typed("array", schema, depth),
            None => only(schema, &[]).map(|()| "value".to_owned()),
            Some(Value::String(kind)) => self.typed(kind, schema, depth),
            Some(Value::Array(kinds)) => {
                let kinds = kinds.iter().map(|kind| {
                    let kind = kind.as_str().ok_or_else(|| unheld("type", kind))?;
                    // Each type heeds the keywords that are its own.
                    let mut own = schema.clone();
                    own.retain(|keyword, _| {
                        keywords(kind).contains(&keyword.as_str()) || !is_typed(keyword)
                    });
                    self.typed(kind, &own, depth)
                });
                alternatives(kinds.collect::<Result<_, _>>()?)
            }
            Some(other) => Err(unheld("type", other)),
        }
    }

    fn typed(
        &mut self,
        kind: &str,
        schema: &Map<String, Value>,
        depth: usize,
    ) -> Result<String, SchemaError> {
        only(schema, keywords(kind))?;
        match kind {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "string" => string(schema),
            "number" | "integer" | "boolean" | "null" => Ok(kind.to_owned()),
            other => Err(unheld("type", &Value::from(other))),
        }
    }

    fn reference(&mut self, to: &Value, depth: usize) -> Result<String, SchemaError> {
        let missing = || SchemaError::Reference { to: to.to_string() };
        let path = to.as_str().and_then(|to| to.strip_prefix('#'));
        let path = path.ok_or_else(missing)?;
        if let Some((_, name)) = self.named.iter().find(|(known, _)| known == path) {
            return Ok(name.clone());
        }
        let schema = self.root.pointer(path).ok_or_else(missing)?;
        let name = format!("ref-{}", self.named.len());
        self.named.push((path.to_owned(), name.clone()));
        let rule = self.value(schema, depth + 1)?;
        if rule == name {
            return Err(SchemaError::Nothing);
        }
        self.rules.push((name.clone(), rule));
        Ok(name)
    }

    fn array(&mut self, schema: &Map<String, Value>, depth: usize) -> Result<String, SchemaError> {
        let any = Value::Bool(true);
        let item = self.value(schema.get("items").unwrap_or(&any), depth + 1)?;
        let least = count(schema, "minItems")?.unwrap_or(0);
        let most = count(schema, "maxItems")?;
        if most.is_some_and(|most| most < least) {
            return Err(SchemaError::Nothing);
        }
        if most == Some(0) {
            return Ok(r#"("[" space "]" space)"#.to_owned());
        }
        let most = most.map_or(String::new(), |most| (most - 1).to_string());
        let more = format!(
            r#"{item} ("," space {item}){{{},{most}}}"#,
            least.saturating_sub(1)
        );
        Ok(if least == 0 {
            format!(r#"("[" space ({more})? "]" space)"#)
        } else {
            format!(r#"("[" space {more} "]" space)"#)
        })
    }

    fn object(&mut self, schema: &Map<String, Value>, depth: usize) -> Result<String, SchemaError> {
        let none = Map::new();
        let properties = match schema.get("properties") {
            None => &none,
            Some(properties) => properties
                .as_object()
                .ok_or_else(|| unheld("properties", properties))?,
        };
        let required: Vec<&str> = match schema.get("required") {
            None => Vec::new(),
            Some(names) => names
                .as_array()
                .and_then(|names| names.iter().map(Value::as_str).collect())
                .ok_or_else(|| unheld("required", names))?,
        };
        if let Some(name) = required
            .iter()
            .find(|name| !properties.contains_key(**name))
        {
            return Err(unheld("required", &Value::from(*name)));
        }
        let others = match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => None,
            None if !properties.is_empty() => None,
            Some(others) => Some(self.value(others, depth + 1)?),
            None => Some("value".to_owned()),
        };
        let mut pairs = Vec::new();
        for (name, schema) in properties {
            let value = self.value(schema, depth + 1)?;
            let name_text = literal(&Value::from(name.as_str()));
            let is_required = required.contains(&name.as_str());
            pairs.push((format!(r#"{name_text} ":" space {value}"#), is_required));
        }
        let members = self.members(&pairs, others.as_deref());
        Ok(format!(r#"("{{" space {members} "}}" space)"#))
    }

    /// The rules of an object's members, from the last to the first: `…f` where nothing
    /// was written yet, `…m` where something was.
    fn members(&mut self, pairs: &[(String, bool)], others: Option<&str>) -> String {
        let object = self.rules.len();
        let other = others.map(|value| format!(r#"string ":" space {value}"#));
        let (mut first, mut more) = match other {
            None => (r#""""#.to_owned(), r#""""#.to_owned()),
            Some(pair) => (
                format!(r#"({pair} ("," space {pair})*)?"#),
                format!(r#"("," space {pair})*"#),
            ),
        };
        for (at, (pair, is_required)) in pairs.iter().enumerate().rev() {
            let (f, m) = (format!("o{object}-{at}f"), format!("o{object}-{at}m"));
            let begun = format!("{pair} {more}");
            if *is_required {
                self.rules.push((f.clone(), begun));
                self.rules
                    .push((m.clone(), format!(r#""," space {pair} {more}"#)));
            } else {
                self.rules.push((f.clone(), format!("{begun} | {first}")));
                self.rules
                    .push((m.clone(), format!(r#"("," space {pair})? {more}"#)));
            }
            (first, more) = (f, m);
        }
        first
    }
}

fn string(schema: &Map<String, Value>) -> Result<String, SchemaError> {
    let (least, most) = (count(schema, "minLength")?, count(schema, "maxLength")?);
    if let Some(format) = schema.get("format") {
        only(schema, &["type", "format"])?;
        let inside = match format.as_str() {
            Some("date") => "date",
            Some("time") => "time",
            Some("date-time") => r#"date "T" time"#,
            Some("uuid") => "uuid",
            _ => return Err(unheld("format", format)),
        };
        return Ok(format!(r#"("\"" {inside} "\"" space)"#));
    }
    let least = least.unwrap_or(0);
    match most {
        Some(most) if most < least => Err(SchemaError::Nothing),
        None if least == 0 => Ok("string".to_owned()),
        most => {
            let most = most.map_or(String::new(), |most| most.to_string());
            let times = format!("{{{least},{most}}}");
            Ok(format!(r#"("\"" character{times} "\"" space)"#))
        }
    }
}

/// Keywords that a type heeds.
fn keywords(kind: &str) -> &'static [&'static str] {
    match kind {
        "object" => &["type", "properties", "required", "additionalProperties"],
        "array" => &["type", "items", "minItems", "maxItems"],
        "string" => &["type", "minLength", "maxLength", "format"],
        _ => &["type"],
    }
}

/// Whether a keyword is heeded by one type only.
fn is_typed(keyword: &str) -> bool {
    let kinds = ["object", "array", "string"];
    kinds.iter().any(|kind| keywords(kind).contains(&keyword))
}

/// Refuses a schema with other keywords than these, notes apart.
fn only(schema: &Map<String, Value>, heeded: &[&str]) -> Result<(), SchemaError> {
    let is_known = |key: &str| heeded.contains(&key) || NOTES.contains(&key);
    match schema.iter().find(|(key, _)| !is_known(key)) {
        Some((key, value)) => Err(unheld(key, value)),
        None => Ok(()),
    }
}

fn unheld(keyword: &str, value: &Value) -> SchemaError {
    SchemaError::Keyword {
        keyword: keyword.to_owned(),
        place: match value {
            Value::String(text) => format!(" ({text:?})"),
            _ => String::new(),
        },
    }
}

fn count(schema: &Map<String, Value>, keyword: &str) -> Result<Option<u64>, SchemaError> {
    let number = |value: &Value| value.as_u64().ok_or_else(|| unheld(keyword, value));
    schema.get(keyword).map(number).transpose()
}

fn alternatives(of: Vec<String>) -> Result<String, SchemaError> {
    if of.is_empty() {
        return Err(SchemaError::Nothing);
    }
    Ok(format!("({})", of.join(" | ")))
}

/// Exactly this value, as JSON writes it.
fn literal(value: &Value) -> String {
    let text = value.to_string();
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("(\"{text}\" space)")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::llama::gbnf;

    fn root(schema: &Value) -> String {
        let text = grammar(schema).unwrap();
        assert_eq!(gbnf::check(&text), Ok(()), "{text}");
        text.lines().next().unwrap().to_owned()
    }

    #[test]
    fn every_kind_of_schema_has_a_grammar_that_can_be_read() {
        for schema in [
            json!(true),
            json!({}),
            json!({"type": ["string", "null"], "maxLength": 3}),
            json!({"type": "object"}),
            json!({"type": "object", "additionalProperties": {"type": "integer"}}),
            json!({"type": "array", "items": {"type": "string", "format": "date-time"}}),
            json!({"type": "array", "minItems": 2, "maxItems": 4}),
            json!({"enum": ["a \"b\" \\ \n", 1, null]}),
            json!({"anyOf": [{"const": 1}, {"type": "boolean"}], "title": "either"}),
            json!({"properties": {"a": {"type": "number"}, "b": {}, "ü": {}}, "required": ["b"]}),
            json!({"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "properties": {
                "left": {"$ref": "#/$defs/tree"}, "right": {"$ref": "#/$defs/tree"}}}}}),
        ] {
            root(&schema);
        }
        assert_eq!(
            root(&json!({"type": "string", "minLength": 1, "maxLength": 9})),
            r#"root ::= ("\"" character{1,9} "\"" space)"#
        );
    }

    #[test]
    fn what_cannot_be_held_to_is_refused_by_name() {
        let refused = |schema: Value| grammar(&schema).unwrap_err().to_string();
        for (schema, reason) in [
            (
                json!({"type": "string", "pattern": "a"}),
                "the schema's pattern cannot be held to (\"a\")",
            ),
            (
                json!({"type": "integer", "minimum": 3}),
                "the schema's minimum cannot be held to",
            ),
            (
                json!({"type": "thing"}),
                "the schema's type cannot be held to (\"thing\")",
            ),
            (
                json!({"type": "object", "required": ["a"]}),
                "the schema's required cannot be held to (\"a\")",
            ),
            (
                json!({"minLength": 3, "if": {}}),
                "the schema's minLength cannot be held to",
            ),
            (json!({"enum": []}), "the schema allows nothing"),
            (json!(false), "the schema allows nothing"),
            (
                json!({"type": "string", "minLength": 3, "maxLength": 1}),
                "the schema allows nothing",
            ),
            (
                json!({"$ref": "http://a/b"}),
                "the schema refers to \"http://a/b\", which is not in it",
            ),
            (json!({"$ref": "#"}), "the schema allows nothing"),
        ] {
            assert_eq!(refused(schema.clone()), reason, "{schema}");
        }
        let mut deep = json!({});
        for _ in 0..100 {
            deep = json!({"type": "array", "items": deep});
        }
        assert_eq!(grammar(&deep), Err(SchemaError::Deep));
    }
}
