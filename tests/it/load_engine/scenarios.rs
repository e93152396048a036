//! What one arrival does: several steps, captures, sessions and their renewal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get as on_get, post as on_post};
use axum::{Json, Router};
use longhaul::experiment::{Body, Capture, CaptureSource, Method, Step};
use serde_json::{Value, json};

use super::rig::{Server, get, hold, http, start, template};

fn capture(name: &str, from: CaptureSource) -> Capture {
    Capture { name: name.to_owned(), from }
}

#[tokio::test(flavor = "multi_thread")]
async fn captured_values_reach_later_steps() {
    let router = Router::new()
        .route(
            "/orders",
            on_post(async |Json(body): Json<Value>| {
                assert_eq!(body["sku"], "a\"1");
                ([("x-next", "n5")], Json(json!({ "id": 41 })))
            }),
        )
        .route(
            "/orders/{id}/{next}",
            on_get(async |Path((id, next)): Path<(u32, String)>| {
                if (id, next.as_str()) == (41, "n5") {
                    StatusCode::OK
                } else {
                    StatusCode::NOT_FOUND
                }
            }),
        );
    let server = Server::axum(router);
    let mut order = http("order", Method::Post, &server.url("/orders"));
    order.body = Some(Body::Json(template(r#"{"sku":"a\"1"}"#)));
    order.capture = vec![
        capture("id", CaptureSource::Json("/id".to_owned())),
        capture("next", CaptureSource::Header("x-next".to_owned())),
    ];
    let look = get(&server.url("/orders/{{id}}/{{next}}"));
    let result = start(hold(50.0, Duration::from_secs(1), vec![order, look])).finish().await;
    assert_eq!(result.counts.ok, 50, "{:?}", result.errors());
    let requests: Vec<u64> = (0..2)
        .map(|id| {
            result
                .slices
                .iter()
                .flat_map(|s| &s.steps)
                .filter(|s| s.step.0 == id)
                .map(|s| s.counts.ok)
                .sum()
        })
        .collect();
    assert_eq!(requests, [50, 50]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_capture_and_a_wrong_body_fail_the_arrival() {
    let server = Server::axum(Router::new().fallback(async || "{}"));
    let mut first = get(&server.url("/"));
    first.capture = vec![capture("token", CaptureSource::Json("/token".to_owned()))];
    let second = get(&server.url("/never"));
    let result = start(hold(20.0, Duration::from_secs(1), vec![first, second])).finish().await;
    assert_eq!(result.counts.failed, 20);
    assert_eq!(result.errors().get("capture token missing"), Some(&20));
    let mut step = get(&server.url("/"));
    step.expect.body_contains = Some("hello".to_owned());
    let result = start(hold(20.0, Duration::from_secs(1), vec![step])).finish().await;
    assert_eq!(result.errors().get("body mismatch"), Some(&20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_renewed_after_a_401() {
    let (logins, served) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (count, spent) = (Arc::clone(&logins), Arc::clone(&served));
    let router = Router::new()
        .route(
            "/login",
            on_post(move || {
                let token = count.fetch_add(1, Ordering::SeqCst) + 1;
                async move { Json(json!({ "token": format!("t{token}") })) }
            }),
        )
        .route(
            "/work",
            // Every tenth request, whoever sends it, finds its token expired; a new token works at once.
            on_get(move |headers: HeaderMap| {
                let spent = Arc::clone(&spent);
                async move {
                    let token = headers["authorization"].to_str().unwrap().to_owned();
                    assert!(token.starts_with("Bearer t"));
                    if spent.fetch_add(1, Ordering::SeqCst) % 10 == 9 {
                        StatusCode::UNAUTHORIZED
                    } else {
                        StatusCode::OK
                    }
                }
            }),
        );
    let server = Server::axum(router);
    let mut work = get(&server.url("/work"));
    work.headers = vec![("authorization".to_owned(), template("Bearer {{token}}"))];
    let mut load = hold(100.0, Duration::from_secs(2), vec![work]);
    let mut login = http("login", Method::Post, &server.url("/login"));
    login.capture = vec![capture("token", CaptureSource::Json("/token".to_owned()))];
    load.scenarios[0].session = vec![Step::Http(login)];
    let result = start(load).finish().await;
    assert_eq!((result.counts.scheduled, result.counts.ok), (200, 200), "{:?}", result.errors());
    let renewed = result.errors().get("status 401, session renewed").copied().unwrap_or_default();
    // 200 good answers and one in ten a 401: 222 requests.
    assert_eq!((renewed, served.load(Ordering::SeqCst)), (22, 222));
    let logins = logins.load(Ordering::SeqCst);
    assert!(logins > renewed && logins <= renewed + 100, "{logins}");
    let steps = |id: u16| {
        let all = result.slices.iter().flat_map(|s| &s.steps).filter(move |s| s.step.0 == id);
        all.map(|s| s.counts.scheduled).sum::<u64>()
    };
    assert_eq!((steps(0), steps(1)), (logins, 222));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_fails_fails_the_arrival() {
    let server = Server::axum(Router::new());
    let mut load = hold(20.0, Duration::from_secs(1), vec![get(&server.url("/work"))]);
    let login = http("login", Method::Post, &server.url("/login"));
    load.scenarios[0].session = vec![Step::Http(login)];
    let result = start(load).finish().await;
    assert_eq!(result.counts.failed, 20);
    assert_eq!(result.errors().get("status 404"), Some(&20));
    assert!(result.slices.iter().flat_map(|s| &s.steps).all(|s| s.step.0 == 0));
}
