use std::collections::HashMap;
use std::rc::Rc;

use super::connect::{Connection, Place, Traffic};

/// Idle connections, the last used first, so that those not needed grow old and can go.
pub(super) struct Pool {
    idle: HashMap<Place, Vec<Connection>>,
    traffic: Rc<Traffic>,
    most: u32,
}

impl Pool {
    /// Keeps open connections, idle or not, to `most`.
    pub(super) fn new(most: u32, traffic: Rc<Traffic>) -> Self {
        Self { idle: HashMap::new(), traffic, most }
    }

    /// The idle connection to a place that was used last, if there is one.
    pub(super) fn take(&mut self, place: &Place) -> Option<Connection> {
        let list = self.idle.get_mut(place)?;
        while let Some(connection) = list.pop() {
            if !connection.sender.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    /// Takes a connection back.
    pub(super) fn put(&mut self, mut connection: Connection) {
        connection.used = true;
        if !connection.sender.is_closed() {
            self.idle.entry(connection.place.clone()).or_default().push(connection);
        }
    }

    /// Closes an idle connection if opening one more would make too many.
    pub(super) fn make_room(&mut self) {
        if self.traffic.open.get() >= self.most
            && let Some(list) = self.idle.values_mut().find(|list| !list.is_empty())
        {
            drop(list.remove(0));
        }
    }

    /// Closes idle connections to places that are gone, and forgets those the target closed.
    pub(super) fn retain(&mut self, lives: impl Fn(&Place) -> bool) {
        self.idle.retain(|place, list| {
            list.retain(|c| !c.sender.is_closed());
            !list.is_empty() && lives(place)
        });
    }
}
