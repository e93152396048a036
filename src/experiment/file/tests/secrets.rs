//! Secrets: named, used, refused where they would be seen, and warned of where they are written out.

use std::path::Path;

use super::fixture::{FULL, broken, folder, read};
use crate::experiment::{LoadError, Overrides, Part, SecretSource, System, load_warned};

/// [`FULL`] with secrets wherever they may stand.
fn with_secrets() -> String {
    FULL.replace(
        "variables:",
        "secrets: { token: { env: API_TOKEN }, db: { file: keys/db.txt } }\nvariables:",
    )
    .replace("build: true,", "build: true, env: { DB_PASSWORD: \"x{{ secret.db }}\" },")
    .replace("/items/{{uuid}}", "/items/{{uuid}}?key={{secret.token}}")
    .replace("\"Bearer {{token}}\"", "\"Bearer {{secret.token}}\"")
    .replace("password: \"pw\"", "password: \"{{secret.db}}\"")
    .replace("api.target:8080/metrics", "api.target:8080/metrics?key={{secret.token}}")
    .replace("\"{{base}}/heap\"", "\"{{base}}/heap?key={{secret.token}}\"")
}

#[test]
fn secrets_stand_where_they_are_sent() {
    let e = read(&with_secrets()).unwrap();
    assert_eq!(e.secrets["token"], SecretSource::Env("API_TOKEN".to_owned()));
    let SecretSource::File(path) = &e.secrets["db"] else { panic!() };
    assert!(path.is_absolute() && path.ends_with("keys/db.txt"), "it need not be there yet");
    let System::Compose(compose) = &e.target.system else { panic!() };
    assert_eq!(compose.env["DB_PASSWORD"], "x{{secret.db}}");
    assert!(e.sampling.scrape["api"].ends_with("?key={{secret.token}}"));
    assert_eq!(
        e.capture.heap["db"][0].to_string(),
        "http://127.0.0.1:8080/heap?key={{secret.token}}"
    );
    let order = e.load.scenarios[1].steps[0].http().unwrap();
    let parts = [Part::Text("Bearer ".to_owned()), Part::Secret("token".to_owned())];
    assert_eq!(order.headers[0].1.parts, parts);
    let item = e.load.scenarios[0].steps[1].http().unwrap();
    assert_eq!(item.name, "GET /items/{} (2)", "no query, and so no secret, in names");
}

