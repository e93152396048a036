use std::rc::Rc;

use super::desk::{Desk, Turn};
use super::idle::Conn;
use super::lines::Line;
use crate::clock::Offset;
use crate::load::backlog::Due;
use crate::load::course::{Course, LineEnd, Session};
use crate::load::departures::STOPPED;
use crate::load::failure::Failure;
use crate::record::Outcome;
use crate::seed::Seed;

const UNAUTHORIZED: u16 = 401;
const RENEWED: &str = "status 401, session renewed";

/// What one arrival does: one request after the other, to the end of its scenario. It has begun, in the record, when
/// this is called, and has ended when this has.
pub(super) async fn arrive(desk: Rc<Desk>, due: Due) {
    let play = &desk.lines.scenarios[due.scenario];
    let mut user = desk.sessions.borrow_mut().take(due.scenario);
    let mut course = Course::new(play.session, play.lines.len(), user.logged_in());
    let mut rng = Seed(desk.seed.0 ^ due.number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).rng();
    let mut from = due.at;
    let outcome = loop {
        let line = &play.lines[course.line()];
        let (mut end, mut captured, mut held) = (LineEnd::Well, Vec::new(), None);
        for round in 1..=line.rounds {
            let mut turn = Turn {
                desk: &desk,
                line,
                user: &user,
                names: &play.names,
                rng: &mut rng,
                from,
                held: &mut held,
                last: round == line.rounds,
                status: None,
                captured: Vec::new(),
            };
            desk.books.write(|recorder, now| recorder.request_began(now, line.id));
            let result = desk.request(line, from, &mut turn).await;
            captured.append(&mut turn.captured);
            let status = turn.status;
            let text;
            (end, text) = line_end(&course, result, status);
            let outcome = match end {
                LineEnd::Well => Outcome::Ok,
                LineEnd::Unauthorized => Outcome::Failed,
                LineEnd::Badly(outcome) => outcome,
            };
            from = desk.books.write(|recorder, now| {
                let latency = now.since(from);
                recorder.request_ended(now, line.id, outcome, latency, status, text.as_deref());
                now
            });
            if end != LineEnd::Well {
                captured.clear();
                break;
            }
        }
        if end == LineEnd::Well
            && let Err(failure) = desk.hold(line, &mut held).await
        {
            desk.books.write(|recorder, _| recorder.fault(line.id, &failure.text));
            end = LineEnd::Badly(failure.outcome);
        }
        drop(held);
        if course.in_session() {
            user.keep_for_session(captured);
        } else {
            user.keep_for_arrival(captured);
        }
        let (session, over) = course.end(end);
        match session {
            Session::Keep => {}
            Session::LoggedIn => desk.sessions.borrow_mut().log_in(due.scenario, &mut user),
            Session::Ended => {
                if desk.sessions.borrow_mut().end(due.scenario, &mut user) {
                    course.resume();
                }
            }
        }
        if let Some(outcome) = over {
            break outcome;
        }
    };
    desk.books.write(|recorder, now| recorder.arrival_ended(now, outcome));
    desk.sessions.borrow_mut().put(due.scenario, user);
}

/// How a request ended for its arrival, and what is said of it unless it ended well.
fn line_end(
    course: &Course,
    result: Result<(), Failure>,
    status: Option<u16>,
) -> (LineEnd, Option<std::borrow::Cow<'static, str>>) {
    match result {
        Ok(()) => (LineEnd::Well, None),
        Err(_) if status == Some(UNAUTHORIZED) && course.renewable() => {
            (LineEnd::Unauthorized, Some(RENEWED.into()))
        }
        Err(failure) if status == Some(UNAUTHORIZED) => (LineEnd::Unauthorized, Some(failure.text)),
        Err(failure) => (LineEnd::Badly(failure.outcome), Some(failure.text)),
    }
}

impl Desk {
    /// One request, within its time from when it was meant to begin.
    async fn request(&self, line: &Line, from: Offset, turn: &mut Turn<'_>) -> Result<(), Failure> {
        tokio::select! {
            biased;
            () = self.cut.cancelled() => Err(Failure::failed(STOPPED)),
            result = line.call.round(turn) => result,
            () = self.books.clock().sleep_until(from + line.timeout) => {
                Err(Failure::timed_out("timed out"))
            }
        }
    }

    /// Keeps the connection of a step open for as long as it says, or until the load ends.
    async fn hold(&self, line: &Line, held: &mut Option<Conn>) -> Result<(), Failure> {
        let (Some(hold), Some(conn)) = (line.hold, held) else { return Ok(()) };
        let until = (self.books.now() + hold).min(self.end_of_load);
        tokio::select! {
            biased;
            () = self.cut.cancelled() => Err(Failure::failed(STOPPED)),
            () = self.books.clock().sleep_until(until) => Ok(()),
            failure = conn.attend() => Err(failure),
        }
    }
}
