use std::io;
use std::thread;
use std::time::Duration;

use futures_util::future::select_all;
use rand::RngExt;
use tokio::runtime::Builder;

use super::feeds::{Item, Outlet};
use super::script::Used;
use crate::experiment::{Row, RowOrder, Rows};
use crate::seed::{Rng, Seed};

/// Rows among which a random one is drawn.
const WINDOW: usize = 1000;
/// A file that was read once and can't be opened for another pass is tried so often again,
const REOPENS: u32 = 50;
/// after so long a pause.
const PAUSE: Duration = Duration::from_millis(200);

/// Reads a data file on a thread of its own, again and again, and deals its rows to the workers: to each in turn that has
/// room. It is ahead of them by what their channels hold, and ends when no worker is left, or when a whole pass over
/// the file has found no row.
pub(super) fn start(used: &Used, outlets: Vec<Outlet>, seed: Seed) -> io::Result<()> {
    let runtime = Builder::new_current_thread().build()?;
    let (used, rng) = (used.clone(), seed.rng());
    let read = move || runtime.block_on(feed(&used, Dealer { outlets, turn: 0 }, rng));
    thread::Builder::new().name("load-data".to_owned()).spawn(read).map(drop)
}

async fn feed(used: &Used, mut dealer: Dealer, mut rng: Rng) {
    // The first time there is nobody to wait for.
    let mut failed = REOPENS;
    loop {
        let opened = Rows::open(&used.feed.path, used.feed.format).ok();
        let Some(rows) = opened.filter(|rows| rows.columns() == used.feed.columns) else {
            // Somebody may be writing it anew.
            failed += 1;
            if failed > REOPENS || dealer.alone() {
                return;
            }
            thread::sleep(PAUSE);
            continue;
        };
        failed = 0;
        let (mut window, mut any, mut last) = (Vec::new(), false, false);
        for row in rows {
            let item = match row {
                Ok(mut row) => {
                    any = true;
                    let row = used.of(&mut row);
                    if used.feed.order == RowOrder::Sequential {
                        Item::Row(row)
                    } else {
                        window.push(row);
                        if window.len() < WINDOW {
                            continue;
                        }
                        Item::Row(draw(&mut window, &mut rng))
                    }
                }
                Err(bad) => {
                    last = bad.last;
                    Item::Bad
                }
            };
            if !dealer.deal(item).await {
                return;
            }
            if last {
                break;
            }
        }
        while !window.is_empty() {
            if !dealer.deal(Item::Row(draw(&mut window, &mut rng))).await {
                return;
            }
        }
        if !any {
            return;
        }
    }
}

fn draw(window: &mut Vec<Row>, rng: &mut Rng) -> Row {
    window.swap_remove(rng.random_range(0..window.len()))
}

struct Dealer {
    outlets: Vec<Outlet>,
    turn: usize,
}

impl Dealer {
    /// Whether there is no worker any more.
    fn alone(&self) -> bool {
        self.outlets.iter().all(|outlet| outlet.rows.is_closed())
    }

