//! Evidence and scraped series come back as they went in.

use super::Store;
use super::fixture::{at, run};
use crate::record::{
    CaptureMoment, Captured, ContainerFacts, Counted, Descriptors, Disk, Evidence, Extent, Folder,
    FolderUsage, HeapProfile, HeapSite, HeapSites, Mapping, Mappings, MemoryKind, ProfileBody,
    ProfileStatus, ScrapedColumn, ScrapedKind, Scrapes, Sockets, Subject, Tally, Threads, Victim,
};

fn evidence(ordinal: u32, second: u64) -> Evidence {
    let extent = Extent { count: 1, size: 1 << 30, rss: 4096, anon: 4096 };
    let mapping = Mapping {
        name: "anonymous".to_owned(),
        kind: MemoryKind::Anonymous,
        at: Some((7, u64::MAX)),
        extent,
    };
    let tally = || Tally {
        top: vec![Counted { name: "/etc/hosts".to_owned(), count: 9 }],
        other_names: 1,
        other: 2,
    };
    Evidence {
        moment: CaptureMoment::Interval,
        from: at(second),
        to: at(second + 1),
        instance: Victim { service: "api".to_owned(), ordinal },
        restarts: 1,
        memory_stat: Captured::Captured([("anon".to_owned(), u64::MAX)].into()),
        mappings: Captured::Captured(Mappings {
            processes: 1,
            rollup: [("Rss".to_owned(), 4096)].into(),
            kinds: [(MemoryKind::Heap, extent)].into(),
            top: vec![mapping],
            arenas: extent,
            ..Mappings::default()
        }),
        descriptors: Captured::Captured(Descriptors {
            total: 12,
            types: [("file".to_owned(), 12)].into(),
            targets: tally(),
        }),
        sockets: Captured::Captured(Sockets { peers: tally(), ..Sockets::default() }),
        threads: Captured::Captured(Threads { total: 3, names: tally() }),
        disk: Captured::Captured(Disk {
            layer: Some(5),
            root: None,
            folders: vec![Folder {
                path: "/spool".to_owned(),
                kind: "volume api-spool".to_owned(),
                usage: Captured::Captured(FolderUsage { used: 1, ..FolderUsage::default() }),
            }],
        }),
        container: Some(Captured::Captured(ContainerFacts {
            id: "abc".to_owned(),
            image: "sha256:1".to_owned(),
            digests: Vec::new(),
            inspect: serde_json::json!({ "State": { "Pid": 7 } }),
        })),
        heap: vec![
            HeapProfile {
                source: "http://api.target:8080/heap".to_owned(),
                from: at(second),
                to: at(second),
                status: Some(ProfileStatus::Http(404)),
                body: Captured::NotCaptured("the answer is HTTP 404".to_owned()),
            },
            HeapProfile {
                source: "dump 7".to_owned(),
                from: at(second),
                to: at(second),
                status: Some(ProfileStatus::Exit(0)),
                body: Captured::Captured(ProfileBody {
                    file: "profiles/ab.gz".to_owned(),
                    size: 3,
                    sha256: "ab".to_owned(),
                    content_type: None,
                    sites: Captured::Captured(HeapSites {
                        format: "pprof".to_owned(),
                        top: vec![HeapSite {
                            frames: vec!["main.leak".to_owned()],
                            bytes: 7,
                            objects: None,
                        }],
                        ..HeapSites::default()
                    }),
                }),
            },
        ],
    }
}

#[tokio::test]
async fn evidence_comes_back_in_the_order_of_time_and_instances() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let run = run("evidence", "90m");
    let writer = store.begin(&run).unwrap();
    let mut lost = evidence(3, 30);
    lost.memory_stat = Captured::NotCaptured("it is stopped".to_owned());
    for one in [lost.clone(), evidence(2, 10), evidence(1, 10)] {
        writer.evidence(one).await;
    }
    writer.close().await.unwrap();
    let stored = store.load(&run.id).unwrap().evidence;
    assert_eq!(stored, [evidence(1, 10), evidence(2, 10), lost]);
    assert_eq!(
        stored[2].missing(),
        [("memory_stat", "it is stopped"), ("heap", "the answer is HTTP 404")]
    );
}

#[tokio::test]
async fn scraped_values_come_back_series_by_series() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let run = run("scraped", "90m");
    let writer = store.begin(&run).unwrap();
    let api = Subject::Instance { service: "api".to_owned(), ordinal: 1 };
    let column = |name: &str, kind, values| ScrapedColumn { name: name.to_owned(), kind, values };
    for minute in 0..3_u64 {
        let value = minute as f64;
        writer
            .scrapes(Scrapes {
                subject: api.clone(),
                at: vec![at(minute * 60), at(minute * 60 + 10)],
                columns: vec![
                    column("live{a=\"b\"}", ScrapedKind::Gauge, vec![Some(value), Some(0.5)]),
                    column("gc", ScrapedKind::Counter, vec![None, Some(value + 7.0)]),
                ],
            })
            .await;
    }
    writer.close().await.unwrap();
    let scraped = store.load(&run.id).unwrap().scraped;
    let found: Vec<_> = scraped.iter().map(|s| (s.name.as_str(), s.kind, s.points.len())).collect();
    assert_eq!(found, [("gc", ScrapedKind::Counter, 3), ("live{a=\"b\"}", ScrapedKind::Gauge, 6)]);
    assert_eq!(scraped[0].points, [(at(10), 7.0), (at(70), 8.0), (at(130), 9.0)]);
    assert!(scraped.iter().all(|s| s.subject == api));
    let names: i64 =
        store.db().query_row("SELECT count(*) FROM scraped_names", [], |r| r.get(0)).unwrap();
    assert_eq!(names, 2, "a name is kept once");
}
