use super::cookies::Jar;
use super::failure::Failure;
use super::script::Need;

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

/// What was captured for one virtual user, and the rows of data files that it was given: some values for the session's
/// life, some for one arrival's.
#[derive(Clone, Debug, Default)]
pub(super) struct Captures {
    /// Which login this session has come of; 0 before its own steps are done.
    login: u64,
    session: Values,
    arrival: Values,
    /// The session's rows outlast a new login: it is the same user who logs in again.
    session_rows: Values,
    arrival_rows: Values,
    pub(super) jar: Jar,
}

type Values = Vec<(u16, String)>;

impl Captures {
    /// The latest value of a capture; an arrival's own hides the session's.
    pub(super) fn get(&self, slot: u16) -> Option<&str> {
        let captured = self.arrival.iter().rev().chain(self.session.iter().rev());
        let mut all = captured.chain(&self.session_rows).chain(&self.arrival_rows);
        all.find(|(s, _)| *s == slot).map(|(_, value)| value.as_str())
    }

    pub(super) fn keep_for_session(&mut self, captured: Values) {
        self.session.extend(captured);
    }

    pub(super) fn keep_for_arrival(&mut self, captured: Values) {
        self.arrival.extend(captured);
    }

    /// Takes a row that was needed.
    pub(super) fn give(&mut self, need: &Need, row: &mut [Box<str>]) {
        let rows = if need.session { &mut self.session_rows } else { &mut self.arrival_rows };
        for (place, slot) in &need.slots {
            rows.push((*slot, std::mem::take(&mut row[*place]).into_string()));
        }
    }

    /// Whether the session's own steps are done.
    pub(super) fn logged_in(&self) -> bool {
        self.login > 0
    }

    /// Forgets what the session captured: it begins anew.
    fn end_session(&mut self) {
        self.login = 0;
        self.session.clear();
        self.jar.clear();
    }

    fn end_arrival(&mut self) {
        self.arrival.clear();
        self.arrival_rows.clear();
    }
}

/// Virtual users who have logged in, per scenario. Either they are free, and the last used comes first; or there is one
/// that all arrivals share.
///
/// Unless it is shared, an arrival owns its user while it lasts, so there are never more users than arrivals under way
/// at once, and two arrivals can't renew the same session. What opens a shared session before it is open, or after it
/// has ended, opens it as well; the last one stays.
#[derive(Debug)]
pub(super) struct Sessions {
    pools: Vec<Pool>,
    logins: u64,
}

#[derive(Debug)]
enum Pool {
    Free(Vec<Captures>),
    Shared(Option<Captures>),
}

impl Sessions {
    /// For scenarios that share one session or don't.
    pub(super) fn new(shared: impl IntoIterator<Item = bool>) -> Self {
        let pool = |shared| if shared { Pool::Shared(None) } else { Pool::Free(Vec::new()) };
        Self { pools: shared.into_iter().map(pool).collect(), logins: 0 }
    }

    /// A user who has logged in, or else a new one.
    pub(super) fn take(&mut self, scenario: usize) -> Captures {
        match &mut self.pools[scenario] {
            Pool::Free(users) => users.pop(),
            Pool::Shared(user) => user.clone(),
        }
        .unwrap_or_default()
    }

    /// Keeps the user of an arrival that has ended, if logged in.
    pub(super) fn put(&mut self, scenario: usize, mut user: Captures) {
        if let Pool::Free(users) = &mut self.pools[scenario]
            && user.logged_in()
        {
            user.end_arrival();
            users.push(user);
        }
    }

    /// The session's own steps are done.
    pub(super) fn log_in(&mut self, scenario: usize, user: &mut Captures) {
        self.logins += 1;
        user.login = self.logins;
        if let Pool::Shared(shared) = &mut self.pools[scenario] {
            let mut user = user.clone();
            user.end_arrival();
            *shared = Some(user);
        }
    }

    /// The session is over. Says whether another arrival has opened the shared one meanwhile: then that goes on.
    pub(super) fn end(&mut self, scenario: usize, user: &mut Captures) -> bool {
        if let Pool::Shared(shared) = &mut self.pools[scenario]
            && let Some(latest) = shared
            && user.logged_in()
        {
            if latest.login != user.login {
                (user.login, user.jar) = (latest.login, latest.jar.clone());
                user.session.clone_from(&latest.session);
                user.session_rows.clone_from(&latest.session_rows);
                return true;
            }
            *shared = None;
        }
        user.end_session();
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(value: &str) -> Values {
        vec![(0, value.to_owned())]
    }

    #[test]
    fn values_live_as_long_as_their_scope() {
        let mut sessions = Sessions::new([false, false]);
        let mut user = Captures::default();
        user.keep_for_session(pair("login"));
        sessions.log_in(1, &mut user);
        user.keep_for_arrival(pair("step"));
        user.keep_for_arrival(pair("later"));
        assert_eq!((user.get(0), user.get(1)), (Some("later"), None));
        sessions.put(1, user);
        assert!(!sessions.take(0).logged_in());
        let mut user = sessions.take(1);
        assert_eq!((user.logged_in(), user.get(0)), (true, Some("login")));
        assert!(!sessions.end(1, &mut user));
        assert_eq!(user.get(0), None);
        sessions.put(1, user);
        assert!(!sessions.take(1).logged_in());
    }

    #[test]
    fn a_session_keeps_its_row_and_an_arrival_does_not() {
        let need = |feed, session, slot| Need { feed, session, slots: vec![(0, slot)] };
        let row = |value: &str| -> crate::experiment::Row { [Box::from(value)].into() };
        let mut sessions = Sessions::new([false]);
        let mut user = Captures::default();
        user.give(&need(0, true, 3), &mut row("ann"));
        user.give(&need(1, false, 4), &mut row("tea"));
        sessions.log_in(0, &mut user);
        sessions.put(0, user);
        let mut user = sessions.take(0);
        assert_eq!((user.get(3), user.get(4)), (Some("ann"), None));
        sessions.end(0, &mut user);
        assert_eq!(user.get(3), Some("ann"), "the same user logs in again");
    }

    #[test]
    fn a_shared_session_is_everybodys_and_renewed_once() {
        let mut sessions = Sessions::new([true]);
        let mut first = sessions.take(0);
        first.keep_for_session(pair("t1"));
        sessions.log_in(0, &mut first);
        let (mut second, mut third) = (sessions.take(0), sessions.take(0));
        assert_eq!((second.get(0), third.get(0)), (Some("t1"), Some("t1")));
        assert!(!sessions.end(0, &mut second), "the first that finds it over opens it again");
        assert!(!sessions.take(0).logged_in());
        second.keep_for_session(pair("t2"));
        sessions.log_in(0, &mut second);
        assert!(sessions.end(0, &mut third), "the next goes on with it");
        assert_eq!(third.get(0), Some("t2"));
        sessions.put(0, third);
        assert_eq!(sessions.take(0).get(0), Some("t2"));
        // Who could not log in ends nobody's session.
        assert!(!sessions.end(0, &mut Captures::default()));
        assert!(sessions.take(0).logged_in());
    }

    #[test]
    fn equal_names_have_one_number() {
        let names = Names::new(["a", "b", "a"].map(str::to_owned));
        assert_eq!((names.slot("a"), names.slot("b"), names.slot("c")), (Some(0), Some(1), None));
        assert_eq!(names.missing(1).text, "capture b missing");
    }
}
