use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::api::Api;
use super::http::problem;
use crate::clock::wall;

/// The body of `POST /auth/login`.
#[derive(Deserialize)]
pub(super) struct Login {
    user: String,
    password: String,
}

/// `POST /auth/login`: any plain user name with any password gets a token.
pub(super) async fn login(State(api): State<Arc<Api>>, Json(login): Json<Login>) -> Response {
    let plain = (1..=64).contains(&login.user.len())
        && login.user.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !plain || login.password.is_empty() {
        return problem(StatusCode::UNAUTHORIZED, "unknown user or wrong password");
    }
    let lasts = api.token_ttl.as_secs();
    let expiry = wall().as_second().saturating_add(lasts as i64);
    Json(serde_json::json!({
        "access_token": api.tokens.issue(&login.user, expiry),
        "token_type": "Bearer",
        "expires_in": lasts,
    }))
    .into_response()
}

/// Whose bearer token the request carries; none when it is absent, false or expired.
pub(super) fn bearer(api: &Api, headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(())?;
    api.tokens.user(token.trim(), wall().as_second()).map(str::to_owned)
}
