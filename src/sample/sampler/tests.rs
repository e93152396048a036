use super::*;

fn setup(interval: Duration) -> (Setup, watch::Sender<Arc<Roster>>) {
    let (sender, roster) = watch::channel(Arc::new(Roster::default()));
    let setup = Setup {
        roster,
        clock: Clock::start(),
        interval,
        disk: PathBuf::from("/"),
        engine: None,
        stop: CancellationToken::new(),
    };
    (setup, sender)
}

#[test]
fn ticks_keep_to_the_grid_however_late_one_was() {
    let ms = |n: u64| Offset::from_micros(n * 1000);
    let interval = Duration::from_millis(100);
    assert_eq!(ms(0).next_due(interval, ms(5)), (ms(100), 0));
    assert_eq!(ms(100).next_due(interval, ms(199)), (ms(200), 0));
    assert_eq!(ms(100).next_due(interval, ms(450)), (ms(500), 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tick_tells_of_the_host_and_of_longhaul_until_stopped() {
    let (setup, _roster) = setup(Duration::from_millis(100));
    let stop = setup.stop.clone();
    let mut samples = start(setup);
    for _ in 0..3 {
        let tick = samples.recv().await.unwrap();
        let subjects: Vec<String> = tick.iter().map(|s| s.subject.to_string()).collect();
        assert_eq!(subjects, ["host", "longhaul"]);
        assert!(tick[1].reading.anon.unwrap() > 0);
    }
    stop.cancel();
    while samples.recv().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_behind_costs_ticks_that_are_counted() {
    let (setup, _roster) = setup(Duration::from_millis(1));
    let samples = start(setup);
    while samples.ticks.len() < BACKLOG {
        tokio::task::yield_now().await;
    }
    let before = samples.missed();
    while samples.missed() < before + 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(samples.ticks.len(), BACKLOG);
}
