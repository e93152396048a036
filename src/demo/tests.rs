use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{Request, StatusCode};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::Full;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::settings::Environment;
use super::upstream::Upstreams;
use super::{DemoError, api, gateway, store};

/// Parts of the demo system on loopback ports of their own.
struct Parts {
    stop: CancellationToken,
    tasks: TaskTracker,
    client: Upstreams,
    dir: tempfile::TempDir,
}

impl Parts {
    fn new() -> Self {
        Self {
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            client: Upstreams::new(Vec::new()),
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn run(&self, part: impl Future<Output = Result<(), DemoError>> + Send + 'static) {
        self.tasks.spawn(async move { part.await.unwrap() });
    }

    async fn store(&self, stop: &CancellationToken, addr: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind(addr).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let dir = self.dir.path().display().to_string();
        let settings = Environment(|n: &str| (n == "DATA_DIR").then(|| dir.clone())).store();
        let (settings, stop) = (settings.unwrap(), stop.clone());
        self.run(async move { store::serve(listener, &settings, stop).await });
        addr
    }

    async fn api(&self, pairs: &[(&str, &str)]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let find = |n: &str| pairs.iter().find(|(k, _)| *k == n).map(|(_, v)| (*v).to_owned());
        self.run(api::serve(listener, Environment(find).api().unwrap(), self.stop.clone()));
        addr
    }

    async fn gateway(&self, apis: &str) -> SocketAddr {
        self.limited_gateway(apis, "").await
    }

    async fn limited_gateway(&self, apis: &str, rate: &str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let pairs = [("API_ADDRS", apis), ("RATE_LIMIT_PER_S", rate)];
        let find = |n: &str| pairs.iter().find(|(k, _)| *k == n).map(|(_, v)| (*v).to_owned());
        self.run(gateway::serve(listener, Environment(find).gateway().unwrap(), self.stop.clone()));
        addr
    }

    async fn ask(
        &self,
        addr: SocketAddr,
        method: &str,
        path: &str,
        token: &str,
        body: &str,
    ) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "demo")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"))
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        let answer = self.client.send(addr, &request).await.unwrap();
        let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        (answer.status(), body)
    }

    async fn log_in(&self, addr: SocketAddr) -> String {
        let body = r#"{"user":"u1","password":"pw"}"#;
        let (status, answer) = self.ask(addr, "POST", "/auth/login", "", body).await;
        assert_eq!(status, 200, "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    }

    async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(Duration::from_secs(5), self.tasks.wait()).await.unwrap();
    }
}

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const ORDER: &str = r#"{"sku":"a1","quantity":2}"#;

#[tokio::test]
async fn an_order_passes_through_all_three_and_survives_a_restart_of_the_store() {
    let parts = Parts::new();
    let store_stop = CancellationToken::new();
    let store = parts.store(&store_stop, ANY).await;
    let store_addr = store.to_string();
    let one = parts.api(&[("STORE_ADDR", &store_addr)]).await;
    let two = parts.api(&[("STORE_ADDR", &store_addr)]).await;
    let gateway = parts.gateway(&format!("{one},{two}")).await;
    // The gateway knows its api as soon as its first look-up is done.
    while parts.ask(gateway, "GET", "/health?deep=1", "", "").await.0 != 200 {
        tokio::task::yield_now().await;
    }
    let token = parts.log_in(one).await;
    for n in 1..=4 {
        let (status, answer) = parts.ask(gateway, "POST", "/orders", &token, ORDER).await;
        assert_eq!((status.as_u16(), answer["order"].as_u64()), (201, Some(n)), "{answer}");
    }
    let (status, item) = parts.ask(gateway, "GET", "/items/7", "", "").await;
    assert_eq!((status.as_u16(), item["id"].as_u64()), (200, Some(7)));

    store_stop.cancel();
    while parts.ask(gateway, "GET", "/orders/count", "", "").await.0 != 503 {
        tokio::task::yield_now().await;
    }
    assert_eq!(parts.ask(gateway, "POST", "/orders", &token, ORDER).await.0, 503);
    assert_eq!(parts.ask(gateway, "GET", "/health", "", "").await.0, 200);
    let mut listening = TcpListener::bind(store).await;
    while listening.is_err() {
        tokio::task::yield_now().await;
        listening = TcpListener::bind(store).await;
    }
    drop(listening);
    parts.store(&parts.stop, store).await;
    let (status, answer) = parts.ask(gateway, "GET", "/orders/count", "", "").await;
    assert_eq!((status.as_u16(), answer["count"].as_u64()), (200, Some(4)), "{answer}");
    parts.end().await;
}

#[tokio::test]
async fn a_missing_a_false_and_an_expired_token_are_refused() {
    let parts = Parts::new();
    let store = parts.store(&parts.stop, ANY).await.to_string();
    let api = parts.api(&[("STORE_ADDR", &store), ("TOKEN_TTL_S", "1")]).await;
    let stranger = parts.api(&[("STORE_ADDR", &store), ("TOKEN_SECRET", "other")]).await;
    let token = parts.log_in(api).await;
    assert_eq!(parts.ask(api, "POST", "/orders", "", ORDER).await.0, 401);
    let foreign = parts.log_in(stranger).await;
    assert_eq!(parts.ask(api, "POST", "/orders", &foreign, ORDER).await.0, 401);
    let began = crate::clock::wall();
    let mut status = parts.ask(api, "POST", "/orders", &token, ORDER).await.0;
    while status == 201 && crate::clock::wall().duration_since(began).as_secs() < 5 {
        tokio::task::yield_now().await;
        status = parts.ask(api, "POST", "/orders", &token, ORDER).await.0;
    }
    assert_eq!(status, 401, "after its second it is expired");
    parts.end().await;
}

#[tokio::test]
async fn when_a_replica_refuses_a_get_goes_to_the_other() {
    let parts = Parts::new();
    let store = parts.store(&parts.stop, ANY).await.to_string();
    let api = parts.api(&[("STORE_ADDR", &store)]).await;
    let dead = TcpListener::bind(ANY).await.unwrap().local_addr().unwrap();
    let gateway = parts.gateway(&format!("{dead},{api}")).await;
    while parts.ask(gateway, "GET", "/health?deep=1", "", "").await.0 != 200 {
        tokio::task::yield_now().await;
    }
    for id in 1..=20 {
        assert_eq!(parts.ask(gateway, "GET", &format!("/items/{id}"), "", "").await.0, 200);
    }
    parts.end().await;
}

#[tokio::test]
async fn switches_show_in_answers_and_in_metrics() {
    let parts = Parts::new();
    let api = parts
        .api(&[("ERROR_PERCENT", "50"), ("RATE_LIMIT_PER_S", "4"), ("STORE_ADDR", "127.0.0.1:1")])
        .await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(parts.ask(api, "GET", "/items/1", "", "").await.0.as_u16());
    }
    assert_eq!(seen[..5], [200, 500, 200, 500, 429]);
    assert_eq!(parts.ask(api, "GET", "/health", "", "").await.0, 200);
    assert_eq!(parts.ask(api, "GET", "/health?deep=1", "", "").await.0, 503);
    let request = Request::builder().uri("/metrics").header("host", "demo");
    let request = request.body(Full::default()).unwrap();
    let answer = parts.client.send(api, &request).await.unwrap();
    let text = String::from_utf8(answer.body().to_vec()).unwrap();
    assert!(text.contains("route=\"/items/{id}\",status=\"500\"} 2"), "{text}");
    parts.end().await;
}

