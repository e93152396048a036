//! What test plans of blockchain platforms ask for: transactions of any size, and blocks that come at their pace.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::api::Api;
use super::auth;
use super::http::problem;
use super::wire::{Reply, Request as StoreRequest};
use crate::clock::wall;

/// The body of `POST /transactions`.
#[derive(Deserialize)]
pub(super) struct Transaction {
    method: String,
    arguments: Vec<serde_json::Value>,
}

/// Arguments of a transaction at most.
const ARGUMENTS: usize = 1000;

/// `POST /transactions`: of a method with 1 to 1000 arguments; the store keeps that it happened.
pub(super) async fn transact(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    Json(transaction): Json<Transaction>,
) -> Response {
    let Some(user) = auth::bearer(&api, &headers) else {
        let answer = problem(StatusCode::UNAUTHORIZED, "log in first, or again");
        return ([(header::WWW_AUTHENTICATE, "Bearer")], answer).into_response();
    };
    let Transaction { method, arguments } = transaction;
    if !(1..=64).contains(&method.len()) || !(1..=ARGUMENTS).contains(&arguments.len()) {
        let reason = "a transaction has a method of 1 to 64 characters and 1 to 1000 arguments";
        return problem(StatusCode::UNPROCESSABLE_ENTITY, reason);
    }
    let count = arguments.len();
    let line = serde_json::json!({ "user": user, "method": method, "arguments": count });
    let add = StoreRequest::Add { list: "transactions".to_owned(), value: line.to_string() };
    match api.store.ask(&add).await {
        Ok(Reply::Ok(number)) => {
            let body = serde_json::json!({ "transaction": number, "arguments": count });
            (StatusCode::CREATED, Json(body)).into_response()
        }
        other => super::api::store_trouble(other),
    }
}

/// `GET /block`: the height of a chain that gains a block at every interval of wall-clock time, the same in every
/// replica, and how old its last block is.
pub(super) async fn block(State(api): State<Arc<Api>>) -> impl IntoResponse {
    let now = u64::try_from(wall().as_millisecond()).unwrap_or(0);
    let interval = u64::try_from(api.block_interval.as_millis()).unwrap_or(u64::MAX).max(1);
    Json(serde_json::json!({ "height": now / interval, "age_ms": now % interval }))
}
