//! Evidence of real targets: what leaks comes out on top, and what is not captured says why.

use std::path::PathBuf;

use longhaul::record::{
    CaptureMoment, EventKind, Evidence, ProfileStatus, RunData, ScrapedSeries, Subject,
};
use longhaul::store::Store;
use longhaul::target::kept_log_lines;

use crate::engine::required;
use crate::program::Program;

const LOAD: &str = r#"
load:
  warmup: 2s
  profile: [ { hold: { rate: 100/s, for: 12s } } ]
  timeout: 4s
  scenarios:
    browse: { steps: [ { http: { get: "http://gateway.target:8080/items/{{random_int(1, 1000)}}" } } ] }
sampling: { interval: 500ms, scrape: { api: "http://api.target:8080/metrics", store: "http://store.target:9/none" } }
capture:
  every: 5s
  heap:
    api:
      - "http://api.target:8080/no-such-profile"
      - "http://api.target:8080/metrics"
      - { command: [cat, "/proc/{{pid}}/limits"] }
"#;

const PROCESSES: &str = r#"
version: 1
name: evidence-process
target:
  process:
    services:
      store: { command: ["{{self}}", demo-target, store], env: { DATA_DIR: "{{dir}}" } }
      api: { command: ["{{self}}", demo-target, api], env: { LEAK_FDS_PER_1000: 200 }, links: { STORE_ADDR: store } }
      gateway: { command: ["{{self}}", demo-target, gateway], links: { API_ADDRS: api } }
  ready: { http: "http://gateway.target:8080/health?deep=1", within: 60s }
"#;

const CONTAINERS: &str = r#"
version: 1
name: evidence-docker
target:
  compose: { file: ROOT/compose/demo/compose.yaml, project: lh-evidence, env: { LEAK_FDS_PER_1000: 200, LEAK_FDS_KIND: socket, WRITE_BYTES_PER_REQUEST: 1000 } }
  ready: { http: "http://gateway.target:8080/health?deep=1", within: 60s }
"#;

/// Runs the experiment; everything that is on record of it, and the run's folder.
fn recorded(program: &Program, target: &str) -> (RunData, PathBuf) {
    let root = env!("CARGO_MANIFEST_DIR");
    let file = program.write("experiment.yaml", &format!("{}{LOAD}", target.replace("ROOT", root)));
    // On a busy machine the load is too late for a verdict; the evidence is there all the same.
    let done = program.run(&file);
    assert!(matches!(done.code, Some(0 | 11)), "{done:#?}");
    let store = Store::open(&program.data()).expect("the data folder");
    let id = store.find("latest").expect("the run");
    let data = store.load(&id).expect("its records");
    let dir = store.run_dir(&id);
    (data, dir)
}

fn of<'a>(data: &'a RunData, service: &str) -> Vec<&'a Evidence> {
    data.evidence
        .iter()
        .filter(|e| e.instance.service == service && e.instance.ordinal == 1)
        .collect()
}

/// The moments are all there, and each is an event with its time and cost.
fn moments_are_on_record(data: &RunData) {
    let moments: Vec<CaptureMoment> = of(data, "api").iter().map(|e| e.moment).collect();
    assert_eq!(
        moments,
        [
            CaptureMoment::WarmupEnd,
            CaptureMoment::Interval,
            CaptureMoment::Interval,
            CaptureMoment::LoadEnd
        ]
    );
    let captures: Vec<_> = data
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Capture { from, cpu_us, .. } => Some((*from, event.at, *cpu_us)),
            _ => None,
        })
        .collect();
    assert_eq!(captures.len(), 4, "{captures:?}");
    for (from, to, cpu_us) in captures {
        assert!(from < to && cpu_us > 0);
        // Even this build, which is not made for speed, on a busy machine: a tenth of the interval.
        assert!(cpu_us < 500_000, "a capture took {cpu_us} us of CPU time");
        let during = data.evidence.iter().filter(|e| e.from >= from && e.to <= to).count();
        let instances: std::collections::BTreeSet<_> =
            data.evidence.iter().map(|e| &e.instance).collect();
        assert_eq!(during, instances.len(), "one look at each");
    }
}

/// A URL that answers 404 is not captured and says so; one that answers, and a command, are kept.
fn profiles_are_kept_or_say_why_not(data: &RunData, dir: &std::path::Path) {
    for evidence in of(data, "api") {
        let [missing, metrics, command] = evidence.heap.as_slice() else {
            panic!("{:#?}", evidence.heap)
        };
        assert_eq!(missing.status, Some(ProfileStatus::Http(404)));
        assert_eq!(missing.body.because(), Some("the answer is HTTP 404"));
        assert_eq!(metrics.status, Some(ProfileStatus::Http(200)));
        assert_eq!(command.status, Some(ProfileStatus::Exit(0)));
        for profile in [metrics, command] {
            let body = profile.body.get().expect("a profile");
            assert!(dir.join(&body.file).is_file() && body.size > 100, "{body:?}");
            assert!(body.sites.because().is_some_and(|why| why.contains("not jemalloc's")));
        }
        assert!(evidence.missing().contains(&("heap", "the answer is HTTP 404")));
    }
}

