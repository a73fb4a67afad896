//! Memory in the standard API.

use serde_json::{Value, json};

use super::world::World;
use crate::memory::query::Filter;

const CHAT: &str = "/v1/chat/completions";

fn said(words: &[&str], own: Value) -> Value {
    let messages = words.iter().enumerate().map(|(at, words)| {
        let role = if at % 2 == 0 { "user" } else { "assistant" };
        json!({"role": role, "content": words})
    });
    json!({"model": "nano", "messages": messages.collect::<Vec<_>>(), "scrubjay": own})
}

#[tokio::test]
async fn without_a_token_nothing_is_kept_unless_asked() {
    let world = World::saying(["ok"]);
    let answer = world
        .post(CHAT, &said(&["My cat is called Miso"], json!({})))
        .await
        .json();
    assert_eq!(answer["scrubjay"]["memory"], Value::Null);
    assert!(world.memory.sessions().unwrap().is_empty());
}

#[tokio::test]
async fn what_was_told_is_recalled_exactly_as_the_device_shows_it() {
    let world = World::saying(["Noted.", "Lisbon."]);
    let told = said(
        &["My sister Maya lives in Lisbon"],
        json!({"memory": "use"}),
    );
    let told = world.post(CHAT, &told).await.json();
    assert_eq!(told["scrubjay"]["remembered"].as_array().unwrap().len(), 1);

    let own = json!({"memory": "use", "recalled": true});
    let asked = world
        .post(CHAT, &said(&["Where does my sister Maya live?"], own))
        .await
        .json();
    assert_eq!(
        asked["scrubjay"]["recalled"][0]["text"],
        "My sister Maya lives in Lisbon"
    );
    assert_ne!(asked["scrubjay"]["session"], told["scrubjay"]["session"]);
    let prompt = world.log.prompts().pop().unwrap();
    let shown = "[user] Memories, oldest first (today is 2026-03-20):\n\
        - 2026-03-20: My sister Maya lives in Lisbon\n\n\
        Where does my sister Maya live?\n[assistant] ";
    assert!(prompt.ends_with(shown), "{prompt}");
    assert!(prompt.starts_with("[system] You are Scrubjay"), "{prompt}");
}

#[tokio::test]
async fn read_only_recalls_and_keeps_nothing() {
    let world = World::saying(["Noted.", "Miso."]);
    world
        .post(
            CHAT,
            &said(&["My cat is called Miso"], json!({"memory": "use"})),
        )
        .await;
    let before = world.memory.stats().unwrap().episodes;
    let own = json!({"memory": "read_only", "recalled": true});
    let asked = world
        .post(CHAT, &said(&["What is my cat called?"], own))
        .await
        .json();
    assert_eq!(
        asked["scrubjay"]["recalled"][0]["text"],
        "My cat is called Miso"
    );
    assert_eq!(asked["scrubjay"]["session"], Value::Null);
    assert_eq!(world.memory.stats().unwrap().episodes, before);
}

/// What the model has read stays read: each prompt begins with the one before, though the
/// client sends its own plain words back.
#[tokio::test]
async fn a_conversation_is_known_by_its_history_and_read_once() {
    let world = World::saying(["Noted.", "Miso.", "You are welcome."]);
    let own = json!({"memory": "use"});
    world
        .post(CHAT, &said(&["My cat is called Miso"], own.clone()))
        .await;
    let question = "What is my cat called?";
    let first = world
        .post(CHAT, &said(&[question], own.clone()))
        .await
        .json();
    let second = said(&[question, "Miso.", "Thank you"], own);
    let second = world.post(CHAT, &second).await.json();
    assert_eq!(first["scrubjay"]["session"], second["scrubjay"]["session"]);
    let prompts = world.log.prompts();
    let read = format!("{}Miso.", prompts[1]);
    assert!(
        prompts[2].starts_with(&read),
        "{}\n---\n{}",
        prompts[1],
        prompts[2]
    );
}

#[tokio::test]
async fn a_session_may_be_named_by_field_or_header() {
    let world = World::saying(["a", "b"]);
    let session = world.memory.new_session("").unwrap();
    let named = said(&["Hello"], json!({"session": session}));
    let named = world.post(CHAT, &named).await.json();
    assert_eq!(named["scrubjay"]["session"], session.to_string());
    let mut request = super::world::posted(CHAT, said(&["Hello again"], Value::Null).to_string());
    let header = session.to_string().parse().unwrap();
    request.headers_mut().insert("x-scrubjay-session", header);
    assert_eq!(
        world.ask(request).await.json()["scrubjay"]["session"],
        session.to_string()
    );
    assert_eq!(world.memory.session_episodes(session).unwrap().len(), 4);
}

#[tokio::test]
async fn sessions_that_are_not_there_or_not_used_are_refused() {
    let world = World::saying([]);
    let nobody = json!({"session": "01ARZ3NDEKTSV4RRFFQ69G5FAV"});
    assert_eq!(
        world
            .post(CHAT, &said(&["Hello"], nobody.clone()))
            .await
            .refusal()
            .0,
        404
    );
    let mut off = nobody;
    off["memory"] = json!("off");
    assert_eq!(
        world.post(CHAT, &said(&["Hello"], off)).await.refusal().2,
        "scrubjay.session"
    );
    let mut many = said(&["Hello"], json!({"memory": "use"}));
    many["n"] = json!(2);
    assert_eq!(world.post(CHAT, &many).await.refusal().2, "n");
}

#[tokio::test]
async fn what_is_too_long_is_not_written_down() {
    let world = World::saying([]);
    let long = "x".repeat(9_000);
    let refused = world
        .post(CHAT, &said(&[&long], json!({"memory": "use"})))
        .await;
    assert_eq!(refused.refusal().1, "context_length_exceeded");
    assert!(world.memory.sessions().unwrap().is_empty());
}

#[tokio::test]
async fn responses_use_memory_as_well() {
    let world = World::saying(["Noted."]);
    let request = json!({
        "model": "nano", "input": "My cat is called Miso", "scrubjay": {"memory": "use"},
    });
    let answer = world.post("/v1/responses", &request).await.json();
    assert_eq!(answer["scrubjay"]["memory"], "use");
    assert_eq!(world.memory.memories(&Filter::default()).unwrap().len(), 1);
}
