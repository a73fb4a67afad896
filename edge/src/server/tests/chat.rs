//! Chat completions, completions, responses and embeddings.

use serde_json::{Value, json};

use super::world::World;
use crate::generate::scripted::ScriptedEngine;

const CHAT: &str = "/v1/chat/completions";

fn hello() -> Value {
    json!({"model": "nano", "messages": [{"role": "user", "content": "Hello"}]})
}

/// `base` with further fields.
fn with(mut base: Value, more: Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

#[tokio::test]
async fn a_chat_is_answered_whole() {
    let world = World::saying(["Hi there."]);
    let answer = world.post(CHAT, &hello()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let json = answer.json();
    assert_eq!(json["object"], "chat.completion");
    assert_eq!(json["model"], "nano");
    assert_eq!(json["choices"][0]["message"]["content"], "Hi there.");
    assert_eq!(json["choices"][0]["finish_reason"], "stop");
    assert_eq!(json["usage"]["completion_tokens"], "Hi there.".len());
    assert_eq!(json["created"], 1_774_000_000);
    assert!(json["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert_eq!(json["scrubjay"]["stop"], "end");
    assert_eq!(world.log.prompts(), ["[user] Hello\n[assistant] "]);
}

#[tokio::test]
async fn a_stream_brings_the_same_words_and_the_usage_last() {
    let world = World::saying(["one two three"]);
    let wanted = json!({"stream": true, "stream_options": {"include_usage": true}});
    let answer = world.post(CHAT, &with(hello(), wanted)).await;
    let events = answer.events();
    let content = |event: &Value| {
        event["choices"][0]["delta"]["content"]
            .as_str()
            .map(str::to_owned)
    };
    let words: String = events.iter().filter_map(content).collect();
    assert_eq!(words, "one two three");
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    let last = events.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["completion_tokens"], "one two three".len());
    let end = &events[events.len() - 2];
    assert_eq!(end["choices"][0]["finish_reason"], "stop");
    assert!(answer.text.ends_with("data: [DONE]\n\n"), "{}", answer.text);
}

#[tokio::test]
async fn a_stream_tells_the_reading_only_when_asked() {
    let world = World::saying(["a", "b"]);
    let progress = |answer: &super::world::Answer| {
        let events = answer.events();
        events
            .iter()
            .any(|event| event["scrubjay"]["progress"].is_object())
    };
    let stream = with(hello(), json!({"stream": true}));
    let silent = world.post(CHAT, &stream).await;
    let told = world
        .post(CHAT, &with(stream, json!({"scrubjay": {"progress": true}})))
        .await;
    assert!(!progress(&silent) && progress(&told), "{}", told.text);
}

#[tokio::test]
async fn several_answers_have_numbers_of_their_own() {
    let world = World::saying(["a", "a", "a"]);
    let answer = world.post(CHAT, &with(hello(), json!({"n": 3}))).await;
    let json = answer.json();
    let numbers: Vec<_> = json["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["index"])
        .collect();
    assert_eq!(numbers, [0, 1, 2]);
    assert_eq!(json["usage"]["completion_tokens"], 3);
}

#[tokio::test]
async fn words_that_end_and_limits_are_kept() {
    let world = World::saying(["one two three", "one two three"]);
    let stopped = world
        .post(CHAT, &with(hello(), json!({"stop": "two"})))
        .await
        .json();
    assert_eq!(stopped["choices"][0]["message"]["content"], "one ");
    assert_eq!(stopped["choices"][0]["finish_reason"], "stop");
    let cut = world
        .post(CHAT, &with(hello(), json!({"max_completion_tokens": 4})))
        .await
        .json();
    assert_eq!(cut["choices"][0]["finish_reason"], "length");
}

#[tokio::test]
async fn likelihoods_come_beside_each_token() {
    let world = World::saying(["ab", "ab"]);
    let wanted = json!({"logprobs": true, "top_logprobs": 1});
    let json = world
        .post(CHAT, &with(hello(), wanted.clone()))
        .await
        .json();
    let content = &json["choices"][0]["logprobs"]["content"];
    assert_eq!(content.as_array().unwrap().len(), 2);
    assert_eq!(content[0]["token"], "a");
    assert_eq!(content[0]["top_logprobs"][0]["token"], "a");
    let stream = with(with(hello(), wanted), json!({"stream": true}));
    let events = world.post(CHAT, &stream).await.events();
    let told = events
        .iter()
        .filter_map(|e| e["choices"][0]["logprobs"]["content"].as_array());
    assert_eq!(told.map(Vec::len).sum::<usize>(), 2);
}

#[tokio::test]
async fn parts_and_developers_are_understood() {
    let world = World::saying(["ok"]);
    let messages = json!([
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    ]);
    world
        .post(CHAT, &json!({"model": "nano", "messages": messages}))
        .await;
    assert_eq!(
        world.log.prompts(),
        ["[system] Be brief.\n[user] a\nb\n[assistant] "]
    );
}

#[tokio::test]
async fn without_a_model_nothing_is_answered_yet() {
    let world = World::loading(crate::server::Limits::default());
    assert_eq!(world.get("/health").await.status, 503);
    let refused = world.post(CHAT, &hello()).await;
    assert_eq!(refused.refusal().0, 503);
    assert!(refused.response.headers().contains_key("retry-after"));
    world.server.ready(
        "nano".to_owned(),
        std::sync::Arc::new(ScriptedEngine::saying(["x"])),
    );
    assert_eq!(world.get("/health").await.status, 200);
}

#[tokio::test]
async fn models_are_listed() {
    let world = World::saying([]);
    let list = world.get("/v1/models").await.json();
    assert_eq!(list["data"][0]["id"], "nano");
    assert_eq!(list["data"][1]["id"], "hashed-words-64");
    assert_eq!(world.get("/v1/models/nano").await.json()["object"], "model");
    assert_eq!(
        world.get("/v1/models/gpt").await.refusal().1,
        "model_not_found"
    );
}

/// The exact request of `lm-eval`'s `local-completions`.
#[tokio::test]
async fn tokens_are_scored_as_lm_eval_asks() {
    let world = World::saying(["d", "d"]);
    let request = json!({
        "model": "nano", "prompt": [[97, 98, 99], [97, 98]], "temperature": 0,
        "max_tokens": 1, "logprobs": 1, "seed": 1234, "echo": true,
    });
    let json = world.post("/v1/completions", &request).await.json();
    let first = &json["choices"][0];
    assert_eq!(first["text"], "abcd");
    let logprobs = &first["logprobs"];
    assert_eq!(logprobs["tokens"], json!(["a", "b", "c", "d"]));
    assert_eq!(logprobs["token_logprobs"], json!([null, 0.0, 0.0, 0.0]));
    assert_eq!(logprobs["top_logprobs"][1], json!({"b": 0.0}));
    assert_eq!(logprobs["text_offset"], json!([0, 1, 2, 3]));
    assert_eq!(json["choices"][1]["index"], 1);
    assert_eq!(json["choices"][1]["text"], "abd");
}

#[tokio::test]
async fn a_prompt_is_scored_without_being_continued() {
    let world = World::saying([]);
    let request =
        json!({"model": "nano", "prompt": "ab", "max_tokens": 0, "logprobs": 0, "echo": true});
    let json = world.post("/v1/completions", &request).await.json();
    assert_eq!(json["choices"][0]["logprobs"]["tokens"], json!(["a", "b"]));
    assert_eq!(json["usage"]["completion_tokens"], 0);
}

#[tokio::test]
async fn completions_are_streamed() {
    let world = World::saying(["two three"]);
    let request = json!({"model": "nano", "prompt": "one ", "stream": true, "echo": true, "n": 1});
    let answer = world.post("/v1/completions", &request).await;
    let text = |event: &Value| event["choices"][0]["text"].as_str().map(str::to_owned);
    let words: String = answer.events().iter().filter_map(text).collect();
    assert_eq!(words, "one two three");
}

#[tokio::test]
async fn embeddings_come_as_numbers_and_as_base64() {
    let world = World::saying([]);
    let request = json!({"model": "hashed-words-64", "input": ["a red bike", "a cat"]});
    let json = world.post("/v1/embeddings", &request).await.json();
    let vector = json["data"][1]["embedding"].as_array().unwrap();
    assert_eq!(vector.len(), 64);
    let short = with(
        request,
        json!({"dimensions": 2, "encoding_format": "base64"}),
    );
    let json = world.post("/v1/embeddings", &short).await.json();
    // Two floats of four bytes each.
    assert_eq!(json["data"][0]["embedding"].as_str().unwrap().len(), 12);
}

#[tokio::test]
async fn a_response_is_answered_whole_and_in_events() {
    let world = World::saying(["Hi.", "Hi."]);
    let request = json!({"model": "nano", "input": "Hello", "instructions": "Be brief."});
    let json = world.post("/v1/responses", &request).await.json();
    assert_eq!(json["status"], "completed");
    assert_eq!(json["output"][0]["content"][0]["text"], "Hi.");
    assert_eq!(json["usage"]["output_tokens"], 3);
    assert_eq!(
        world.log.prompts(),
        ["[system] Be brief.\n[user] Hello\n[assistant] "]
    );

    let events = world
        .post("/v1/responses", &with(request, json!({"stream": true})))
        .await
        .events();
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let numbers = events
        .iter()
        .map(|event| event["sequence_number"].as_u64().unwrap());
    assert!(numbers.eq(0..events.len() as u64));
}

/// A template that shows its tools, and whatever was called.
const TOOLED: &str = "{% if tools %}{% for t in tools %}({{ t.function.name }}){% endfor %}{% endif %}\
    {% for m in messages %}[{{ m.role }}] {{ m.content }}\
    {% for c in m.tool_calls %}{{ c.function.name }}={{ c.function.arguments | tojson }}{% endfor %}\n{% endfor %}";

fn tooled(answers: [&str; 2]) -> World {
    let engine = ScriptedEngine::saying(answers);
    World::with(engine.with_card(|card| card.chat_template = Some(TOOLED.to_owned())))
}

fn weather() -> Value {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    json!({"tools": [{"type": "function", "function": {"name": "weather", "parameters": parameters}}]})
}

#[tokio::test]
async fn tools_are_called_whole_and_in_a_stream() {
    let said = "I look.<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}</tool_call>";
    let world = tooled([said, said]);
    let whole = world.post(CHAT, &with(hello(), weather())).await.json();
    let choice = &whole["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], "I look.");
    let function = &choice["message"]["tool_calls"][0]["function"];
    assert_eq!(
        function,
        &json!({"name": "weather", "arguments": "{\"city\":\"Oslo\"}"})
    );
    assert!(world.log.prompts()[0].starts_with("(weather)[user] Hello"));

    let stream = with(with(hello(), weather()), json!({"stream": true}));
    let events = world.post(CHAT, &stream).await.events();
    let delta = |event: &Value| event["choices"][0]["delta"].clone();
    let words = events
        .iter()
        .filter_map(|e| delta(e)["content"].as_str().map(str::to_owned));
    assert_eq!(words.collect::<String>(), "I look.");
    let called = events
        .iter()
        .find(|event| delta(event)["tool_calls"].is_array())
        .unwrap();
    assert_eq!(
        delta(called)["tool_calls"][0]["function"]["name"],
        "weather"
    );
    assert_eq!(
        events.last().unwrap()["choices"][0]["finish_reason"],
        "tool_calls"
    );
}

#[tokio::test]
async fn what_a_tool_answered_is_shown_to_the_model() {
    let world = tooled(["It rains.", ""]);
    let call = json!({"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Oslo\"}"}});
    let messages = json!([
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    ]);
    let request = with(json!({"model": "nano", "messages": messages}), weather());
    let answer = world.post(CHAT, &request).await.json();
    assert_eq!(answer["choices"][0]["message"]["content"], "It rains.");
    let prompt = &world.log.prompts()[0];
    assert!(
        prompt.contains("weather={\"city\": \"Oslo\"}[tool] rain"),
        "{prompt}"
    );
}

#[tokio::test]
async fn tools_that_cannot_be_are_refused() {
    let world = World::saying([]);
    assert_eq!(
        world
            .post(CHAT, &with(hello(), weather()))
            .await
            .refusal()
            .2,
        "tools"
    );
    let world = tooled(["", ""]);
    let chosen = |choice: Value| with(with(hello(), weather()), json!({"tool_choice": choice}));
    let other = chosen(json!({"type": "function", "function": {"name": "clock"}}));
    assert_eq!(world.post(CHAT, &other).await.refusal().2, "tool_choice");
    assert_eq!(
        world.post(CHAT, &chosen(json!("always"))).await.refusal().2,
        "tool_choice"
    );
    assert_eq!(world.post(CHAT, &chosen(json!("none"))).await.status, 200);
    assert!(!world.log.prompts()[0].contains("(weather)"));
}
