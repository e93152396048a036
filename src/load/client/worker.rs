use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use super::alarm::Alarm;
use super::arrival::arrive;
use super::books::Books;
use super::desk::Desk;
use super::http2;
use super::idle::Idle;
use super::lines::Lines;
use crate::clock::Offset;
use crate::load::Arrivals;
use crate::load::captures::Sessions;
use crate::load::crew::Post;
use crate::load::departures::{Departures, PANICKED};
use crate::load::http1::{Bell, Lookups, Route};
use crate::load::orders::Orders;
use crate::load::recorder::Recorder;
use crate::record::{Endpoints, LoadSlice};

/// A worker before it is on its thread.
pub(in crate::load) struct Hire {
    orders: Orders,
    lines: Arc<Lines>,
    post: Post,
    runtime: Runtime,
}

/// One worker: its share of the arrivals, its own connections, and a runtime of its own on its own thread.
pub(in crate::load) struct Worker {
    desk: Rc<Desk>,
    departures: Departures,
    endpoints: watch::Receiver<Endpoints>,
    /// The schedule as it grows, if it does.
    schedule: Option<watch::Receiver<Arc<Arrivals>>>,
    bell: Bell,
    stop: CancellationToken,
    quantum: Duration,
    #[cfg(test)]
    panic_at: Option<u64>,
    // Last: what belongs to the runtime goes before it.
    runtime: Option<Runtime>,
}

impl Hire {
    pub(in crate::load) fn new(orders: Orders, lines: Arc<Lines>, post: Post) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { orders, lines, post, runtime })
    }

    /// Takes up the work, on the thread where it is done.
    pub(in crate::load) fn begin(self) -> Worker {
        let Self { orders, lines, post, runtime } = self;
        let cursor = orders.departures.cursor();
        let recorder = Recorder::new(orders.begin, lines.steps, cursor, orders.parts);
        let endpoints = orders.endpoints.borrow().clone();
        let routes = lines.origins.iter().map(|o| Route::new(o.clone(), &endpoints)).collect();
        let permit = |most: &Option<u32>| most.map(|n| Semaphore::new(post.part_of(n) as usize));
        let desk = Desk {
            books: Books::new(orders.clock, recorder),
            routes: RefCell::new(routes),
            lookups: Lookups::new(orders.bell.clone()),
            answered: Notify::new(),
            sessions: RefCell::new(Sessions::new(orders.script.scenarios.iter().map(|p| p.shared))),
            idle: RefCell::new(Idle::new(lines.pools.len())),
            shared: lines.pools.iter().map(|_| http2::Pool::default()).collect(),
            permits: lines.pools.iter().map(permit).collect(),
            slots: orders.slots,
            seed: orders.seed,
            retried: orders.retried,
            cut: CancellationToken::new(),
            end_of_load: orders.departures.end_of_load(),
            lines,
        };
        Worker {
            desk: Rc::new(desk),
            departures: orders.departures,
            endpoints: orders.endpoints,
            schedule: orders.schedule,
            bell: orders.bell,
            stop: orders.stop,
            quantum: orders.quantum,
            #[cfg(test)]
            panic_at: orders.panic_at,
            runtime: Some(runtime),
        }
    }
}

impl Worker {
    /// Runs its share of the load to the end, and says when that was: the load's own, or the stop.
    pub(in crate::load) fn run(&mut self) -> io::Result<Offset> {
        let Some(runtime) = self.runtime.take() else {
            return Err(io::Error::other("a worker runs once"));
        };
        // Drivers of shared connections are tasks of this set, and end with it.
        let tasks = LocalSet::new();
        let end = runtime.block_on(tasks.run_until(self.work()));
        self.desk.idle.borrow_mut().clear();
        end
    }

    /// Ends the record. What is returned is still to be sent.
    pub(in crate::load) fn finish(&mut self, end: Offset) -> Option<LoadSlice> {
        self.desk.books.close(|recorder, _| recorder.finish(end))
    }

    /// Ends the record of a worker that panicked: what was under way has failed, what waited is not sent.
    pub(in crate::load) fn abandon(&mut self) -> Option<LoadSlice> {
        self.desk.books.close(|recorder, now| {
            recorder.settle(now, PANICKED);
            recorder.finish(now)
        })
    }

    async fn work(&mut self) -> io::Result<Offset> {
        let desk = Rc::clone(&self.desk);
        let books = &desk.books;
        let mut alarm = Alarm::new(*books.clock())?;
        let mut bell = Receiver::from_owned_fd_unchecked(self.bell.sound()?)?;
        let mut sound = [0_u8; 8];
        let mut flights = FuturesUnordered::new();
        let mut rang = Offset::ZERO;
        let mut boundary = Offset::ZERO;
        self.look_around();
        loop {
            let mut now = books.now();
            if now >= boundary {
                books.write(super::super::recorder::Recorder::roll);
                boundary = books.write(|recorder, _| recorder.boundary());
                (0..desk.lines.origins.len()).for_each(|origin| desk.ask_name(origin));
            }
            while let Some(due) = books.write(|recorder, at| {
                now = at;
                self.departures.next(at, flights.len(), recorder, |_, _| Ok(()))
            }) {
                books.write(super::super::recorder::Recorder::arrival_began);
                #[cfg(test)]
                assert_ne!(self.panic_at, Some(due.number), "planted");
                flights.push(arrive(Rc::clone(&desk), due));
            }
            if self.departures.cut(now) {
                desk.cut.cancel();
            }
            if let Some(end) = self.departures.over(now, flights.len()) {
                return Ok(end);
            }
            let wake = self.departures.wake(now, rang + self.quantum);
            let wake = wake.filter(|_| !desk.cut.is_cancelled());
            alarm.set(wake.map_or(boundary, |at| at.min(boundary)))?;
            tokio::select! {
                result = alarm.rings() => {
                    result?;
                    rang = books.now();
                }
                heard = bell.read(&mut sound) => {
                    heard?;
                    self.look_around();
                }
                Some(()) = flights.next(), if !flights.is_empty() => {}
            }
            // Whoever else has ended meanwhile.
            while let Some(Some(())) = flights.next().now_or_never() {}
        }
    }

    /// Sees what the bell was rung for: a stop, other instances, the address of a name.
    fn look_around(&mut self) {
        let desk = &self.desk;
        if self.stop.is_cancelled() {
            desk.books.write(|recorder, now| self.departures.stop(now, recorder));
        }
        if let Some(schedule) = &mut self.schedule
            && schedule.has_changed().unwrap_or(false)
        {
            let arrivals = Arc::clone(&schedule.borrow_and_update());
            desk.books.write(|recorder, _| self.departures.follow(&arrivals, recorder));
        }
        let mut routes = desk.routes.borrow_mut();
        // An error means that the target is gone for good; its last instances stay.
        if self.endpoints.has_changed().unwrap_or(false) {
            let endpoints = self.endpoints.borrow_and_update().clone();
            for route in routes.iter_mut() {
                route.follow(&endpoints);
            }
        }
        while let Some((route, ips)) = desk.lookups.answer() {
            routes[route].answer(desk.books.now(), &ips);
        }
        let leads = |origin: usize, addr| routes[origin].places.leads_to(addr);
        desk.idle.borrow_mut().retain(leads);
        desk.answered.notify_waiters();
    }
}
