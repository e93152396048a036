//! What the command line says instead of the file.

use std::time::Duration;

use super::fixture::{FULL, folder};
use crate::experiment::{Overrides, Probe, Segment, load_with};
use crate::seed::Seed;

#[test]
fn the_command_line_takes_precedence() {
    let dir = folder();
    let file = dir.path().join("e.yaml");
    std::fs::write(&file, FULL.replace("window: 1h", "window: 10h")).unwrap();
    let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
    let overrides = Overrides {
        duration: Some(Duration::from_hours(6)),
        rate: Some("7/s".parse().unwrap()),
        seed: Some(9),
        set: vec![pair("base", "http://h:1")],
        tag: vec![pair("team", "x"), pair("by", "y")],
    };
    let e = load_with(&file, &overrides).unwrap();
    assert_eq!(e.seed, Seed(9));
    assert_eq!(
        e.load.profile[1],
        Segment::Hold { rate: "7/s".parse().unwrap(), lasts: Duration::from_hours(6) }
    );
    assert_eq!(e.target.ready[0].probe, Probe::Http("http://h:1/health".to_owned()));
    assert_eq!(e.variables["base"], "http://h:1");
    assert_eq!((e.tags["team"].as_str(), e.tags["by"].as_str()), ("x", "y"));
    assert_eq!(e.limits[3].window, Some(e.load.profile_length()), "cut to the profile");

    let refused = |overrides: Overrides| load_with(&file, &overrides).unwrap_err().to_string();
    let unknown = Overrides { set: vec![pair("bas", "x")], ..Overrides::default() };
    assert_eq!(refused(unknown), "apply --set bas: the file has no such variable");
    let early = Overrides { duration: Some(Duration::from_hours(4)), ..Overrides::default() };
    assert!(refused(early).contains("after the profile"));
    std::fs::write(&file, FULL.replace("- pause: { for: 1m }", "- hold: { rate: 1/s, for: 1m }"))
        .unwrap();
    let which = Overrides { rate: Some("7/s".parse().unwrap()), ..Overrides::default() };
    assert!(refused(which).starts_with("apply --rate: the profile has 2 `hold` pieces"));
}
