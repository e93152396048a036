//! Protocols other than HTTP/1.1, against real servers.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::routing::any;
use longhaul::experiment::{
    Capture, CaptureSource, Load, Method, PostgresStep, RedisStep, Scenario, Segment, Statement,
    Step, StepTls, TcpStep, Tls, WebSocketStep,
};
use longhaul::record::Histogram;

use super::counting;
use super::real::{PASSWORD, Real};
use super::rig::{Result, Server, get, hold, http, start, template};
use super::secured::{Authority, server as secured, write};

const SECOND: Duration = Duration::from_secs(1);

/// A hold whose arrivals each do `steps`.
fn load(rate: f64, lasts: Duration, steps: Vec<Step>) -> Load {
    let mut load = hold(rate, lasts, Vec::new());
    load.scenarios[0].steps = steps;
    load
}

fn histogram(result: &Result, of: impl Fn(&longhaul::record::StepSlice) -> &Histogram) -> u64 {
    result.slices.iter().flat_map(|s| &s.steps).map(|step| of(step).len()).sum()
}

fn ok_of(result: &Result, step: u16) -> u64 {
    let steps = result.slices.iter().flat_map(|s| &s.steps);
    steps.filter(|s| s.step.0 == step).map(|s| s.counts.ok).sum()
}

fn tcp(connect: &str) -> TcpStep {
    TcpStep {
        name: "tcp".to_owned(),
        connect: connect.to_owned(),
        tls: None,
        send: None,
        expect: None,
        timeout: None,
    }
}

fn redis(server: &Real, command: &[&str]) -> RedisStep {
    RedisStep {
        name: command.join(" "),
        url: format!("redis://{}/1", server.addr),
        user: None,
        password: Some(PASSWORD.to_owned()),
        command: command.iter().map(|part| template(part)).collect(),
        expect: None,
        capture: None,
        timeout: None,
    }
}

fn websocket(url: String) -> WebSocketStep {
    WebSocketStep {
        name: "echo".to_owned(),
        url,
        headers: Vec::new(),
        send: template("hello"),
        expect: None,
        messages: 1,
        keep: true,
        hold: None,
        timeout: None,
    }
}

fn postgres(server: &Real, query: &str, params: &[&str]) -> PostgresStep {
    PostgresStep {
        name: "query".to_owned(),
        url: format!("postgres://{}/postgres", server.addr),
        user: "postgres".to_owned(),
        password: Some(PASSWORD.to_owned()),
        pool: Some(4),
        statements: vec![statement(query, params)],
        transaction: false,
        timeout: None,
    }
}