fn scraped<'a>(data: &'a RunData, name: &str) -> &'a ScrapedSeries {
    let api = Subject::Instance { service: "api".to_owned(), ordinal: 1 };
    data.scraped
        .iter()
        .find(|s| s.subject == api && s.name == name)
        .unwrap_or_else(|| panic!("{name} is not among {:?}", data.scraped))
}

#[test]
fn a_descriptor_leak_of_a_process_comes_out_on_top() {
    let program = Program::new();
    let (data, dir) = recorded(&program, PROCESSES);
    moments_are_on_record(&data);
    profiles_are_kept_or_say_why_not(&data, &dir);
    let hosts = |evidence: &Evidence| {
        let descriptors = evidence.descriptors.get().expect("descriptors");
        descriptors.targets.top.iter().find(|c| c.name == "/etc/hosts").map_or(0, |c| c.count)
    };
    let api = of(&data, "api");
    let (first, last) = (api[0], api[3]);
    // 20 a second: some 40 in the warm-up, 240 more in the profile.
    assert!(
        (200..=260).contains(&(hosts(last) - hosts(first))),
        "{} {}",
        hosts(first),
        hosts(last)
    );
    assert_eq!(last.descriptors.get().expect("descriptors").targets.top[0].name, "/etc/hosts");
    assert!(last.mappings.get().expect("mappings").rollup["Rss"] > 1 << 20);
    assert!(last.threads.get().expect("threads").total >= 1);
    assert!(last.sockets.get().expect("sockets").states["tcp LISTEN"] >= 1);
    let why = last.memory_stat.because().expect("a process shares its group");
    assert!(why.contains("no control group of its own"), "{why}");
    assert!(last.disk.because().expect("no folder").contains("no folder of its own"));
    let store = of(&data, "store")[0].disk.get().expect("its folder");
    assert!(store.folders[0].usage.get().expect("counted").files >= 2);
    assert!(last.container.is_none());

    let open = scraped(&data, "process_open_fds");
    assert!(open.points.len() >= 2 && open.points[0].1 >= 3.0, "{open:?}");
    let gap = data.events.iter().any(|event| {
        matches!(&event.kind, EventKind::Gap { reason, .. } if reason.contains("store#1 could not be scraped"))
    });
    assert!(gap, "a service without metrics says so: {:#?}", data.events);
}

#[test]
fn a_socket_leak_of_a_container_points_at_its_peer() {
    if !required() {
        return;
    }
    let program = Program::new();
    let (data, dir) = recorded(&program, CONTAINERS);
    moments_are_on_record(&data);
    profiles_are_kept_or_say_why_not(&data, &dir);
    let api = of(&data, "api");
    let (first, last) = (api[0], api[3]);
    let peer = |evidence: &Evidence| {
        let sockets = evidence.sockets.get().expect("sockets").clone();
        let mut to_store = sockets.peers.top.into_iter();
        to_store
            .find(|c| c.name.starts_with("ESTABLISHED to ") && c.name.ends_with(":7000"))
            .map_or(0, |c| c.count)
    };
    // 20 a second over two replicas, for 12 s: 120, fewer where a busy machine is behind.
    assert!(peer(last) >= peer(first) + 50, "{} {}", peer(first), peer(last));
    let descriptors = last.descriptors.get().expect("descriptors");
    assert_eq!(descriptors.targets.top[0].name, "socket", "{descriptors:#?}");
    let stat = last.memory_stat.get().expect("memory.stat");
    assert!(stat.get("total_rss").or_else(|| stat.get("anon")).is_some_and(|n| *n > 0), "{stat:?}");
    let disk = last.disk.get().expect("disk");
    let spool = disk.folders.iter().find(|f| f.path == "/spool").expect("the volume");
    assert!(spool.kind.starts_with("volume "), "{spool:?}");
    assert!(spool.usage.get().is_some_and(|u| u.used > 300_000), "{spool:?}");
    assert!(disk.layer.is_some() && disk.root.is_some_and(|n| n > 1 << 20), "{disk:?}");
    let facts = first.container.as_ref().expect("told at first").get().expect("captured");
    assert!(facts.image.starts_with("sha256:") && facts.inspect.pointer("/State/Pid").is_some());
    assert!(last.container.is_none(), "told once");
    assert!(scraped(&data, "process_open_fds").points.len() >= 2);
    // The log is still there when the container is not.
    let until = longhaul::clock::wall();
    let lines =
        kept_log_lines(&dir, &first.instance, data.run.anchor, until, 100).expect("the log");
    assert!(lines.iter().any(|line| line.contains("demo-target api")), "{lines:?}");
}
