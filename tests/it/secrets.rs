//! Secrets reach whom they are for, and nothing else: no record, no report, no output.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use longhaul::store::Store;
use sha2::{Digest as _, Sha256};

use crate::documented::missing;
use crate::engine::{docker, ours, required};
use crate::program::{Done, Program};

/// Values that no file has by chance, with what headers, JSON and URLs write in ways of their own.
const TOKEN: &str = "tok-Zq81+/=%&x";
const KEY: &str = "key \"Wv52\\\" end";

/// Every way in which a value may be written down.
fn forms(value: &str) -> Vec<String> {
    let json = serde_json::to_string(value).expect("a text");
    let url = value.bytes().map(|b| match b {
        b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    });
    vec![value.to_owned(), json[1..json.len() - 1].to_owned(), url.collect()]
}

/// Files under a folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// The files of a folder that hold a value, compressed ones too.
fn holding(dir: &Path, values: &[&str]) -> Vec<PathBuf> {
    let forms: Vec<Vec<u8>> =
        values.iter().flat_map(|v| forms(v)).map(String::into_bytes).collect();
    let holds = |path: &PathBuf| {
        let mut bytes = std::fs::read(path).expect("a readable file");
        if path.extension().is_some_and(|e| e == "gz") {
            let mut text = Vec::new();
            flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text).expect("a gzip");
            bytes = text;
        }
        forms.iter().any(|form| bytes.windows(form.len()).any(|w| w == &form[..]))
    };
    files(dir).into_iter().filter(holds).collect()
}

/// What a run, or another command, said.
fn said(done: &Done, values: &[&str]) -> Vec<String> {
    let text = format!("{}{}", done.stdout, done.stderr);
    values.iter().flat_map(|v| forms(v)).filter(|form| text.contains(form)).collect()
}

/// A server on loopback that answers everything and keeps what it was asked.
struct Server {
    addr: std::net::SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || answer(stream, &seen));
            }
        });
        Self { addr, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics with it").clone()
    }
}

/// One request a connection: head, and as much body as its length says.
fn answer(mut stream: TcpStream, seen: &Mutex<Vec<String>>) {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        text.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&text).into_owned();
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
        })
        .unwrap_or(0_usize);
    let mut body = vec![0; length];
    if stream.read_exact(&mut body).is_err() {
        return;
    }
    let request = format!("{head}{}", String::from_utf8_lossy(&body));
    seen.lock().expect("nobody panics with it").push(request);
    let reply = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nup 1\n";
    stream.write_all(reply.as_bytes()).ok();
}

