use httparse::Header;

use super::reader;
use super::slots::Key;
use crate::clock::Offset;
use crate::load::answer::Answer;
use crate::load::captures::Captures;
use crate::load::course::Course;
use crate::load::script::{Line, Play, Script};
use crate::seed::{Rng, Seed};

/// An arrival under way.
pub(super) struct Flight {
    pub(super) scenario: usize,
    /// The stint of the user whose iteration it is, if it is one.
    pub(super) stint: Option<usize>,
    pub(super) course: Course,
    pub(super) user: Captures,
    /// What its random values are drawn from, once it draws any.
    pub(super) seed: Seed,
    pub(super) rng: Option<Rng>,
    /// When the request at hand was meant to begin.
    pub(super) from: Offset,
    /// The request at hand, unless it is always the same.
    pub(super) request: Vec<u8>,
    pub(super) answer: Answer,
    pub(super) stage: Stage,
    pub(super) sent_at: Offset,
    /// Whether the request at hand was sent a second time.
    pub(super) repeated: bool,
}

/// How far the request at hand has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not on its way.
    Nowhere,
    /// Waits for the address of its route's name.
    Unresolved { route: usize },
    /// Waits for a connection to a place; `wire` was opened for it.
    Waiting { route: usize, place: usize, wire: Key },
    /// Sent, or being sent.
    Sent { wire: Key },
}

impl Flight {
    pub(super) fn play<'s>(&self, script: &'s Script) -> &'s Play {
        &script.scenarios[self.scenario]
    }

    /// The step at hand.
    pub(super) fn line<'s>(&self, script: &'s Script) -> &'s Line {
        &self.play(script).lines[self.course.line()]
    }

    /// The request at hand, as it goes over the wire.
    pub(super) fn bytes<'a>(&'a self, script: &'a Script) -> &'a [u8] {
        self.line(script).request.constant().unwrap_or(&self.request)
    }
}

/// Keeps of an answer what its step looks at.
pub(super) struct Listening<'a> {
    pub(super) line: &'a Line,
    pub(super) answer: &'a mut Answer,
}

impl reader::Answer for Listening<'_> {
    fn head(&mut self, status: u16, fields: &[Header<'_>]) {
        self.answer.head(self.line, status, fields);
    }

    fn body(&mut self, piece: &[u8]) {
        self.answer.body(self.line, piece);
    }
}

/// Of a connection that nobody uses.
pub(super) struct Nobody;

impl reader::Answer for Nobody {
    fn head(&mut self, _status: u16, _fields: &[Header<'_>]) {}
    fn body(&mut self, _piece: &[u8]) {}
}