fn statement(query: &str, params: &[&str]) -> Statement {
    let params = params.iter().map(|param| template(param)).collect();
    Statement { query: query.to_owned(), params, min_rows: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_timed_from_opening_to_the_expected_answer() {
    let (router, seen) = counting();
    let server = Server::axum(router);
    let mut step = tcp(&server.addr.to_string());
    step.send = Some(template("GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"));
    step.expect = Some("200 OK".to_owned());
    let plain = Step::Tcp(step.clone());
    step.expect = Some("no such thing".to_owned());
    let mut load = load(50.0, SECOND, vec![plain, Step::Tcp(tcp(&server.addr.to_string()))]);
    load.scenarios.push(Scenario::new("wrong", vec![Step::Tcp(step)]));
    let result = start(load).finish().await;
    assert_eq!((result.counts.ok, result.counts.failed), (25, 25), "{:?}", result.errors());
    assert_eq!(result.errors().get("answer mismatch"), Some(&25));
    assert_eq!(seen.load(Ordering::SeqCst), 50);
    assert_eq!(histogram(&result, |s| &s.connect), 75);
    assert_eq!(histogram(&result, |s| &s.first_byte), 50);
    assert_eq!(histogram(&result, |s| &s.tls), 0);
    assert_eq!(result.slices.last().map(|s| s.connections), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_of_both_sides_are_timed() {
    let authority = Authority::new("own");
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.issue("client");
    let files = Tls {
        ca_file: Some(write(dir.path(), "ca.pem", &authority.certificate.pem())),
        cert_file: Some(write(dir.path(), "client.pem", &certificate.pem())),
        key_file: Some(write(dir.path(), "client.key", &key.serialize_pem())),
    };
    let server = secured(&authority);
    let mut step = tcp(&server.addr.to_string());
    step.tls = Some(StepTls { server_name: Some("localhost".to_owned()), files: files.clone() });
    step.send = Some(template("GET / HTTP/1.1\r\nhost: h\r\n\r\n"));
    step.expect = Some("200 OK".to_owned());
    let run =
        |step: TcpStep| async { start(load(20.0, SECOND, vec![Step::Tcp(step)])).finish().await };
    let result = run(step.clone()).await;
    assert_eq!(result.counts.ok, 20, "{:?}", result.errors());
    assert_eq!(histogram(&result, |s| &s.tls), 20);

    let anonymous = Tls { ca_file: files.ca_file.clone(), ..Tls::default() };
    let tls = StepTls { server_name: Some("localhost".to_owned()), files: anonymous };
    let result = run(TcpStep { tls: Some(tls), ..step.clone() }).await;
    assert_eq!(result.counts.failed, 20);
    let alert = result.errors().keys().any(|text| text.starts_with("tls: target sent alert"));
    assert!(alert, "{:?}", result.errors());

    // Without a name of its own it is the host's, which the certificate is not for.
    let result = run(TcpStep { tls: Some(StepTls { server_name: None, files }), ..step }).await;
    assert_eq!(result.errors().get("tls: certificate for another name"), Some(&20));
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_answers_commands_and_its_values_reach_later_ones() {
    let server = Real::redis();
    let mut count = redis(&server, &["INCR", "visits"]);
    count.capture = Some("visit".to_owned());
    let mut set = redis(&server, &["SET", "k{{visit}}", "v {{visit}}"]);
    set.expect = Some("OK".to_owned());
    let mut read = redis(&server, &["GET", "k{{visit}}"]);
    read.capture = Some("value".to_owned());
    let steps = [count, set, read, redis(&server, &["ECHO", "{{value}}"])];
    let result =
        start(load(200.0, SECOND, steps.into_iter().map(Step::Redis).collect())).finish().await;
    assert_eq!(result.counts.ok, 200, "{:?}", result.errors());
    assert_eq!(histogram(&result, |s| &s.first_byte), 800);
    let opened = histogram(&result, |s| &s.connect);
    assert!((1..=100).contains(&opened), "connections are used again: {opened}");

    let wrong = Step::Redis(redis(&server, &["LPUSH", "visits", "x"]));
    let mut other = redis(&server, &["GET", "visits"]);
    other.expect = Some("0".to_owned());
    let result = start(load(20.0, SECOND, vec![wrong])).finish().await;
    assert_eq!(result.errors().get("redis error WRONGTYPE"), Some(&20));
    let result = start(load(20.0, SECOND, vec![Step::Redis(other)])).finish().await;
    assert_eq!(result.errors().get("answer mismatch"), Some(&20));
    let mut stranger = redis(&server, &["PING"]);
    stranger.password = None;
    let result = start(load(20.0, SECOND, vec![Step::Redis(stranger)])).finish().await;
    assert_eq!(result.errors().get("redis error NOAUTH"), Some(&20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_dies_leaves_every_arrival_accounted_for() {
    let mut server = Real::redis();
    let count = Step::Redis(redis(&server, &["INCR", "visits"]));
    let rig = start(load(200.0, 2 * SECOND, vec![count]));
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    while server.redis_cli(&["GET", "visits"]).parse().unwrap_or(0) < 50 {
        tick.tick().await;
    }
    server.kill();
    let result = rig.finish().await;
    assert_eq!(result.counts.scheduled, 400);
    assert!(result.counts.failed > 0 && result.counts.ok > 0, "{:?}", result.counts);
    let known = ["connection refused", "connection reset", "connection closed"];
    for text in result.errors().keys() {
        assert!(known.contains(text), "{text}");
    }
}

/// Echoes messages; hangs up on `bye`, and answers `lie` with something else. Counts connections.
fn echo() -> (Router, Arc<AtomicU64>) {
    let opened = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&opened);
    let upgrade = move |socket: WebSocketUpgrade| {
        let count = Arc::clone(&count);
        async move {
            socket.on_upgrade(async move |mut socket| {
                count.fetch_add(1, Ordering::SeqCst);
                while let Some(Ok(message)) = socket.recv().await {
                    let answer = match &message {
                        Message::Text(text) if text.as_str() == "bye" => return,
                        Message::Text(text) if text.as_str() == "lie" => Message::text("truth"),
                        Message::Text(_) => message,
                        _ => continue,
                    };
                    if socket.send(answer).await.is_err() {
                        return;
                    }
                }
            })
        }
    };
    (Router::new().route("/echo", any(upgrade)), opened)
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_echoed_over_kept_and_over_held_connections() {
    let (router, opened) = echo();
    let server = Server::axum(router);
    let url = format!("ws://{}/echo", server.addr);
    let mut many = websocket(url.clone());
    many.messages = 50;
    let result = start(load(20.0, SECOND, vec![Step::WebSocket(many)])).finish().await;
    assert_eq!(result.counts.ok, 20, "{:?}", result.errors());
    assert_eq!(ok_of(&result, 0), 1000, "each message is a request");
    assert_eq!(histogram(&result, |s| &s.first_byte), 1000);
    assert!(opened.load(Ordering::SeqCst) <= 20);

    opened.store(0, Ordering::SeqCst);
    let mut held = websocket(url.clone());
    held.hold = Some(Duration::from_hours(1));
    let mut load_held = load(20.0, SECOND, vec![Step::WebSocket(held)]);
    load_held.profile.push(Segment::Pause { lasts: 2 * SECOND });
    let result = start(load_held).finish().await;
    assert_eq!(result.counts.ok, 20, "{:?}", result.errors());
    assert_eq!(opened.load(Ordering::SeqCst), 20);
    assert_eq!(result.slices[1].connections, 20, "all that arrived are held");
    assert_eq!(result.slices.last().map(|s| s.connections), Some(0));

    opened.store(0, Ordering::SeqCst);
    let mut once = websocket(url.clone());
    once.keep = false;
    let result = start(load(20.0, SECOND, vec![Step::WebSocket(once)])).finish().await;
    assert_eq!((result.counts.ok, opened.load(Ordering::SeqCst)), (20, 20));

    for (text, error) in [("bye", "connection closed"), ("lie", "message mismatch")] {
        let mut step = websocket(url.clone());
        step.send = template(text);
        let result = start(load(20.0, SECOND, vec![Step::WebSocket(step)])).finish().await;
        assert_eq!(result.counts.failed, 20);
        let reset = result.errors().get("connection reset").copied().unwrap_or(0);
        let told = result.errors().get(error).copied().unwrap_or(0);
        assert_eq!(told + reset, 20, "{:?}", result.errors());
    }
    let nowhere = websocket(format!("ws://{}/nothing", server.addr));
    let result = start(load(20.0, SECOND, vec![Step::WebSocket(nowhere)])).finish().await;
    assert_eq!(result.errors().get("status 404"), Some(&20), "{:?}", result.errors());
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_runs_prepared_queries_and_whole_transactions() {
    let server = Real::postgres();
    let mut read = postgres(&server, "SELECT name FROM item WHERE id = $1", &["7"]);
    read.statements[0].min_rows = Some(1);
    let result = start(load(100.0, SECOND, vec![Step::Postgres(read.clone())])).finish().await;
    assert_eq!(result.counts.ok, 100, "{:?}", result.errors());
    let opened = histogram(&result, |s| &s.connect);
    assert!((1..=4).contains(&opened), "the pool has 4: {opened}");
    assert!(result.slices.iter().all(|s| s.connections <= 4));

    read.statements[0].params = vec![template("1000")];
    let result = start(load(20.0, SECOND, vec![Step::Postgres(read.clone())])).finish().await;
    assert_eq!(result.errors().get("too few rows"), Some(&20));

    let insert = "INSERT INTO item VALUES ($1, $2)";
    let mut both = postgres(&server, "DELETE FROM item WHERE id = $1", &["1"]);
    both.statements.push(statement(insert, &["1", "new"]));
    both.transaction = true;
    // One after the other: two at once would insert the same row.
    both.pool = Some(1);
    let result = start(load(20.0, SECOND, vec![Step::Postgres(both.clone())])).finish().await;
    assert_eq!(result.counts.ok, 20, "{:?}", result.errors());
    assert_eq!(server.psql("SELECT name FROM item WHERE id = 1"), "new");

    // What fails takes all back.
    both.statements.push(statement(insert, &["2", "twice"]));
    let result = start(load(20.0, SECOND, vec![Step::Postgres(both)])).finish().await;
    assert_eq!(result.errors().get("postgres error 23505"), Some(&20), "{:?}", result.errors());
    assert_eq!(server.psql("SELECT count(*), max(name) FROM item WHERE id <= 2"), "2|new");

    read.statements = vec![statement("SELEKT", &[])];
    let result = start(load(20.0, SECOND, vec![Step::Postgres(read.clone())])).finish().await;
    assert_eq!(result.errors().get("postgres error 42601"), Some(&20));
    read.user = "nobody".to_owned();
    let result = start(load(20.0, SECOND, vec![Step::Postgres(read)])).finish().await;
    assert_eq!(result.errors().get("postgres error 28P01"), Some(&20));
}

async fn requests_over_http2(root: &str, ca_file: Option<&Path>) {
    let mut first = http("first", Method::Post, &format!("{root}/a"));
    first.capture = vec![
        Capture { name: "id".to_owned(), from: CaptureSource::Json("/id".to_owned()) },
        Capture { name: "next".to_owned(), from: CaptureSource::Header("x-next".to_owned()) },
    ];
    let second = get(&format!("{root}/b/{{{{id}}}}/{{{{next}}}}"));
    let steps = vec![Step::Http2(first), Step::Http2(second)];
    let mut load_both = load(100.0, SECOND, steps);
    load_both.tls.ca_file = ca_file.map(Path::to_owned);
    let result = start(load_both).finish().await;
    assert_eq!(result.counts.ok, 100, "{:?}", result.errors());
    let opened = histogram(&result, |s| &s.connect);
    assert!((1..=3).contains(&opened), "requests share connections: {opened}");
    let mut load_missing = load(20.0, SECOND, vec![Step::Http2(get(&format!("{root}/missing")))]);
    load_missing.tls.ca_file = ca_file.map(Path::to_owned);
    let result = start(load_missing).finish().await;
    assert_eq!(result.errors().get("status 404"), Some(&20), "{:?}", result.errors());
    let statuses = result.slices.iter().flat_map(|s| &s.steps).filter_map(|s| s.statuses.get(&404));
    assert_eq!(statuses.sum::<u64>(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_spoken_with_nginx_in_plain_text() {
    let server = Real::nginx(None);
    requests_over_http2(&format!("http://{}", server.addr), None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_nginx_retires_costs_no_http2_request() {
    let server = Real::nginx(None);
    // It takes 1000 requests on a connection, then says goodbye while others are under way.
    let step = Step::Http2(http("a", Method::Post, &format!("http://{}/a", server.addr)));
    let result = start(load(3000.0, SECOND, vec![step])).finish().await;
    assert_eq!(result.counts.ok, 3000, "{:?}", result.errors());
    assert!(histogram(&result, |s| &s.connect) >= 3, "each connection took a thousand at most");
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_agreed_on_with_nginx_over_tls() {
    let authority = Authority::new("own");
    let (certificate, key) = authority.issue("localhost");
    let server = Real::nginx(Some((&certificate.pem(), &key.serialize_pem())));
    let dir = tempfile::tempdir().unwrap();
    let ca_file = write(dir.path(), "ca.pem", &authority.certificate.pem());
    let root = format!("https://localhost:{}", server.addr.port());
    requests_over_http2(&root, Some(&ca_file)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http1_and_other_protocols_share_one_load() {
    let (router, seen) = counting();
    let server = Server::axum(router);
    let mut load = hold(200.0, SECOND, vec![get(&server.url("/"))]);
    let steps = vec![Step::Tcp(tcp(&server.addr.to_string()))];
    load.scenarios.push(Scenario { weight: 3, ..Scenario::new("tcp", steps) });
    let result = start(load).finish().await;
    assert_eq!((result.counts.scheduled, result.counts.ok), (200, 200), "{:?}", result.errors());
    assert_eq!((ok_of(&result, 0), ok_of(&result, 1)), (50, 150));
    assert_eq!(seen.load(Ordering::SeqCst), 50);
    assert_eq!(result.slices.iter().map(|s| s.lateness.len()).sum::<u64>(), 200);
}
