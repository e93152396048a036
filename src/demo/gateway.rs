use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http_body_util::Full;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::bucket::Bucket;
use super::http::problem;
use super::metrics::Metrics;
use super::upstream::{UpstreamError, Upstreams};
use super::{DemoError, GatewaySettings};
use crate::clock::monotonic;

/// Longest request body passed on, bytes.
const MAX_BODY: usize = 1 << 20;

/// Header fields that concern one connection only.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

struct Gateway {
    upstreams: Upstreams,
    metrics: Metrics,
    rate_limit_per_s: Option<f64>,
    bucket: Mutex<Bucket>,
}

impl Gateway {
    /// Whether it takes one more request now.
    fn admits(&self) -> bool {
        let bucket = || self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        self.rate_limit_per_s.is_none_or(|rate| bucket().grant(rate, monotonic()))
    }
}

/// Serves until `stop`: `/health` and `/metrics` are its own, all else goes to the api.
pub(super) async fn serve(
    listener: TcpListener,
    settings: GatewaySettings,
    stop: CancellationToken,
) -> Result<(), DemoError> {
    let gateway = Arc::new(Gateway {
        upstreams: Upstreams::new(settings.apis),
        metrics: Metrics::default(),
        rate_limit_per_s: settings.rate_limit_per_s,
        bucket: Mutex::default(),
    });
    let app = Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .fallback(take)
        .with_state(Arc::clone(&gateway));
    let served = async {
        let ended = super::http::serve(listener, app, stop.clone()).await;
        stop.cancel();
        ended
    };
    tokio::join!(served, gateway.upstreams.keep_looking(stop.clone())).0
}

/// Up when it runs; with `?deep`, when an api replica and its store are up too.
async fn health(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    if request.uri().query().is_some_and(|q| q.starts_with("deep")) {
        return forward(State(gateway), request).await;
    }
    ([(header::CONTENT_TYPE, "application/json")], "{\"status\":\"up\"}").into_response()
}

async fn metrics(State(gateway): State<Arc<Gateway>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], gateway.metrics.text())
}

/// Passes a request on, unless there are too many.
async fn take(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    if gateway.admits() {
        return forward(State(gateway), request).await;
    }
    let response = problem(StatusCode::TOO_MANY_REQUESTS, "too many requests");
    gateway.metrics.count("any", "any", response.status().as_u16(), Duration::ZERO);
    ([(header::RETRY_AFTER, "1")], response).into_response()
}

async fn forward(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let began = monotonic();
    let (parts, body) = request.into_parts();
    let response = match to_bytes(body, MAX_BODY).await {
        Err(_) => problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is cut off or past 1 MiB"),
        Ok(body) => {
            let mut request = Request::from_parts(parts, Full::new(body));
            for name in &HOP_BY_HOP {
                request.headers_mut().remove(name);
            }
            match balance(&gateway.upstreams, &request).await {
                Ok(answer) => {
                    let (mut parts, body) = answer.into_parts();
                    for name in &HOP_BY_HOP {
                        parts.headers.remove(name);
                    }
                    Response::from_parts(parts, Body::from(body))
                }
                Err(error) => {
                    let status = match error {
                        UpstreamError::Nobody => StatusCode::SERVICE_UNAVAILABLE,
                        UpstreamError::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
                        _ => StatusCode::BAD_GATEWAY,
                    };
                    problem(status, &error.to_string())
                }
            }
        }
    };
    let took = monotonic().saturating_duration_since(began);
    gateway.metrics.count("any", "any", response.status().as_u16(), took);
    response
}

/// Sends to the next address. A GET whose connection was refused goes to one other; nothing else is repeated.
async fn balance(
    upstreams: &Upstreams,
    request: &Request<Full<Bytes>>,
) -> Result<axum::http::Response<Bytes>, UpstreamError> {
    let first = upstreams.pick(None)?;
    match upstreams.send(first, request).await {
        Err(UpstreamError::Connect(_)) if request.method() == Method::GET => {
            upstreams.send(upstreams.pick(Some(first))?, request).await
        }
        answer => answer,
    }
}
