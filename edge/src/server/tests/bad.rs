//! What is refused, and how.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::world::{World, posted};
use crate::generate::scripted::ScriptedEngine;
use crate::server::Limits;

const CHAT: &str = "/v1/chat/completions";

fn hello() -> Value {
    json!({"model": "nano", "messages": [{"role": "user", "content": "Hello"}]})
}

#[tokio::test]
async fn every_kind_of_bad_body_is_refused_by_name() {
    let world = World::saying([]);
    let mut deep = "[".repeat(5_000);
    deep.push_str(&"]".repeat(5_000));
    for (body, status, code) in [
        (b"".to_vec(), 400, "invalid_json"),
        (b"{".to_vec(), 400, "invalid_json"),
        (b"{\"model\": \"na".to_vec(), 400, "invalid_json"),
        (b"nonsense".to_vec(), 400, "invalid_json"),
        (b"[]".to_vec(), 400, "invalid_json"),
        (b"{} {}".to_vec(), 400, "invalid_json"),
        (b"{\"model\": \"\xff\xfe\"}".to_vec(), 400, "invalid_json"),
        (b"\xef\xbb\xbf{}".to_vec(), 400, "invalid_json"),
        (deep.into_bytes(), 400, "invalid_json"),
        (b"{\"model\": 1e999}".to_vec(), 400, "invalid_json"),
        (b"{}".to_vec(), 400, "invalid_value"),
    ] {
        for path in [CHAT, "/v1/completions", "/v1/embeddings", "/v1/responses"] {
            let shown = String::from_utf8_lossy(&body).into_owned();
            let refused = world.ask(posted(path, body.clone())).await.refusal();
            assert_eq!(
                (refused.0, refused.1.as_str()),
                (status, code),
                "{path} {shown:.40}"
            );
        }
    }
}

