//! Junk for the decoders: none of it may panic.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::server::decode::as_every_request;

/// Names that mean something, so that junk reaches deep.
const NAMES: &[&str] = &[
    "model",
    "messages",
    "role",
    "content",
    "type",
    "text",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "parameters",
    "tools",
    "tool_choice",
    "prompt",
    "input",
    "stop",
    "stream",
    "stream_options",
    "include_usage",
    "response_format",
    "json_schema",
    "schema",
    "format",
    "max_tokens",
    "n",
    "logprobs",
    "top_logprobs",
    "temperature",
    "seed",
    "scrubjay",
    "memory",
    "session",
    "deadline_ms",
    "adapter",
    "echo",
    "dimensions",
    "encoding_format",
    "id",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(
            &[
                "user",
                "assistant",
                "tool",
                "function",
                "json_schema",
                "use"
            ][..]
        )
        .prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((proptest::sample::select(NAMES), inner), 0..6)
                .prop_map(|fields| fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_a_request_or_a_refusal(body: Vec<u8>) {
        as_every_request(&body);
    }

    #[test]
    fn any_json_is_a_request_or_a_refusal(value in value()) {
        as_every_request(value.to_string().as_bytes());
    }

    /// A good request with one field gone wrong.
    #[test]
    fn any_field_may_be_anything(name in proptest::sample::select(NAMES), value in value()) {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "a"}]});
        body[name] = value;
        as_every_request(body.to_string().as_bytes());
    }

    #[test]
    fn a_request_cut_anywhere_is_refused(at in 0_usize..60) {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "a"}]}).to_string();
        let cut = body.get(..at.min(body.len() - 1)).unwrap();
        prop_assert_eq!(as_every_request(cut.as_bytes()), 0);
        prop_assert_eq!(as_every_request(body.as_bytes()), 1);
    }
}