    /// Hands an item to the next worker that has room; false when there is no worker any more.
    async fn deal(&mut self, item: Item) -> bool {
        loop {
            self.outlets.retain(|outlet| !outlet.rows.is_closed());
            let count = self.outlets.len();
            if count == 0 {
                return false;
            }
            for at in (0..count).map(|i| (self.turn + i) % count) {
                let outlet = &self.outlets[at];
                if let Ok(room) = outlet.rows.try_reserve() {
                    room.send(item);
                    outlet.sent();
                    self.turn = at + 1;
                    return true;
                }
            }
            // All are full: waits for the first that is not, or is gone.
            drop(select_all(self.outlets.iter().map(|o| Box::pin(o.rows.reserve()))).await);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::super::feeds::{Feeds, Inlet, Supply, pipe};
    use super::super::http1::Bell;
    use super::super::script::Need;
    use super::*;
    use crate::clock::monotonic;
    use crate::experiment::{Feed, RowFormat};

    fn used(text: &str, order: RowOrder) -> (tempfile::NamedTempFile, Used) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let columns = vec!["n".to_owned(), "m".to_owned()];
        let feed = Feed {
            name: "d".to_owned(),
            path: file.path().to_owned(),
            format: RowFormat::Csv,
            order,
            shared: true,
            columns,
        };
        (file, Used { feed, columns: vec![0] })
    }

    fn text(rows: std::ops::Range<u32>) -> String {
        rows.fold("n,m\n".to_owned(), |mut text, n| {
            writeln!(text, "{n},x").unwrap();
            text
        })
    }

    /// The next rows of a worker, and how many bad ones were among them. Waits as a worker would not.
    fn take(inlet: Inlet, count: usize) -> (Vec<u32>, usize) {
        let mut feeds = Feeds::new(vec![inlet]);
        let need = [Need { feed: 0, session: false, slots: vec![(0, 0)] }];
        let (mut rows, mut bad) = (Vec::new(), 0);
        let began = monotonic();
        while rows.len() < count && began.elapsed() < Duration::from_secs(20) {
            match feeds.supply(&need, |_| bad += 1) {
                Supply::Ready => rows.push(feeds.take(0).unwrap()[0].parse().unwrap()),
                Supply::Waits { .. } => thread::yield_now(),
                Supply::Over { .. } => break,
            }
        }
        (rows, bad)
    }

    #[test]
    fn a_file_is_read_in_order_and_from_its_start_again() {
        let (_file, used) = used(&text(0..700), RowOrder::Sequential);
        let (outlet, inlet) = pipe(Bell::new().unwrap());
        start(&used, vec![outlet], Seed(1)).unwrap();
        let (rows, bad) = take(inlet, 1500);
        assert_eq!(rows, (0..700).chain(0..700).chain(0..100).collect::<Vec<_>>());
        assert_eq!(bad, 0);
    }

    #[test]
    fn random_rows_come_once_a_pass_and_from_the_seed() {
        let (_file, used) = used(&text(0..500), RowOrder::Random);
        let pass = |seed| {
            let (outlet, inlet) = pipe(Bell::new().unwrap());
            start(&used, vec![outlet], Seed(seed)).unwrap();
            take(inlet, 500).0
        };
        let rows = pass(1);
        assert_eq!(rows, pass(1));
        assert_ne!(rows, pass(2));
        let mut sorted = rows.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..500).collect::<Vec<_>>());
        assert_ne!(rows, sorted);
    }

    #[test]
    fn workers_share_the_rows_and_a_slow_one_holds_up_nobody() {
        let (_file, used) = used(&text(0..100_000), RowOrder::Sequential);
        let (outlets, mut inlets): (Vec<_>, Vec<_>) =
            (0..2).map(|_| pipe(Bell::new().unwrap())).unzip();
        start(&used, outlets, Seed(1)).unwrap();
        let slow = inlets.pop().unwrap();
        let (quick, _) = take(inlets.pop().unwrap(), 2000);
        let (rest, _) = take(slow, 200);
        assert_eq!((quick.len(), rest.len()), (2000, 200));
        let mut all: Vec<u32> = quick.into_iter().chain(rest).collect();
        all.sort_unstable();
        assert!(all.windows(2).all(|w| w[0] < w[1]), "a row was given out twice");
    }

    #[test]
    fn rows_that_go_bad_are_counted_and_an_empty_file_is_over() {
        let (file, used) = used("n,m\n1,x\n2\n3,x\n", RowOrder::Sequential);
        let (outlet, inlet) = pipe(Bell::new().unwrap());
        start(&used, vec![outlet], Seed(1)).unwrap();
        let (rows, bad) = take(inlet, 5);
        assert_eq!((rows, bad), (vec![1, 3, 1, 3, 1], 2));
        std::fs::write(file.path(), "n,m\n").unwrap();
        let (outlet, inlet) = pipe(Bell::new().unwrap());
        start(&used, vec![outlet], Seed(1)).unwrap();
        assert_eq!(take(inlet, 5), (vec![], 0));
    }
}