#[test]
fn secrets_are_sent_and_set_and_kept_nowhere() {
    let program = Program::new();
    let server = Server::start();
    let key = program.write("key.txt", &format!("{KEY}\n"));
    let file = program.write(
        "experiment.yaml",
        &format!(
            "version: 1
name: secretive
target:
  process:
    command: [sh, -c, 'mkdir -p {{{{dir}}}} && printf %s \"$DB_KEY\" | sha256sum > {{{{dir}}}}/sum && exec sleep 600']
    env: {{ DB_KEY: \"{{{{secret.key}}}}\" }}
secrets: {{ token: {{ env: LONGHAUL_TEST_TOKEN }}, key: {{ file: key.txt }} }}
load:
  profile: [ hold: {{ rate: 20/s, for: 3s }} ]
  scenarios:
    s:
      steps:
        - http:
            post: \"http://{addr}/orders?k={{{{secret.token}}}}\"
            headers: {{ authorization: \"Bearer {{{{secret.token}}}}\" }}
            json: {{ key: \"{{{{secret.key}}}}\" }}
sampling: {{ scrape: {{ app: \"http://{addr}/metrics?k={{{{secret.token}}}}\" }} }}
capture: {{ heap: {{ app: \"http://{addr}/heap?k={{{{secret.token}}}}\" }} }}
",
            addr = server.addr
        ),
    );
    let file = file.to_str().expect("text");
    let reports = program.path("reports");
    let reports = reports.to_str().expect("text");
    let with = |args: &[&str]| {
        let mut command = program.command(args);
        program.spawn({
            command.env("LONGHAUL_TEST_TOKEN", TOKEN);
            command
        })
    };

    // Without its source nothing begins.
    let told = program.done(["run", file, "--json", "--out", reports]).expect(2).error();
    assert!(told["error"].as_str().is_some_and(|e| e.contains("LONGHAUL_TEST_TOKEN")), "{told}");
    assert!(!program.data().exists(), "nothing was started");
    let planned = program.done(["plan", file]).expect(0).stdout;
    assert!(
        planned.contains("token from the environment variable LONGHAUL_TEST_TOKEN"),
        "{planned}"
    );
    assert!(planned.contains("can't be read here"), "{planned}");

    let done = with(&["run", file, "--json", "-vvv", "--out", reports]).done();
    let finished = done.finished();
    assert_eq!(finished["verdict"]["totals"]["ok"], 60, "{finished:#}");
    let orders: Vec<String> =
        server.asked().into_iter().filter(|a| a.starts_with("POST /orders")).collect();
    assert!(orders.len() >= 60, "{}", orders.len());
    for order in &orders {
        assert!(order.starts_with(&format!("POST /orders?k={} ", forms(TOKEN)[2])), "{order}");
        assert!(order.contains(&format!("authorization: Bearer {TOKEN}\r\n")), "{order}");
        let body = order.split("\r\n\r\n").nth(1).expect("a body");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["key"], KEY);
    }
    for path in ["/metrics", "/heap"] {
        let wanted = format!("GET {path}?k={} ", forms(TOKEN)[2]);
        assert!(server.asked().iter().any(|a| a.starts_with(&wanted)), "{path}");
    }
    let run = finished["run"].as_str().expect("an id");
    let sum = program.data().join("runs").join(run).join("instances/app-1/sum");
    let sum = std::fs::read_to_string(sum).expect("the process wrote it");
    assert!(sum.starts_with(&format!("{:x}", Sha256::digest(KEY))), "{sum}");

    let values = [TOKEN, KEY];
    assert_eq!(said(&done, &values), Vec::<String>::new(), "the run itself is silent about them");
    for args in [
        &["plan", file][..],
        &["plan", file, "--json"],
        &["validate", file],
        &["runs"],
        &["runs", "show"],
        &["runs", "show", "--json"],
        &["report", "--out", reports],
        &["leak", "--out", reports],
        &["baseline", "export"],
        &["cleanup"],
    ] {
        let done = with(args).done();
        assert_eq!(said(&done, &values), Vec::<String>::new(), "{args:?}");
    }
    assert!(files(&program.data()).len() > 3 && files(Path::new(reports)).len() > 3);
    assert_eq!(holding(&program.data(), &values), Vec::<PathBuf>::new());
    assert_eq!(holding(Path::new(reports), &values), Vec::<PathBuf>::new());
    assert_eq!(holding(key.parent().expect("a folder"), &values), [key], "the search finds them");
}

const COMPOSE: &str = "services:
  store:
    image: \"${LONGHAUL_IMAGE}\"
    command: [demo-target, store]
    environment: { LISTEN: \"0.0.0.0:7000\", GREETING: \"hello ${GREETING}\" }
    labels: { greeting: \"${GREETING}\" }
version: \"2.4\"
";

#[test]
fn a_container_has_its_secrets_and_the_record_of_it_has_not() {
    if !required() {
        return;
    }
    let program = Program::new();
    program.write("compose.yaml", COMPOSE);
    let file = program.write(
        "experiment.yaml",
        "version: 1
name: hidden
target:
  compose: { file: compose.yaml, project: lh-hidden, env: { GREETING: \"{{secret.word}}\" } }
  ready: { tcp: \"store.target:7000\", within: 60s }
secrets: { word: { env: LONGHAUL_TEST_WORD } }
load:
  profile: [ hold: { rate: 1/s, for: 2s } ]
  scenarios: { s: { steps: [ http: { get: \"http://store.target:7000/\" } ] } }
",
    );
    let mut command = program.command(["run".as_ref(), file.as_os_str()]);
    command.args(["--json", "--keep-up", "-vv", "--out"]).arg(program.path("reports"));
    command.env("LONGHAUL_TEST_WORD", TOKEN);
    let mut running = program.spawn(command);
    running.wait_for("\"phase\":\"holding\"", Duration::from_mins(3));
    let done = running.done();
    let run = done.finished()["run"].as_str().expect("an id").to_owned();
    let container = ours(&run)
        .into_iter()
        .find_map(|thing| {
            thing.strip_prefix("container ").map(str::to_owned).filter(|n| n.contains("store"))
        })
        .expect("the store is kept up");
    let seen = docker(&["inspect", &container]);
    assert!(seen.contains(&format!("GREETING=hello {TOKEN}")), "{seen}");

    assert_eq!(said(&done, &[TOKEN]), Vec::<String>::new());
    for dir in ["data", "reports"] {
        assert_eq!(holding(&program.path(dir), &[TOKEN]), Vec::<PathBuf>::new());
    }
    let store = Store::open_existing(&program.data()).expect("a store").expect("a run in it");
    let evidence = store.load(&run.parse().expect("an id")).expect("records").evidence;
    let text = serde_json::to_string(&evidence).expect("JSON");
    assert!(text.contains("GREETING=hello ***"), "the description of it is kept: {text}");
    assert!(!text.contains(TOKEN));
    program.done(["cleanup", &run]).expect(0);
    assert_eq!(ours(&run), Vec::<String>::new());
}

#[test]
fn a_secret_that_is_written_out_is_warned_of_where_it_stands() {
    let program = Program::new();
    let text = "version: 1
name: careless
target: { process: { command: [sleep, \"600\"], env: { API_TOKEN: tok-written-out } } }
load:
  profile: [ hold: { rate: 1/s, for: 1s } ]
  scenarios: { s: { steps: [ http: { get: \"http://app.target:80/\" } ] } }
";
    let file = program.write("experiment.yaml", text);
    let file = file.to_str().expect("text");
    let place = "line 3, column 65: `API_TOKEN` looks like a secret";
    let checked = program.done(["validate", file]).expect(0);
    assert!(checked.stderr.contains(":3:65: `API_TOKEN` looks like a secret"), "{checked:?}");
    let lines = program.done(["validate", file, "--json"]).expect(0).lines();
    let warning = &lines[0]["warnings"][0];
    assert_eq!((&warning["line"], &warning["column"]), (&3.into(), &65.into()), "{lines:?}");
    assert_eq!(missing(&lines[0]), Vec::<String>::new());
    let planned = program.done(["plan", file]).expect(0);
    assert!(planned.stdout.contains(place), "{planned:?}");
    let ran = program.run(Path::new(file));
    assert!(ran.stderr.contains(&format!("warning: {place}")), "{ran:?}");
    for done in [checked, planned, ran] {
        assert!(!done.stderr.contains("tok-written-out"), "a warning repeats no secret: {done:?}");
    }
}
