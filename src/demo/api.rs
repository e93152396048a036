use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::cache::Cache;
use super::http::problem;
use super::item::Item;
use super::metrics::Metrics;
use super::quota::Quota;
use super::spool::Spool;
use super::store_client::{StoreClient, StoreError};
use super::switches::{Fate, Mischief};
use super::token::TokenKey;
use super::wire::{Reply, Request as StoreRequest};
use super::{ApiSettings, DemoError, auth, chain, echo};
use crate::clock::monotonic;

/// One replica.
pub(super) struct Api {
    pub(super) tokens: TokenKey,
    pub(super) token_ttl: Duration,
    pub(super) store: StoreClient,
    /// Time between two blocks.
    pub(super) block_interval: Duration,
    quota: Quota,
    mischief: Mischief,
    cache: Cache,
    spool: Option<Spool>,
    add_latency: Duration,
    metrics: Metrics,
}

/// Serves until `stop`.
pub(super) async fn serve(
    listener: TcpListener,
    settings: ApiSettings,
    stop: CancellationToken,
) -> Result<(), DemoError> {
    let port = listener.local_addr().map_or(0, |addr| addr.port());
    let spool = settings.spool.as_ref().map(|spool| Spool::open(spool, port)).transpose()?;
    let api = Arc::new(Api {
        tokens: TokenKey::new(&settings.token_secret),
        token_ttl: settings.token_ttl,
        mischief: Mischief::new(settings.switches, settings.store.clone()),
        store: StoreClient::new(settings.store),
        block_interval: settings.block_interval,
        quota: Quota::new(settings.limited_per_min),
        cache: Cache::new(settings.cache),
        spool,
        add_latency: settings.switches.add_latency,
        metrics: Metrics::default(),
    });
    let app = Router::new()
        .route("/items/{id}", get(item))
        .route("/auth/login", post(auth::login))
        .route("/orders", post(order))
        .route("/orders/count", get(count))
        .route("/transactions", post(chain::transact))
        .route("/block", get(chain::block))
        .route("/limited", get(limited))
        .route("/ws", get(echo::open))
        .layer(middleware::from_fn_with_state(Arc::clone(&api), misbehave))
        // Added after the layer: health and metrics tell the truth however the rest misbehaves.
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .with_state(api);
    super::http::serve(listener, app, stop).await
}

async fn misbehave(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let began = monotonic();
    let (method, route) = (method_name(request.method()), route_name(request.uri().path()));
    let response = match api.mischief.decide(began) {
        Fate::Refuse => {
            let answer = problem(StatusCode::TOO_MANY_REQUESTS, "too many requests");
            ([(header::RETRY_AFTER, "1")], answer).into_response()
        }
        fate => {
            if api.add_latency > Duration::ZERO {
                tokio::time::sleep(api.add_latency).await;
            }
            if let Some(spool) = &api.spool {
                spool.add();
            }
            if fate == Fate::Fail {
                problem(StatusCode::INTERNAL_SERVER_ERROR, "switched on by ERROR_PERCENT")
            } else {
                next.run(request).await
            }
        }
    };
    let took = monotonic().saturating_duration_since(began);
    api.metrics.count(method, route, response.status().as_u16(), took);
    response
}

fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        _ => "other",
    }
}

fn route_name(path: &str) -> &'static str {
    match path {
        "/auth/login" => "/auth/login",
        "/orders" => "/orders",
        "/orders/count" => "/orders/count",
        "/transactions" => "/transactions",
        "/block" => "/block",
        "/limited" => "/limited",
        "/ws" => "/ws",
        _ if path.starts_with("/items/") => "/items/{id}",
        _ => "other",
    }
}

#[derive(Deserialize)]
struct Depth {
    deep: Option<String>,
}

async fn health(State(api): State<Arc<Api>>, Query(depth): Query<Depth>) -> Response {
    if depth.deep.is_none() {
        return Json(serde_json::json!({ "status": "up" })).into_response();
    }
    match api.store.ask(&StoreRequest::Ping).await {
        Ok(Reply::Pong) => {
            Json(serde_json::json!({ "status": "up", "store": "up" })).into_response()
        }
        other => store_trouble(other),
    }
}

async fn metrics(State(api): State<Arc<Api>>) -> impl IntoResponse {
    let mut text = api.metrics.text();
    for (name, help, value) in [
        (
            "store_connections",
            "Connections to the store, idle ones included.",
            api.store.connections(),
        ),
        ("queue_depth", "Requests that wait for the store.", api.store.waiting()),
    ] {
        // Writing to a string can't fail.
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}")
            .unwrap_or_default();
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

async fn item(State(api): State<Arc<Api>>, Path(id): Path<u64>) -> Json<Item> {
    api.cache.ask(id);
    Json(Item::of(id))
}

#[derive(Deserialize)]
struct Order {
    sku: String,
    quantity: Option<u32>,
}

async fn order(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    Json(order): Json<Order>,
) -> Response {
    let Some(user) = auth::bearer(&api, &headers) else {
        let answer = problem(StatusCode::UNAUTHORIZED, "log in first, or again");
        return ([(header::WWW_AUTHENTICATE, "Bearer")], answer).into_response();
    };
    if order.sku.is_empty() || order.sku.len() > 64 {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "a sku has 1 to 64 characters");
    }
    let quantity = order.quantity.unwrap_or(1);
    let line = serde_json::json!({ "user": user, "sku": order.sku, "quantity": quantity });
    let add = StoreRequest::Add { list: "orders".to_owned(), value: line.to_string() };
    match api.store.ask(&add).await {
        Ok(Reply::Ok(number)) => {
            let body =
                serde_json::json!({ "order": number, "sku": order.sku, "quantity": quantity });
            (StatusCode::CREATED, Json(body)).into_response()
        }
        other => store_trouble(other),
    }
}

async fn count(State(api): State<Arc<Api>>) -> Response {
    match api.store.ask(&StoreRequest::Count { list: "orders".to_owned() }).await {
        Ok(Reply::Ok(count)) => Json(serde_json::json!({ "count": count })).into_response(),
        other => store_trouble(other),
    }
}

/// `GET /limited`: so many a minute, then 429.
async fn limited(State(api): State<Arc<Api>>) -> Response {
    match api.quota.take(monotonic()) {
        Ok(()) => Json(serde_json::json!({ "allowed": true })).into_response(),
        Err(rest) => {
            let after = rest.as_secs_f64().ceil().to_string();
            let answer =
                problem(StatusCode::TOO_MANY_REQUESTS, "the minute's requests are used up");
            ([(header::RETRY_AFTER, after)], answer).into_response()
        }
    }
}

pub(super) fn store_trouble(answer: Result<Reply, StoreError>) -> Response {
    let reason = match answer {
        Ok(reply) => format!("the store answered {reply}"),
        Err(error) => error.to_string(),
    };
    tracing::debug!(%reason, "no use of the store");
    problem(StatusCode::SERVICE_UNAVAILABLE, &reason)
}
