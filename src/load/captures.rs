use super::failure::Failure;

/// The names that a scenario's captures have, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Vec<String>);

impl Names {
    /// Equal names get one number.
    pub(super) fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut all: Vec<String> = Vec::new();
        for name in names {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        Self(all)
    }

    pub(super) fn slot(&self, name: &str) -> Option<u16> {
        self.0.iter().position(|known| known == name).and_then(|at| u16::try_from(at).ok())
    }

    /// What is said when a value that was to be captured is not there.
    pub(super) fn missing(&self, slot: u16) -> Failure {
        Failure::failed(format!("capture {} missing", self.name(slot)))
    }

    /// What is said when a captured value would end the header field it is put into.
    pub(super) fn unfit(&self, slot: u16) -> Failure {
        Failure::failed(format!("capture {} can't stand in a header", self.name(slot)))
    }

    fn name(&self, slot: u16) -> &str {
        self.0.get(usize::from(slot)).map_or("", String::as_str)
    }
}

/// What was captured for one virtual user: some values for the session's life, some for one arrival's.
#[derive(Debug, Default)]
pub(super) struct Captures {
    logged_in: bool,
    session: Vec<(u16, String)>,
    arrival: Vec<(u16, String)>,
}

impl Captures {
    /// The latest value of a capture; an arrival's own hides the session's.
    pub(super) fn get(&self, slot: u16) -> Option<&str> {
        let mut latest_first = self.arrival.iter().rev().chain(self.session.iter().rev());
        latest_first.find(|(s, _)| *s == slot).map(|(_, value)| value.as_str())
    }

    pub(super) fn keep_for_session(&mut self, captured: Vec<(u16, String)>) {
        self.session.extend(captured);
    }

    pub(super) fn keep_for_arrival(&mut self, captured: Vec<(u16, String)>) {
        self.arrival.extend(captured);
    }

    /// Whether the session's own steps are done.
    pub(super) fn logged_in(&self) -> bool {
        self.logged_in
    }

    /// The session's own steps are done.
    pub(super) fn log_in(&mut self) {
        self.logged_in = true;
    }

    /// Forgets what the session captured: it begins anew.
    pub(super) fn end_session(&mut self) {
        self.logged_in = false;
        self.session.clear();
    }
}

/// Virtual users who have logged in and are free, per scenario; the last used first.
///
/// An arrival owns its user while it lasts, so there are never more users than arrivals under way
/// at once, and two arrivals can't renew the same session.
#[derive(Debug)]
pub(super) struct Sessions(Vec<Vec<Captures>>);

impl Sessions {
    pub(super) fn new(scenarios: usize) -> Self {
        Self((0..scenarios).map(|_| Vec::new()).collect())
    }

    /// A user who has logged in, or else a new one.
    pub(super) fn take(&mut self, scenario: usize) -> Captures {
        self.0[scenario].pop().unwrap_or_default()
    }

    /// Keeps the user of an arrival that has ended, if logged in.
    pub(super) fn put(&mut self, scenario: usize, mut captures: Captures) {
        if captures.logged_in {
            captures.arrival.clear();
            self.0[scenario].push(captures);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_live_as_long_as_their_scope() {
        let pair = |v: &str| vec![(0, v.to_owned())];
        let mut user = Captures::default();
        user.keep_for_session(pair("login"));
        user.log_in();
        user.keep_for_arrival(pair("step"));
        user.keep_for_arrival(pair("later"));
        assert_eq!((user.get(0), user.get(1)), (Some("later"), None));
        let mut sessions = Sessions::new(2);
        sessions.put(1, user);
        assert!(!sessions.take(0).logged_in());
        let mut user = sessions.take(1);
        assert_eq!((user.logged_in(), user.get(0)), (true, Some("login")));
        user.end_session();
        assert_eq!(user.get(0), None);
        sessions.put(1, user);
        assert!(!sessions.take(1).logged_in());
    }

    #[test]
    fn equal_names_have_one_number() {
        let names = Names::new(["a", "b", "a"].map(str::to_owned));
        assert_eq!((names.slot("a"), names.slot("b"), names.slot("c")), (Some(0), Some(1), None));
        assert_eq!(names.missing(1).text, "capture b missing");
    }
}
