//! The whole format, read.

use std::time::Duration;

use super::fixture::{FULL, read};
use crate::experiment::{
    Body, CaptureSource, Experiment, FaultSchedule, Injection, LatencyFigure, LoadMeasure, Measure,
    Part, Pick, Probe, System,
};
use crate::seed::Seed;

#[test]
fn the_whole_format_is_read() {
    let e = read(FULL).unwrap();
    assert_eq!(e.name, "checkout-soak");
    assert_eq!(e.tags["year"], "2026");
    assert_eq!(e.seed, Seed(42));
    let System::Compose(compose) = &e.target.system else { panic!() };
    assert!(compose.file.is_absolute() && compose.file.ends_with("compose/checkout.yaml"));
    assert_eq!((compose.project.as_str(), compose.scale["api"]), ("checkout-soak", 3));
    assert_eq!(e.target.ready[0].probe, Probe::Http("http://127.0.0.1:8080/health".to_owned()));
    assert_eq!(e.load.profile_length(), Duration::from_mins(24 * 60 + 6));
    assert_eq!(
        e.load.step_names(),
        [
            "browse/GET /items/{}",
            "browse/GET /items/{} (2)",
            "browse/health",
            "buy/POST /auth/login",
            "buy/POST /orders",
            "buy/PUT /raw"
        ]
    );
    let login = e.load.scenarios[1].session[0].http().unwrap();
    let Some(Body::Json(json)) = &login.body else { panic!() };
    assert_eq!(json.outline(), r#"{"user":"u{}","password":"pw","n":3}"#);
    assert_eq!(login.capture[0].from, CaptureSource::Json("/access_token".to_owned()));
    assert_eq!(login.capture[1].from, CaptureSource::Header("x-trace".to_owned()));
    let order = e.load.scenarios[1].steps[0].http().unwrap();
    assert_eq!(order.headers[0].1.parts[1], Part::Captured("token".to_owned()));
    assert_eq!(order.expect.status, [200, 201]);
    assert_eq!(e.faults[0].lasts, Duration::from_secs(5));
    assert!(matches!(&e.faults[2].inject, Injection::Stop { victims, .. }
        if matches!(victims.pick, Pick::Share(_))));
    let hours = |h: f64| Duration::from_secs_f64(h * 3600.0);
    assert_eq!(e.faults[2].schedule, FaultSchedule::At(vec![hours(3.0), hours(5.5)]));
    assert_eq!(e.steady_state.as_ref().unwrap().require.len(), 3);
    assert_eq!((e.limits.len(), e.abort_when.len()), (28, 1));
    assert!(matches!(
        &e.limits[3].measure,
        Measure::Load(LoadMeasure::Latency { figure: LatencyFigure::P95, .. })
    ));
    assert!(e.limits[3].bound.warn.is_some());
    assert_eq!(e.abort_when[0].window, Duration::from_mins(5));
    assert_eq!(e.sampling.interval, Duration::from_millis(500));
    // What is stored reads back as the same experiment.
    let stored = serde_json::to_string(&e).unwrap();
    assert_eq!(serde_json::from_str::<Experiment>(&stored).unwrap(), e);
}
