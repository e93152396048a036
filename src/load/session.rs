/// The values captured for one virtual user: some for the session's life, some for one arrival's.
#[derive(Debug, Default)]
pub(super) struct Values {
    logged_in: bool,
    session: Vec<(String, String)>,
    arrival: Vec<(String, String)>,
}

impl Values {
    /// A captured value; an arrival's own hides the session's of the same name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = |list: &[(String, String)]| list.iter().rposition(|(n, _)| n == name);
        match found(&self.arrival) {
            Some(i) => Some(&self.arrival[i].1),
            None => found(&self.session).map(|i| self.session[i].1.as_str()),
        }
    }

    pub(super) fn keep_for_session(&mut self, captured: Vec<(String, String)>) {
        self.session.extend(captured);
    }

    pub(super) fn keep_for_arrival(&mut self, captured: Vec<(String, String)>) {
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

    fn end_arrival(&mut self) {
        self.arrival.clear();
    }
}

/// Virtual users who have logged in and are free, per scenario; the last used first.
///
/// An arrival owns its user while it lasts, so there are never more users than arrivals under way
/// at once, and two arrivals can't renew the same session.
#[derive(Debug)]
pub(super) struct Sessions(Vec<Vec<Values>>);

impl Sessions {
    pub(super) fn new(scenarios: usize) -> Self {
        Self((0..scenarios).map(|_| Vec::new()).collect())
    }

    pub(super) fn take(&mut self, scenario: usize) -> Option<Values> {
        self.0[scenario].pop()
    }

    pub(super) fn put(&mut self, scenario: usize, mut values: Values) {
        values.end_arrival();
        self.0[scenario].push(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_live_as_long_as_their_scope() {
        let pair = |v: &str| vec![("token".to_owned(), v.to_owned())];
        let mut values = Values::default();
        values.keep_for_session(pair("login"));
        values.keep_for_arrival(pair("step"));
        assert_eq!(values.get("token"), Some("step"));
        let mut sessions = Sessions::new(2);
        sessions.put(1, values);
        assert!(sessions.take(0).is_none());
        let mut values = sessions.take(1).unwrap();
        assert_eq!(values.get("token"), Some("login"));
        values.end_session();
        assert_eq!(values.get("token"), None);
        assert!(sessions.take(1).is_none());
    }
}
