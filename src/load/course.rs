use crate::record::Outcome;

/// Where an arrival stands in its scenario: which of its lines is under way, and which comes next.
///
/// The lines of the session come first. They are passed over when the virtual user has logged in, and
/// played again when a step is answered 401; the step is then repeated, once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// How many lines belong to the session.
    session: usize,
    /// How many lines there are.
    lines: usize,
    at: usize,
    /// The step to go on with after the session's lines.
    resume: usize,
    /// Whether the step at hand has renewed the session.
    renewed: bool,
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineEnd {
    /// As expected.
    Well,
    /// Answered 401, and not as expected.
    Unauthorized,
    /// Otherwise.
    Badly(Outcome),
}

/// What to do with the session's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Session {
    Keep,
    /// Its lines are done.
    LoggedIn,
    /// It is over.
    Ended,
}

impl Course {
    /// A scenario with `lines` lines, the first `session` of them the session's.
    pub(super) fn new(session: usize, lines: usize, logged_in: bool) -> Self {
        let at = if logged_in { session } else { 0 };
        Self { session, lines, at, resume: session, renewed: false }
    }

    /// The line under way.
    pub(super) fn line(&self) -> usize {
        self.at
    }

    /// Whether the line under way belongs to the session.
    pub(super) fn in_session(&self) -> bool {
        self.at < self.session
    }

    /// Whether a 401 to the line under way renews the session.
    pub(super) fn renewable(&self) -> bool {
        self.session > 0 && !self.in_session() && !self.renewed
    }

    /// Goes on with the step that found the session over: it is open again without its lines.
    pub(super) fn resume(&mut self) {
        self.at = self.resume;
    }

    /// Takes note of the end of the line under way: either the next line is under way, or the arrival has ended.
    pub(super) fn end(&mut self, end: LineEnd) -> (Session, Option<Outcome>) {
        match end {
            LineEnd::Well if self.in_session() => {
                self.at += 1;
                if self.in_session() {
                    return (Session::Keep, None);
                }
                self.at = self.resume;
                (Session::LoggedIn, None)
            }
            LineEnd::Well => {
                self.renewed = false;
                self.at += 1;
                (Session::Keep, (self.at == self.lines).then_some(Outcome::Ok))
            }
            LineEnd::Unauthorized if self.renewable() => {
                (self.resume, self.at, self.renewed) = (self.at, 0, true);
                (Session::Ended, None)
            }
            LineEnd::Unauthorized if self.session > 0 => (Session::Ended, Some(Outcome::Failed)),
            LineEnd::Unauthorized => (Session::Keep, Some(Outcome::Failed)),
            LineEnd::Badly(outcome) if self.in_session() => (Session::Ended, Some(outcome)),
            LineEnd::Badly(outcome) => (Session::Keep, Some(outcome)),
        }
    }
}

#[cfg(test)]
mod tests {
    use LineEnd::{Badly, Unauthorized, Well};

    use super::*;

    /// The lines played and what was said of the session, until the arrival ended.
    fn play(mut course: Course, ends: &[LineEnd]) -> (Vec<usize>, Vec<Session>, Option<Outcome>) {
        let (mut lines, mut said) = (Vec::new(), Vec::new());
        for end in ends {
            lines.push(course.line());
            let (session, outcome) = course.end(*end);
            said.push(session);
            if outcome.is_some() {
                return (lines, said, outcome);
            }
        }
        (lines, said, None)
    }

    #[test]
    fn a_session_is_opened_once_and_renewed_once_per_step() {
        let fresh = Course::new(2, 4, false);
        let (lines, said, end) = play(fresh, &[Well; 4]);
        assert_eq!((lines.as_slice(), end), (&[0, 1, 2, 3][..], Some(Outcome::Ok)));
        assert_eq!(said[1], Session::LoggedIn);
        let known = Course::new(2, 4, true);
        let (lines, said, end) =
            play(known, &[Unauthorized, Well, Well, Well, Unauthorized, Well, Well, Well]);
        assert_eq!((lines.as_slice(), end), (&[2, 0, 1, 2, 3, 0, 1, 3][..], Some(Outcome::Ok)));
        assert_eq!((said[0], said[2]), (Session::Ended, Session::LoggedIn));
        let (lines, said, end) = play(known, &[Unauthorized, Well, Well, Unauthorized]);
        assert_eq!((lines.as_slice(), end), (&[2, 0, 1, 2][..], Some(Outcome::Failed)));
        assert_eq!(said[3], Session::Ended);
    }

    #[test]
    fn what_ends_badly_ends_the_arrival() {
        let late = Badly(Outcome::TimedOut);
        let (lines, said, end) = play(Course::new(1, 2, false), &[late]);
        assert_eq!((lines.len(), said[0], end), (1, Session::Ended, Some(Outcome::TimedOut)));
        let (_, said, end) = play(Course::new(1, 2, true), &[late]);
        assert_eq!((said[0], end), (Session::Keep, Some(Outcome::TimedOut)));
        let (_, said, end) = play(Course::new(1, 2, false), &[Unauthorized]);
        assert_eq!((said[0], end), (Session::Ended, Some(Outcome::Failed)));
        let (_, said, end) = play(Course::new(0, 1, false), &[Unauthorized]);
        assert_eq!((said[0], end), (Session::Keep, Some(Outcome::Failed)));
    }
}
