//! The hidden command `longhaul helper net arm|state|disarm|tables --json REQUEST`: the far side of
//! [`by_container`](super::by_container).

use std::io::Write;

use serde::{Deserialize, Serialize};

use super::by_pid::own;
use super::{Cut, CutState, HelperError};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Arm(Cut),
    State(String),
    Disarm(String),
    Tables,
}

/// What is answered: one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Done,
    State(CutState),
    Tables(Vec<String>),
    Failed(HelperError),
}

#[derive(Serialize, Deserialize)]
struct Table {
    table: String,
}

/// Does in the process's own network namespace what `args` ask, the words that follow
/// `longhaul helper`, and writes the answer to `out` as one line of JSON. The exit code is 0 when there
/// is an answer, a refusal included, 2 when `args` are no question, 1 when `out` takes nothing. May be
/// called inside a runtime or outside.
pub fn main(args: &[String], out: &mut impl Write) -> u8 {
    let (answer, code) = match Request::from_args(args) {
        Ok(request) => (on_a_thread(request), 0),
        Err(error) => (Answer::Failed(error), 2),
    };
    let text = serde_json::to_string(&answer).unwrap_or_else(|e| format!("\"{e}\""));
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => code,
        Err(_) => 1,
    }
}

/// A runtime can't be started inside another one, and which thread we are on is not known.
fn on_a_thread(request: Request) -> Answer {
    let work = move || -> Result<Answer, HelperError> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| HelperError::Transport(format!("no runtime: {e}")))?
            .block_on(act(request))
    };
    let done = std::thread::Builder::new()
        .name("helper".into())
        .spawn(work)
        .map_err(|e| HelperError::Transport(format!("no thread: {e}")))
        .and_then(|thread| {
            thread.join().unwrap_or_else(|_| Err(HelperError::Transport("it panicked".into())))
        });
    done.unwrap_or_else(Answer::Failed)
}

async fn act(request: Request) -> Result<Answer, HelperError> {
    let here = own();
    Ok(match request {
        Request::Arm(cut) => here.arm(&cut).await.map(|()| Answer::Done)?,
        Request::State(table) => Answer::State(here.state(&table).await?),
        Request::Disarm(table) => here.disarm(&table).await.map(|()| Answer::Done)?,
        Request::Tables => Answer::Tables(here.tables().await?),
    })
}

impl Request {
    /// The whole command line after `longhaul`.
    pub(super) fn into_args(self) -> Result<Vec<String>, HelperError> {
        let json = |value: serde_json::Result<String>| {
            value.map_err(|e| HelperError::Invalid(format!("write the request: {e}")))
        };
        let (verb, payload) = match self {
            Self::Arm(cut) => ("arm", Some(json(serde_json::to_string(&cut))?)),
            Self::State(table) => ("state", Some(json(serde_json::to_string(&Table { table }))?)),
            Self::Disarm(table) => ("disarm", Some(json(serde_json::to_string(&Table { table }))?)),
            Self::Tables => ("tables", None),
        };
        let mut args: Vec<String> = ["helper", "net", verb].map(str::to_owned).into();
        if let Some(payload) = payload {
            args.extend(["--json".to_owned(), payload]);
        }
        Ok(args)
    }

    /// Reads what follows `longhaul helper`.
    fn from_args(args: &[String]) -> Result<Self, HelperError> {
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        let table = |payload| Ok(parse::<Table>(payload)?.table);
        match words.as_slice() {
            ["net", "arm", "--json", payload] => Ok(Self::Arm(parse(payload)?)),
            ["net", "state", "--json", payload] => Ok(Self::State(table(payload)?)),
            ["net", "disarm", "--json", payload] => Ok(Self::Disarm(table(payload)?)),
            ["net", "tables"] | ["net", "tables", "--json", _] => Ok(Self::Tables),
            _ => Err(HelperError::Invalid(
                "the words are not: net arm|state|disarm|tables --json REQUEST".into(),
            )),
        }
    }
}

fn parse<T: for<'de> Deserialize<'de>>(payload: &str) -> Result<T, HelperError> {
    serde_json::from_str(payload)
        .map_err(|e| HelperError::Invalid(format!("read the request: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn requests() -> Vec<Request> {
        let cut = Cut {
            table: "longhaul_a".into(),
            sources: vec!["10.0.0.2".parse().unwrap(), "fd00::2".parse().unwrap()],
            lease: Duration::from_millis(1500),
        };
        let table = || "longhaul_a".to_owned();
        vec![Request::Arm(cut), Request::State(table()), Request::Disarm(table()), Request::Tables]
    }

    #[test]
    fn every_request_survives_the_command_line() {
        for request in requests() {
            let args = request.clone().into_args().unwrap();
            assert_eq!(args[0], "helper");
            assert_eq!(Request::from_args(&args[1..]), Ok(request));
        }
    }

    #[test]
    fn words_that_are_no_question_get_code_2_and_a_json_answer() {
        for bad in [&["net"][..], &["net", "arm"], &["net", "arm", "--json", "{}"], &[]] {
            let args: Vec<String> = bad.iter().map(|&s| s.to_owned()).collect();
            let mut out = Vec::new();
            assert_eq!(main(&args, &mut out), 2, "{bad:?}");
            let answer: Answer = serde_json::from_slice(&out).unwrap();
            assert!(matches!(answer, Answer::Failed(HelperError::Invalid(_))), "{answer:?}");
        }
    }

    #[test]
    fn a_full_disk_under_the_answer_is_not_success() {
        let mut full: &mut [u8] = &mut [];
        assert_eq!(main(&["net".to_owned()], &mut full), 1);
    }
}
