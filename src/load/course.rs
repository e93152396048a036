use std::rc::Rc;

use super::failure::Failure;
use super::http1::exchange;
use super::render;
use super::script::Line;
use super::session::Values;
use super::stage::Stage;
use crate::clock::Offset;
use crate::record::{Outcome, StepId};
use crate::seed::{Rng, Seed};

/// An arrival that has a connection to use. It counts as under way from here on, and as ended when it
/// is dropped, whatever becomes of it.
pub(super) struct Arrival {
    stage: Rc<Stage>,
    scenario: usize,
    rng: Rng,
    /// When the next request is meant to begin.
    from: Offset,
    outcome: Outcome,
}

const UNAUTHORIZED: u16 = 401;
const STOPPED: &str = "run stopped";

impl Arrival {
    /// Arrival `n`, due at `due`. Its random values depend on the seed and `n` alone.
    pub(super) fn begin(stage: Rc<Stage>, n: u64, scenario: usize, due: Offset) -> Self {
        stage.recorder.borrow_mut().arrival_began();
        let rng = Seed(stage.seed.0 ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).rng();
        Self { stage, scenario, rng, from: due, outcome: Outcome::Failed }
    }

    /// Plays its scenario to the end, or to the first step that ends badly.
    pub(super) async fn play(mut self) {
        let script = self.stage.script.clone();
        let play = &script.scenarios[self.scenario];
        let free = self.stage.sessions.borrow_mut().take(self.scenario);
        let mut values = free.unwrap_or_default();
        self.outcome = match self.steps(&play.session, &play.steps, &mut values).await {
            Ok(()) => Outcome::Ok,
            Err(outcome) => outcome,
        };
        if values.logged_in() {
            self.stage.sessions.borrow_mut().put(self.scenario, values);
        }
    }

    async fn steps(
        &mut self,
        session: &[Line],
        steps: &[Line],
        values: &mut Values,
    ) -> Result<(), Outcome> {
        if !session.is_empty() && !values.logged_in() {
            self.log_in(session, values).await?;
        }
        for line in steps {
            let mut end = self.request(line, values, !session.is_empty()).await;
            if end.renew {
                values.end_session();
                self.log_in(session, values).await?;
                end = self.request(line, values, false).await;
                if end.status == Some(UNAUTHORIZED) && end.result.is_err() {
                    values.end_session();
                }
            }
            values.keep_for_arrival(end.result?);
        }
        Ok(())
    }

    async fn log_in(&mut self, session: &[Line], values: &mut Values) -> Result<(), Outcome> {
        for line in session {
            match self.request(line, values, false).await.result {
                Ok(captured) => values.keep_for_session(captured),
                Err(outcome) => {
                    values.end_session();
                    return Err(outcome);
                }
            }
        }
        values.log_in();
        Ok(())
    }

    /// One request: sent, timed from when it was meant to begin, judged, recorded.
    async fn request(&mut self, line: &Line, values: &Values, renewable: bool) -> End {
        let stage = Rc::clone(&self.stage);
        let mut open = OpenRequest::begin(&stage, line.id, self.from);
        let deadline = stage.clock.instant(self.from + line.timeout);
        let mut status = None;
        let result = match render::request(line, values, &mut self.rng) {
            Err(failure) => Err(failure),
            Ok(request) => {
                let exchange = exchange(&stage, &request, line.keep_body);
                // The runtime's timer is good enough to give up by.
                match tokio::time::timeout_at(deadline.into(), exchange).await {
                    Err(_elapsed) => Err(Failure::timed_out("timed out")),
                    Ok(Err(failure)) => Err(failure),
                    Ok(Ok(answer)) => {
                        status = Some(answer.status);
                        answer.judge(&line.step)
                    }
                }
            }
        };
        let renew = renewable && status == Some(UNAUTHORIZED) && result.is_err();
        self.from = open.end(status, result.as_ref().err(), renew);
        End { status, renew, result: result.map_err(|failure| failure.outcome) }
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let now = self.stage.clock.now();
        self.stage.recorder.borrow_mut().arrival_ended(now, self.outcome);
    }
}

struct End {
    status: Option<u16>,
    /// Whether the session is to be renewed and the request repeated.
    renew: bool,
    /// What was captured.
    result: Result<Vec<(String, String)>, Outcome>,
}

/// A request under way; dropped before its end, it counts as failed.
struct OpenRequest<'a> {
    stage: &'a Stage,
    step: StepId,
    from: Offset,
    ended: bool,
}

impl<'a> OpenRequest<'a> {
    fn begin(stage: &'a Stage, step: StepId, from: Offset) -> Self {
        stage.recorder.borrow_mut().request_began(stage.clock.now(), step);
        Self { stage, step, from, ended: false }
    }

    /// Says when it ended.
    fn end(&mut self, status: Option<u16>, failure: Option<&Failure>, renew: bool) -> Offset {
        let outcome = failure.map_or(Outcome::Ok, |f| f.outcome);
        let text = if renew {
            Some("status 401, session renewed")
        } else {
            failure.map(|f| f.text.as_ref())
        };
        self.record(outcome, status, text)
    }

    fn record(&mut self, outcome: Outcome, status: Option<u16>, text: Option<&str>) -> Offset {
        self.ended = true;
        let now = self.stage.clock.now();
        let latency = now.since(self.from);
        let mut recorder = self.stage.recorder.borrow_mut();
        recorder.request_ended(now, self.step, outcome, latency, status, text);
        now
    }
}

impl Drop for OpenRequest<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.record(Outcome::Failed, None, Some(STOPPED));
        }
    }
}