#[tokio::test]
async fn a_gateway_may_be_the_bottleneck_of_all_replicas() {
    let parts = Parts::new();
    let api = parts.api(&[("STORE_ADDR", "127.0.0.1:1")]).await;
    let gateway = parts.limited_gateway(&api.to_string(), "2").await;
    let mut seen = Vec::new();
    while seen.iter().filter(|status| **status == 200).count() < 2 {
        // Until it has found the replica there are others, which count against its limit as well.
        tokio::time::sleep(Duration::from_millis(600)).await;
        seen.push(parts.ask(gateway, "GET", "/items/1", "", "").await.0.as_u16());
    }
    for _ in 0..3 {
        seen.push(parts.ask(gateway, "GET", "/items/1", "", "").await.0.as_u16());
    }
    assert_eq!(seen.last(), Some(&429), "{seen:?}");
    assert_eq!(parts.ask(gateway, "GET", "/health", "", "").await.0, 200);
    parts.end().await;
}

#[tokio::test]
async fn transactions_blocks_a_quota_and_an_echo_are_there() {
    let parts = Parts::new();
    let store = parts.store(&parts.stop, ANY).await.to_string();
    let settings =
        [("STORE_ADDR", store.as_str()), ("LIMITED_PER_MIN", "3"), ("BLOCK_INTERVAL_MS", "1")];
    let api = parts.api(&settings).await;
    let body = |arguments: usize| {
        serde_json::json!({ "method": "mint", "arguments": vec!["x".repeat(100); arguments] })
            .to_string()
    };
    assert_eq!(parts.ask(api, "POST", "/transactions", "", &body(1)).await.0, 401);
    let token = parts.log_in(api).await;
    for (n, arguments) in [(1, 1), (2, 10), (3, 100), (4, 1000)] {
        let (status, answer) =
            parts.ask(api, "POST", "/transactions", &token, &body(arguments)).await;
        let numbers = (answer["transaction"].as_u64(), answer["arguments"].as_u64());
        assert_eq!((status.as_u16(), numbers), (201, (Some(n), Some(arguments as u64))));
    }
    for arguments in [0, 1001] {
        let (status, _) = parts.ask(api, "POST", "/transactions", &token, &body(arguments)).await;
        assert_eq!(status, 422);
    }
    let height =
        async || parts.ask(api, "GET", "/block", "", "").await.1["height"].as_u64().unwrap();
    let first = height().await;
    while height().await == first {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        assert_eq!(parts.ask(api, "GET", "/limited", "", "").await.0, 200);
    }
    assert_eq!(parts.ask(api, "GET", "/limited", "", "").await.0, 429);

    let url = format!("ws://{api}/ws");
    let stream = tokio::net::TcpStream::connect(api).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    for text in ["one", "two"] {
        socket.send(text.into()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap().into_text().unwrap().as_str(), text);
    }
    socket.close(None).await.unwrap();
    parts.end().await;
}
