//! Our own routes, and the document that describes them.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::world::World;

const DOCUMENT: &str = include_str!("../../../assets/openapi.json");

/// The document names every route and method, and no other.
#[tokio::test]
async fn the_document_describes_the_routes_that_are_there() {
    let world = World::saying([]);
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let described = document["paths"].as_object().unwrap();
    let mut paths: Vec<&str> = described.keys().map(String::as_str).collect();
    let mut routes: Vec<&str> = crate::server::api::routes()
        .iter()
        .map(|r| r.path)
        .collect();
    paths.sort_unstable();
    routes.sort_unstable();
    assert_eq!(paths, routes);
    for (path, methods) in described {
        for method in ["get", "post", "put", "patch", "delete"] {
            let path = path.replace("{id}", "none").replace("{name}", "none");
            let request = Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(&path);
            let answer = world.ask(request.body(Body::empty()).unwrap()).await;
            let is_there = answer.status != 405;
            assert_eq!(is_there, methods.get(method).is_some(), "{method} {path}");
        }
    }
    assert_eq!(world.get("/api/openapi.json").await.json(), document);
}

/// A body that the document describes is understood, one with more is not.
#[tokio::test]
async fn the_document_describes_the_bodies_that_are_taken() {
    let world = World::saying([]);
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let schema = &methods["post"]["requestBody"]["content"]["application/json"]["schema"];
        let Some(fields) = schema["properties"].as_object() else {
            continue;
        };
        let example = |kind: &Value| match kind["type"].as_str() {
            Some("string") => json!("x"),
            Some("integer" | "number") => json!(1),
            Some("boolean") => json!(true),
            Some("array") => json!([1]),
            _ if kind["$ref"].is_string() => json!({}),
            _ => Value::Null,
        };
        let mut body: Value = fields
            .iter()
            .map(|(name, kind)| (name.clone(), example(kind)))
            .collect();
        if path == "/api/generate" {
            body["stop"] = json!(["x"]);
        }
        let path = path.replace("{id}", "none").replace("{name}", "none");
        let known = world.post(&path, &body).await;
        // An adapter that is not there is a wrong value, too.
        if !path.starts_with("/api/adapters") {
            assert_ne!(known.status, 400, "{path}: {body}: {}", known.text);
        }
        body["mood"] = json!("good");
        let refused = world.post(&path, &body).await;
        assert_eq!(refused.status, 400, "{path}");
        assert!(
            refused.text.contains("mood") || refused.text.contains("does not fit"),
            "{path}"
        );
    }
}