#[test]
fn secrets_that_are_not_there_or_would_be_seen_are_refused() {
    let whole = with_secrets();
    let told: Vec<String> = [
        ("{ env: API_TOKEN }", "hunter2"),
        ("{ env: API_TOKEN }", "{ env: API-TOKEN }"),
        ("{ env: API_TOKEN }", "{ env: A, file: b }"),
        ("{ env: API_TOKEN }", "{ vault: a }"),
        ("Bearer {{secret.token}}", "Bearer {{secret.tokn}}"),
        ("Bearer {{secret.token}}", "Bearer {{secrets.token}}"),
        ("x{{ secret.db }}", "x{{secret.dbx}}"),
        ("command: [dump, \"{{pid}}\",", "command: [dump, \"{{secret.db}}\","),
        ("ready: { http: \"{{base}}/health\"", "ready: { http: \"{{base}}/health?{{secret.db}}\""),
        (
            "variables: { base: \"http://127.0.0.1:8080\" }",
            "variables: { base: \"{{secret.db}}\" }",
        ),
        ("http://api.target:8080/metrics", "http://{{secret.token}}.target:8080/metrics"),
    ]
    .into_iter()
    .map(|(from, to)| {
        assert_eq!(whole.matches(from).count(), 1, "{from}");
        let told = read(&whole.replace(from, to)).expect_err(to);
        told.lines().next().unwrap_or_default().to_owned()
    })
    .collect();
    assert!(!told.join("").contains("hunter2"), "an error never repeats a secret");
    insta::assert_snapshot!(told.join("\n"), @r#"
    e.yaml:9:19: a secret's value does not belong into the file (name its source: { env: NAME } or { file: PATH })
    e.yaml:9:26: "API-TOKEN" is not a name of an environment variable (letters, digits and `_`, not beginning with a digit)
    e.yaml:9:29: a second kind beside `env` (one entry has one kind: make it an entry of its own)
    e.yaml:9:21: unknown key "vault" (allowed here: env, file)
    e.yaml:37:80: "tokn" is not a secret of this file (did you mean `secret.token`?)
    e.yaml:37:80: there is no data called `secrets` (give `load.data` a `secrets`)
    e.yaml:7:80: "dbx" is not a secret of this file (did you mean `secret.db`?)
    e.yaml:84:76: a secret can't stand here (secrets are for what requests send (headers, bodies, messages, passwords, HTTP URLs), for `env`, and for the URLs of `scrape` and `capture`: what stands elsewhere can be seen by others)
    e.yaml:8:37: a secret can't stand here (secrets are for what requests send (headers, bodies, messages, passwords, HTTP URLs), for `env`, and for the URLs of `scrape` and `capture`: what stands elsewhere can be seen by others)
    e.yaml:8:18: "{{secret.db}}/health" is not an http:// or https:// URL (write it in full: http://host:port/path)
    e.yaml:81:57: "{{secret.token}}.target:8080" is not a host
    "#);
    assert!(broken("{{token}}", "{{secret.token}}").contains("under `secrets`"));
}

fn warnings(text: &str) -> Vec<String> {
    let dir = folder();
    let path = dir.path().join("e.yaml");
    std::fs::write(&path, text).unwrap();
    let (_, warnings) = match load_warned(&path, &Overrides::default()) {
        Ok(loaded) => loaded,
        Err(LoadError::Invalid(problems)) => panic!("{problems}"),
        Err(error) => panic!("{error}"),
    };
    warnings
        .iter()
        .map(|w| {
            let hint = w.hint.as_deref().unwrap_or_default();
            format!("{}:{}: {} ({hint})", w.line, w.column, w.message)
        })
        .collect()
}

#[test]
fn secrets_that_are_written_out_are_warned_of() {
    assert_eq!(warnings(FULL), Vec::<String>::new());
    assert_eq!(warnings(&with_secrets()), Vec::<String>::new());
    let text =
        FULL.replace("\"Bearer {{token}}\"", "\"Bearer sk-live-77\", x-api-key: k1").replace(
            "build: true,",
            "build: true, env: { DB_PASSWORD: pw9, TOKEN_TTL_S: 120, KEY_FILE: /x, MODE: a },",
        );
    let told = warnings(&text).join("\n");
    assert!(!told.contains("sk-live-77") && !told.contains("pw9"), "{told}");
    insta::assert_snapshot!(told, @"
    7:76: `DB_PASSWORD` looks like a secret, and its value stands in the file (name its source under `secrets` and write {{secret.NAME}} here: the record of every run holds what the file holds)
    36:70: `authorization` looks like a secret, and its value stands in the file (name its source under `secrets` and write {{secret.NAME}} here: the record of every run holds what the file holds)
    36:102: `x-api-key` looks like a secret, and its value stands in the file (name its source under `secrets` and write {{secret.NAME}} here: the record of every run holds what the file holds)
    ");
    let process = "version: 1
name: p
variables: { key: k7 }
target: { process: { command: [x], env: { API_TOKEN: \"a{{key}}\", SECRET_DIR: \"{{dir}}\", PASSWORD: \"\" } } }
load:
  profile: [ hold: { rate: 1/s, for: 1m } ]
  scenarios: { s: { steps: [ http: { get: \"http://app.target:80/\" } ] } }
";
    let told = warnings(process);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("4:54: `API_TOKEN` looks like a secret"), "{told:?}");
    let login = process.replace(
        "http: { get: \"http://app.target:80/\" }",
        "redis: { url: \"redis://app.target:80\", command: [PING], password: hunter2 }",
    );
    let told = warnings(&login);
    assert!(told[1].contains("`password` looks like a secret") && !told[1].contains("hunter2"));
    assert!(load_warned(Path::new("/no/such/file"), &Overrides::default()).is_err());
}
