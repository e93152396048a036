//! Data files, checks and captures: what the file says of them, and what is wrong.

use std::path::Path;
use std::time::Duration;

use crate::experiment::{CaptureSource, Experiment, RowOrder, Step, Wanted, parse};
use crate::units::Bytes;

/// An experiment whose load is as given, in a folder with some data files; its problems without that folder.
fn with(data: &str, scenario: &str) -> Result<Experiment, String> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("users.csv", "name,password\nann,a\nbo,b\n"),
        ("items.jsonl", "{\"sku\":\"a1\",\"n\":3}\n"),
        ("bad.csv", "name,password\nann,a\nbo\nc,d,e\n"),
        ("empty.csv", "name\n"),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let text = format!(
        "version: 1\nname: d\ntarget: {{ process: {{ command: [x] }} }}\nload:\n  profile: [ hold: {{ rate: 5/s, for: 1m }} ]\n  data: {data}\n  scenarios:\n    a:\n{scenario}\n"
    );
    let told = |path: &Path| format!("{}/", path.display());
    parse(&text, &dir.path().join("e.yaml"))
        .map_err(|problems| problems.to_string().replace(&told(dir.path()), ""))
}

const GET: &str = "      steps: [ http: { get: \"http://app.target:80/{{users.name}}\" } ]";

#[test]
fn data_files_are_known_by_their_columns() {
    let data = "{ users: { csv: users.csv, order: random, shared: false }, items: { jsonl: items.jsonl } }";
    let load = with(data, GET).unwrap().load;
    assert_eq!(load.data.len(), 2);
    let users = &load.data[0];
    assert_eq!(
        (users.name.as_str(), users.order, users.shared),
        ("users", RowOrder::Random, false)
    );
    assert_eq!(
        (users.columns.as_slice(), users.path.is_absolute()),
        (&["name".to_owned(), "password".to_owned()][..], true)
    );
    let mut columns = load.data[1].columns.clone();
    columns.sort();
    assert_eq!(columns, ["n", "sku"]);
}

#[test]
fn what_data_lacks_is_said_at_its_place() {
    let get = |inner: &str| {
        format!("      steps: [ http: {{ get: \"http://app.target:80/{{{{{inner}}}}}\" }} ]")
    };
    let users = "{ users: { csv: users.csv } }";
    let all = [
        with(users, &get("users.nmae")),
        with(users, &get("user.name")),
        with("{ users: { csv: bad.csv } }", GET),
        with("{ users: { csv: empty.csv } }", GET),
        with("{ users: { csv: nowhere.csv } }", GET),
        with("{ users: { csv: users.csv, jsonl: items.jsonl } }", GET),
        with("{ users: {} }", GET),
        with("{ users: { csv: users.csv, order: shuffled } }", GET),
    ]
    .map(|read| read.unwrap_err())
    .join("\n");
    insta::assert_snapshot!(all, @r#"
    e.yaml:9:53: the data `users` has no column "nmae" (did you mean `name`?)
    e.yaml:9:53: there is no data called `user` (did you mean `users`?)
    e.yaml:6:25: bad.csv:3: the row can't be used: it has 1 field, the header 2
    e.yaml:6:25: bad.csv:4: the row can't be used: it has 3 fields, the header 2
    e.yaml:6:25: empty.csv has no rows
    e.yaml:6:25: "nowhere.csv" does not exist (paths are relative to the experiment file)
    e.yaml:6:43: `csv` and `jsonl` are not given together
    e.yaml:6:11: there is no file (give `csv` or `jsonl`)
    e.yaml:6:43: expected one of sequential, random, found "shuffled"
    "#);
}

#[test]
fn checks_and_captures_are_read() {
    let scenario = r#"      cookies: true
      shared_session: true
      session: [ http: { get: "http://app.target:80/", capture: { csrf: 'regex:value="([^"]+)"' } } ]
      steps:
        - http:
            get: "http://app.target:80/{{csrf}}"
            expect:
              status: 200
              headers: { Content-Type: "regex:^text/", x-id: 7 }
              body_matches: "^a+$"
              json: { "$.a[0].b": 3, "$.c": "3", "$.d": null, "$.e": true }
              size: { min: 1KiB, max: 2MiB }
              within: 500ms"#;
    let load = with("{}", scenario).unwrap().load;
    let scenario = &load.scenarios[0];
    assert!(scenario.cookies && scenario.shared_session);
    let Step::Http(login) = &scenario.session[0] else { panic!() };
    assert_eq!(login.capture[0].from, CaptureSource::Regex("value=\"([^\"]+)\"".to_owned()));
    let Step::Http(step) = &scenario.steps[0] else { panic!() };
    let expect = &step.expect;
    assert_eq!(
        expect.headers,
        [
            ("content-type".to_owned(), Wanted::Matches("^text/".to_owned())),
            ("x-id".to_owned(), Wanted::Is("7".to_owned())),
        ]
    );
    let json: Vec<String> =
        expect.json.iter().map(|(path, value)| format!("{path}={value}")).collect();
    assert_eq!(json, ["/a/0/b=3", "/c=\"3\"", "/d=null", "/e=true"]);
    assert_eq!((expect.min_size, expect.max_size), (Some(Bytes(1024)), Some(Bytes(2 << 20))));
    assert_eq!(expect.within, Some(Duration::from_millis(500)));
}

#[test]
fn what_a_check_lacks_is_said_at_its_place() {
    let step = |inner: &str| {
        with("{}", &format!("      steps: [ http: {{ get: \"http://app.target:80/\", {inner} }} ]"))
    };
    let all = [
        step("expect: { body_matches: \"a(\" }"),
        step("expect: { headers: { \"a b\": x } }"),
        step("expect: { headers: { a: \"regex:[\" } }"),
        step("expect: { json: { a.b: 3 } }"),
        step("expect: { json: { $.a: [1] } }"),
        step("expect: { size: { min: 2KiB, max: 1KiB } }"),
        step("expect: { size: {} }"),
        step("expect: { within: 0s }"),
        step("capture: { a: \"regex:(\" }"),
        with(
            "{}",
            "      shared_session: true\n      steps: [ http: { get: \"http://app.target:80/\" } ]",
        ),
    ]
    .map(|read| read.unwrap_err())
    .join("\n");
    insta::assert_snapshot!(all, @r#"
    e.yaml:9:78: "a(" is not a regular expression (found open group without closing ')')
    e.yaml:9:75: "a b" is not a header's name
    e.yaml:9:78: "[" is not a regular expression (found unclosed character class)
    e.yaml:9:72: "a.b" is not a path into JSON (write $.path.to[0].value)
    e.yaml:9:72: expected a text, a number, true, false or null, found a list
    e.yaml:9:88: `max` is below `min`
    e.yaml:9:64: give `min` or `max`
    e.yaml:9:72: "0s" is out of range (from 1ms to 1h)
    e.yaml:9:68: "(" is not a regular expression (found open group without closing ')')
    e.yaml:9:23: there is no session to share (give the steps that open it as `session`)
    "#);
}