async fn remember(world: &World, text: &str) -> String {
    let kept = world.post("/api/memories", &json!({"text": text})).await;
    assert_eq!(kept.status, 200, "{}", kept.text);
    kept.json()["memories"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn delete(world: &World, path: &str) -> super::world::Answer {
    world
        .ask(Request::delete(path).body(Body::empty()).unwrap())
        .await
}

#[tokio::test]
async fn a_memory_is_kept_found_corrected_and_forgotten_with_a_receipt() {
    let world = World::saying([]);
    let id = remember(&world, "My sister Maya lives in Lisbon").await;

    let query = json!({"query": "Where does Maya live?"});
    let found = world.post("/api/memories/search", &query).await.json();
    assert_eq!(found["data"][0]["text"], "My sister Maya lives in Lisbon");

    let correct = json!({"text": "My sister Maya lives in Porto"});
    let corrected = world
        .post(&format!("/api/memories/{id}/correct"), &correct)
        .await
        .json();
    assert_eq!(corrected["superseded"][0]["id"], id.as_str());
    let newer = corrected["memories"][0]["id"].as_str().unwrap().to_owned();
    let old = world.get(&format!("/api/memories/{id}")).await.json();
    assert_eq!(old["successor"], newer.as_str());
    assert_eq!(old["said"][0]["text"], "My sister Maya lives in Lisbon");

    let pin = world
        .post(
            &format!("/api/memories/{newer}/pin"),
            &json!({"pinned": true}),
        )
        .await;
    assert_eq!(pin.json()["pinned"], true);
    let list = world.get("/api/memories?limit=5").await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    let all = world.get("/api/memories?superseded=true").await.json();
    assert_eq!(all["data"].as_array().unwrap().len(), 2);

    let receipt = delete(&world, &format!("/api/memories/{newer}"))
        .await
        .json();
    assert_eq!(receipt["memories"], json!([newer]));
    assert!(receipt["typed"].as_u64().unwrap() > 0);
    assert_eq!(
        world
            .get(&format!("/api/memories/{newer}"))
            .await
            .refusal()
            .0,
        404
    );
}

#[tokio::test]
async fn conversations_are_listed_shown_and_deleted() {
    let world = World::saying(["Noted."]);
    let id = world
        .post("/api/sessions", &json!({"title": "test"}))
        .await
        .json();
    let id = id["id"].as_str().unwrap().to_owned();
    let request = json!({
        "model": "nano", "messages": [{"role": "user", "content": "My cat is called Miso"}],
        "scrubjay": {"session": id},
    });
    let answer = world.post("/v1/chat/completions", &request).await.json();
    let answer = answer["scrubjay"]["answer"].as_str().unwrap().to_owned();

    let shown = world.get(&format!("/api/sessions/{id}")).await.json();
    assert_eq!(shown["episodes"][0]["text"], "My cat is called Miso");
    assert_eq!(shown["episodes"][1]["id"], answer.as_str());
    let feedback = json!({"rating": 2, "correction": "Noted: Miso."});
    let feedback = world
        .post(&format!("/api/answers/{answer}/feedback"), &feedback)
        .await
        .json();
    assert_eq!(feedback["correction"], "Noted: Miso.");
    assert_eq!(
        world.get("/api/sessions").await.json()["data"][0]["turns"],
        2
    );

    let receipt = delete(&world, &format!("/api/sessions/{id}")).await.json();
    assert_eq!(receipt["episodes"].as_array().unwrap().len(), 2);
    assert_eq!(
        delete(&world, &format!("/api/sessions/{id}"))
            .await
            .refusal()
            .0,
        404
    );
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_refused() {
    let world = World::saying([]);
    assert_eq!(world.get("/api/memories/NONE").await.refusal().0, 404);
    assert_eq!(world.get("/api/memories?mood=good").await.refusal().0, 400);
    assert_eq!(world.get("/api/sessions/xyz").await.refusal().0, 400);
    assert_eq!(
        world
            .post("/api/memories", &json!({"text": " "}))
            .await
            .refusal()
            .2,
        "text"
    );
    let rating = json!({"rating": 6});
    assert_eq!(
        world
            .post("/api/answers/NONE/feedback", &rating)
            .await
            .refusal()
            .2,
        "rating"
    );
    assert_eq!(
        world
            .post("/api/answers/NONE/feedback", &json!({}))
            .await
            .refusal()
            .0,
        400
    );
}

#[tokio::test]
async fn status_and_metrics_count_what_was_done() {
    let world = World::saying(["Hi."]);
    let request = json!({"model": "nano", "messages": [{"role": "user", "content": "Hello"}]});
    world.post("/v1/chat/completions", &request).await;
    let status = world.get("/api/status").await.json();
    assert_eq!(status["model"]["requests"], 1);
    assert_eq!(status["memory"]["memories"], 0);
    let page = world.get("/metrics").await.text;
    for line in [
        "scrubjay_requests_total{route=\"/v1/chat/completions\",status=\"200\"} 1",
        "scrubjay_answers_total 1",
        "scrubjay_generated_tokens_total 3",
        "scrubjay_time_to_first_token_seconds_count 1",
        "scrubjay_adapter{model=\"nano\",adapter=\"\"} 1",
    ] {
        assert!(page.contains(line), "{line} in\n{page}");
    }
    assert!(!page.contains("Hello"));
}
