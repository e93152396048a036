use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::books::Open;
use super::desk::Desk;
use super::lines::Door;
use super::link::{Counted, Link};
use crate::clock::Offset;
use crate::load::failure::Failure;
use crate::load::http1::Direction;
use crate::record::StepId;

impl Desk {
    /// Opens a connection for a step.
    pub(super) async fn dial(&self, door: &Door, step: StepId) -> Result<Link, Failure> {
        let (stream, began) = self.reach(door, step).await?;
        self.books.write(|recorder, now| recorder.connected(now, step, now.since(began)));
        let Some((config, name)) = door.tls.clone() else { return Ok(Link::plain(stream)) };
        let began = self.books.now();
        let secured = TlsConnector::from(config).connect(name, stream).await;
        let secured = secured.map_err(|error| Failure::from_io(&error))?;
        self.books.write(|recorder, now| recorder.secured(now, step, now.since(began)));
        Ok(Link::tls(secured))
    }

    /// Opens a plain connection, in place of an idle one if there would be too many; says when it began to.
    pub(super) async fn reach(
        &self,
        door: &Door,
        step: StepId,
    ) -> Result<(Counted, Offset), Failure> {
        while self.books.open() >= self.slots && self.idle.borrow_mut().give_way() {}
        let open = Open::new(&self.books);
        let (stream, addr, began) = loop {
            let place = self.direction(door.origin).await?;
            let addr = self.routes.borrow()[door.origin].places.addr(place);
            let began = self.books.now();
            match TcpStream::connect(addr).await {
                Ok(stream) => break (stream, addr, began),
                Err(error) => {
                    let (others, _) = self.routes.borrow_mut()[door.origin].unreachable(place);
                    if !others {
                        return Err(Failure::from_io(&error));
                    }
                }
            }
        };
        // Small requests must not wait for one another.
        stream.set_nodelay(true).map_err(|error| Failure::from_io(&error))?;
        Ok((Counted::new(stream, addr, &self.books, open, step), began))
    }

    /// The place that the next connection leads to, once that is known.
    async fn direction(&self, origin: usize) -> Result<usize, Failure> {
        loop {
            self.ask_name(origin);
            // Before the route is asked, so that no answer is missed.
            let answered = self.answered.notified();
            let direction = self.routes.borrow_mut()[origin].next();
            match direction {
                Direction::Place(place) => return Ok(place),
                Direction::Nowhere(failure) => return Err(failure),
                Direction::Unresolved => answered.await,
            }
        }
    }

    /// Asks for an origin's name if that is due.
    pub(super) fn ask_name(&self, origin: usize) {
        let question = self.routes.borrow_mut()[origin].question(self.books.now());
        if let Some(name) = question {
            self.lookups.ask(origin, name);
        }
    }
}
