//! `POST /v1/embeddings`.

use serde_json::Value;

use crate::server::fields::Fields;
use crate::server::refusal::Refusal;

/// Most texts of one request.
const MOST_TEXTS: usize = 2_048;
/// Most numbers that a vector may be asked to have.
const MOST_DIMENSIONS: u64 = 65_536;

/// Texts to be embedded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct EmbeddingRequest {
    pub(in crate::server) model: String,
    pub(in crate::server) texts: Vec<String>,
    pub(in crate::server) dimensions: Option<usize>,
    pub(in crate::server) encoding: Encoding,
}

/// How a vector is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Encoding {
    /// As numbers.
    Float,
    /// As base64 of little-endian 32-bit floats.
    Base64,
}

/// Reads a request's body.
pub(in crate::server) fn decode(body: &[u8]) -> Result<EmbeddingRequest, Refusal> {
    let mut fields = Fields::parse(body)?;
    let model = fields.need_text("model")?;
    let input = fields.any("input").ok_or_else(|| fields.missing("input"))?;
    let dimensions = fields.whole("dimensions", 1..=MOST_DIMENSIONS)?;
    let encoding = fields.word("encoding_format", &["float", "base64"])?;
    fields.label("user");
    fields.finish()?;
    Ok(EmbeddingRequest {
        model,
        texts: texts(input)?,
        dimensions: dimensions.and_then(|n| usize::try_from(n).ok()),
        encoding: match encoding {
            Some(1) => Encoding::Base64,
            _ => Encoding::Float,
        },
    })
}

fn texts(input: Value) -> Result<Vec<String>, Refusal> {
    let list = match input {
        Value::String(text) => vec![Value::String(text)],
        Value::Array(list) => list,
        _ => {
            return Err(Refusal::invalid(
                "input",
                "must be a string or a list of strings",
            ));
        }
    };
    if list.is_empty() || list.len() > MOST_TEXTS {
        let message = format!("must hold 1 to {MOST_TEXTS} texts");
        return Err(Refusal::invalid("input", message));
    }
    list.into_iter()
        .map(|text| match text {
            Value::String(text) if text.is_empty() => {
                Err(Refusal::invalid("input", "must not hold an empty text"))
            }
            Value::String(text) => Ok(text),
            Value::Number(_) | Value::Array(_) => Err(Refusal::unsupported(
                "input",
                "cannot be tokens: the embedder has a vocabulary of its own",
            )),
            _ => Err(Refusal::invalid(
                "input",
                "must be a string or a list of strings",
            )),
        })
        .collect()
}