/// Fields with values that they cannot have, and what is named then.
const WRONG: &[(&str, &str)] = &[
    (r#"{"model": 3}"#, "model"),
    (r#"{"messages": "hi"}"#, "messages"),
    (r#"{"messages": []}"#, "messages"),
    (r#"{"messages": [7]}"#, "messages[0]"),
    (
        r#"{"messages": [{"role": "king", "content": "x"}]}"#,
        "messages[0].role",
    ),
    (r#"{"messages": [{"role": "user"}]}"#, "messages[0].content"),
    (
        r#"{"messages": [{"role": "user", "content": 5}]}"#,
        "messages[0].content",
    ),
    (
        r#"{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}"#,
        "messages[0].content[0].type",
    ),
    (
        r#"{"messages": [{"role": "user", "content": "a", "mood": "b"}]}"#,
        "messages[0].mood",
    ),
    (
        r#"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}"#,
        "messages",
    ),
    (r#"{"max_tokens": 0}"#, "max_tokens"),
    (r#"{"max_tokens": -1}"#, "max_tokens"),
    (r#"{"max_tokens": 1.5}"#, "max_tokens"),
    (r#"{"max_tokens": "many"}"#, "max_tokens"),
    (r#"{"n": 0}"#, "n"),
    (r#"{"n": 1000}"#, "n"),
    (r#"{"temperature": -0.1}"#, "temperature"),
    (r#"{"temperature": 2.1}"#, "temperature"),
    (r#"{"top_p": "1"}"#, "top_p"),
    (r#"{"seed": 1.5}"#, "seed"),
    (r#"{"stop": [""]}"#, "stop"),
    (r#"{"stop": [1]}"#, "stop"),
    (r#"{"stream": "yes"}"#, "stream"),
    (r#"{"stream_options": {}}"#, "stream_options"),
    (r#"{"logprobs": 1}"#, "logprobs"),
    (r#"{"top_logprobs": 5}"#, "top_logprobs"),
    (
        r#"{"response_format": {"type": "xml"}}"#,
        "response_format.type",
    ),
    (
        r#"{"response_format": {"type": "json_schema"}}"#,
        "response_format.json_schema",
    ),
    (r#"{"scrubjay": {"memory": "perhaps"}}"#, "scrubjay.memory"),
    (r#"{"scrubjay": {"session": "x"}}"#, "scrubjay.session"),
    (
        r#"{"scrubjay": {"deadline_ms": 0}}"#,
        "scrubjay.deadline_ms",
    ),
    (r#"{"scrubjay": {"mood": 1}}"#, "scrubjay.mood"),
    (r#"{"logit_bias": {"5": 1}}"#, "logit_bias"),
    (r#"{"functions": [{}]}"#, "functions"),
    (r#"{"store": true}"#, "store"),
    (r#"{"frobnicate": true}"#, "frobnicate"),
];

#[tokio::test]
async fn a_wrong_value_is_named_with_its_path() {
    let world = World::saying([]);
    for (fields, param) in WRONG {
        let wrong: Value = serde_json::from_str(fields).unwrap();
        let mut body = hello();
        for (name, value) in wrong.as_object().unwrap() {
            body[name] = value.clone();
        }
        let refused = world.post(CHAT, &body).await.refusal();
        assert_eq!((refused.0, refused.2.as_str()), (400, *param), "{fields}");
    }
    assert!(world.log.prompts().is_empty());
}

#[tokio::test]
async fn completions_refuse_prompts_of_other_kinds() {
    let world = World::saying([]);
    for prompt in [
        json!(5),
        json!([]),
        json!([[]]),
        json!(["a", 5]),
        json!([1, "a"]),
        json!([-1]),
        json!(""),
        json!({}),
    ] {
        let body = json!({"model": "nano", "prompt": prompt});
        let refused = world.post("/v1/completions", &body).await.refusal();
        assert_eq!((refused.0, refused.2.as_str()), (400, "prompt"), "{prompt}");
    }
    let beyond = json!({"model": "nano", "prompt": [70_000], "echo": true});
    assert_eq!(
        world.post("/v1/completions", &beyond).await.refusal().0,
        400
    );
}

#[tokio::test]
async fn an_unknown_model_is_not_found() {
    let world = World::saying([]);
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]});
    assert_eq!(
        world.post(CHAT, &body).await.refusal(),
        (404, "model_not_found".into(), "model".into())
    );
}

#[tokio::test]
async fn a_prompt_longer_than_the_context_is_refused_with_the_numbers() {
    let world =
        World::with(ScriptedEngine::saying(["x"]).with_card(|card| card.context_tokens = 100));
    let body = json!({"model": "nano", "messages": [{"role": "user", "content": "x".repeat(200)}]});
    let refused = world.post(CHAT, &body).await;
    assert_eq!(refused.refusal().1, "context_length_exceeded");
    assert!(
        refused.text.contains("99") && refused.text.contains("220"),
        "{}",
        refused.text
    );
    let body = json!({"model": "nano", "prompt": "x".repeat(200), "stream": true});
    assert_eq!(
        world.post("/v1/completions", &body).await.refusal().1,
        "context_length_exceeded"
    );
}

#[tokio::test]
async fn another_kind_of_body_is_refused() {
    let world = World::saying([]);
    let form = Request::post(CHAT).header("content-type", "text/plain");
    let refused = world
        .ask(form.body(Body::from(hello().to_string())).unwrap())
        .await;
    assert_eq!(refused.refusal().0, 415);
}

#[tokio::test]
async fn other_routes_and_methods_are_refused_in_the_same_shape() {
    let world = World::saying([]);
    assert_eq!(world.get("/v2/models").await.refusal().0, 404);
    assert_eq!(world.get(CHAT).await.refusal().0, 405);
}

#[tokio::test]
async fn a_huge_body_is_refused() {
    let limits = Limits {
        body_bytes: 1_000,
        ..Limits::default()
    };
    let world = World::loading(limits);
    let refused = world.ask(posted(CHAT, "x".repeat(1_001))).await;
    assert_eq!(
        refused.refusal(),
        (413, "body_too_large".into(), String::new())
    );
}

#[tokio::test]
async fn a_body_that_never_comes_is_given_up() {
    let limits = Limits {
        body_time: std::time::Duration::from_millis(10),
        ..Limits::default()
    };
    let world = World::loading(limits);
    let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let refused = world.ask(posted(CHAT, Body::from_stream(never))).await;
    assert_eq!(refused.refusal().0, 408);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let world = World::saying([]);
    let broken = [
        Ok(b"{\"model\"".to_vec()),
        Err(std::io::Error::other("gone")),
    ];
    let body = Body::from_stream(futures_util::stream::iter(broken));
    assert_eq!(world.ask(posted(CHAT, body)).await.refusal().0, 400);
}

#[tokio::test]
async fn when_every_place_is_taken_clients_are_told_to_come_back() {
    let limits = Limits {
        answers: 1,
        ..Limits::default()
    };
    let world = World::loading(limits);
    world.server.ready(
        "nano".into(),
        std::sync::Arc::new(ScriptedEngine::saying(["a", "b"])),
    );
    let mut body = hello();
    body["n"] = json!(2);
    let refused = world.post(CHAT, &body).await;
    assert_eq!(refused.refusal().0, 429);
    assert_eq!(refused.response.headers()["retry-after"], "1");
    assert_eq!(world.post(CHAT, &hello()).await.status, 200);
}

/// Nothing of a value is repeated: it might be a secret, or endless.
#[tokio::test]
async fn refusals_do_not_repeat_what_was_sent() {
    let world = World::saying([]);
    let mut body = hello();
    body["temperature"] = json!("correct-horse-7");
    let refused = world.post(CHAT, &body).await;
    assert!(!refused.text.contains("correct-horse"), "{}", refused.text);
}
