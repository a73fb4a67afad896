//! Who gets in.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use super::world::{Answer, World, posted};
use crate::memory::query::MemoryUse;
use crate::server::access::Door;
use crate::server::access::token::Scope;

const CHAT: &str = "/v1/chat/completions";

fn door(address: &str) -> Door {
    Door::Tcp(address.parse::<SocketAddr>().unwrap())
}

fn here() -> Door {
    door("127.0.0.1:7411")
}

fn elsewhere() -> Door {
    door("192.168.1.5:7411")
}

/// Asks with these headers.
async fn ask(world: &World, door: Door, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world
        .ask_at(door, request.body(Body::empty()).unwrap())
        .await
}

#[tokio::test]
async fn on_this_machine_no_token_is_needed_and_elsewhere_one_is() {
    let world = World::saying([]);
    let local = ask(&world, here(), "/v1/models", &[("host", "localhost:7411")]).await;
    assert_eq!(local.status, 200);
    let own = ("host", "192.168.1.5:7411");
    let remote = ask(&world, elsewhere(), "/v1/models", &[own]).await;
    assert_eq!(remote.refusal().0, 401);
    let token = format!("Bearer {}", world.token("phone", &[Scope::Chat]));
    let known = ask(
        &world,
        elsewhere(),
        "/v1/models",
        &[own, ("authorization", &token)],
    )
    .await;
    assert_eq!(known.status, 200);
    let health = ask(&world, elsewhere(), "/health", &[own]).await;
    assert_eq!(health.status, 200);
}

#[tokio::test]
async fn a_token_opens_what_its_scopes_say_until_it_is_revoked() {
    let world = World::saying([]);
    let token = format!("Bearer {}", world.token("phone", &[Scope::Chat]));
    let with = [("host", "localhost"), ("authorization", token.as_str())];
    assert_eq!(ask(&world, here(), "/v1/models", &with).await.status, 200);
    let memories = ask(&world, here(), "/api/memories", &with).await;
    assert_eq!(
        memories.refusal(),
        (403, "missing_scope".into(), String::new())
    );
    assert_eq!(
        ask(&world, here(), "/metrics", &with).await.refusal().0,
        403
    );
    world.revoke("phone");
    // It was one of ours: where none is needed it still says who asks.
    assert_eq!(
        ask(&world, here(), "/v1/models", &with).await.refusal().0,
        401
    );
    let anything = [("host", "localhost"), ("authorization", "Bearer unused")];
    assert_eq!(
        ask(&world, here(), "/v1/models", &anything).await.status,
        200
    );
}

#[tokio::test]
async fn the_owner_may_want_a_token_here_too() {
    let world = World::saying([]);
    world.set(|settings| settings.require_token = true);
    let host = ("host", "localhost");
    assert_eq!(
        ask(&world, here(), "/v1/models", &[host]).await.refusal().0,
        401
    );
    let unused = ("authorization", "Bearer unused");
    assert_eq!(
        ask(&world, here(), "/v1/models", &[host, unused])
            .await
            .refusal()
            .0,
        401
    );
    assert_eq!(world.get("/v1/models").await.status, 200);
}

#[tokio::test]
async fn names_that_are_not_ours_are_refused() {
    let world = World::saying([]);
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:7411",
        "",
    ] {
        let refused = ask(&world, here(), "/v1/models", &[("host", host)]).await;
        assert_eq!(refused.refusal().1, "host_not_allowed", "{host}");
    }
    assert_eq!(ask(&world, here(), "/health", &[]).await.refusal().0, 403);
    world.set(|settings| settings.hosts = vec!["jay.local".to_owned()]);
    let named = ask(&world, here(), "/v1/models", &[("host", "jay.local:7411")]).await;
    assert_eq!(named.status, 200);
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let world = World::saying([]);
    let host = ("host", "localhost:7411");
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost:8080",
        "file://",
    ] {
        let refused = ask(&world, here(), "/v1/models", &[host, ("origin", origin)]).await;
        assert_eq!(refused.refusal().1, "origin_not_allowed", "{origin}");
    }
    let own = ask(
        &world,
        here(),
        "/v1/models",
        &[host, ("origin", "http://localhost:7411")],
    )
    .await;
    assert_eq!(own.status, 200);
    let image = ask(
        &world,
        here(),
        "/v1/models",
        &[host, ("sec-fetch-site", "cross-site")],
    )
    .await;
    assert_eq!(image.refusal().0, 403);
    let link = ask(
        &world,
        here(),
        "/health",
        &[host, ("sec-fetch-site", "cross-site")],
    )
    .await;
    assert_eq!(link.status, 200);
}

#[tokio::test]
async fn a_token_of_its_owner_uses_memory_unless_told_otherwise() {
    let world = World::saying(["a", "b", "c", "d"]);
    let owner = world.token("laptop", &[Scope::Chat, Scope::Memory]);
    let guest = world.token("guest", &[Scope::Chat]);
    let chat = |token: &str, memory: &str| {
        let mut body = json!({"model": "nano", "messages": [{"role": "user", "content": "Hello"}]});
        if !memory.is_empty() {
            body["scrubjay"] = json!({"memory": memory});
        }
        let mut request = posted(CHAT, body.to_string());
        let headers = request.headers_mut();
        headers.insert("host", "localhost".parse().unwrap());
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        world.ask_at(here(), request)
    };
    let memory = |answer: Answer| {
        answer.json()["scrubjay"]["memory"]
            .as_str()
            .map(str::to_owned)
    };
    assert_eq!(memory(chat(&owner, "").await).as_deref(), Some("use"));
    assert_eq!(memory(chat(&owner, "off").await), None);
    assert_eq!(memory(chat(&guest, "").await), None);
    assert_eq!(chat(&guest, "use").await.refusal().1, "missing_scope");
    world.set(|settings| settings.memory = MemoryUse::ReadOnly);
    assert_eq!(memory(chat(&owner, "").await).as_deref(), Some("read_only"));
}
