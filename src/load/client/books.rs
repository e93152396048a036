use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::clock::{Clock, Offset};
use crate::load::recorder::Recorder;

/// One worker's record, as all that runs on its thread writes it.
pub(super) struct Books {
    clock: Clock,
    recorder: RefCell<Recorder>,
    /// Connections that are open, or being opened.
    open: Cell<usize>,
    closed: Cell<bool>,
}

impl Books {
    pub(super) fn new(clock: Clock, recorder: Recorder) -> Rc<Self> {
        let (recorder, open, closed) = (RefCell::new(recorder), Cell::new(0), Cell::new(false));
        Rc::new(Self { clock, recorder, open, closed })
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn now(&self) -> Offset {
        self.clock.now()
    }

    /// Writes down what has happened now.
    pub(super) fn write<T>(&self, entry: impl FnOnce(&mut Recorder, Offset) -> T) -> T {
        let now = self.now();
        entry(&mut self.recorder.borrow_mut(), now)
    }

    /// Writes the last entry: connections that close after it are not counted any more.
    pub(super) fn close<T>(&self, entry: impl FnOnce(&mut Recorder, Offset) -> T) -> T {
        self.closed.set(true);
        self.write(entry)
    }

    /// How many connections are open, or being opened.
    pub(super) fn open(&self) -> usize {
        self.open.get()
    }
}

/// An open connection, counted for as long as this lives.
pub(super) struct Open(Rc<Books>);

impl Open {
    pub(super) fn new(books: &Rc<Books>) -> Self {
        books.open.set(books.open.get() + 1);
        books.write(|recorder, _| recorder.opened());
        Self(Rc::clone(books))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
        // While a panic unwinds the record may be in use; it is settled as a whole after that.
        if !self.0.closed.get()
            && let Ok(mut recorder) = self.0.recorder.try_borrow_mut()
        {
            recorder.closed();
        }
    }
}
