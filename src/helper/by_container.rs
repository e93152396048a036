//! Through the engine: run ourselves in a container that shares the namespace.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::command::{Answer, Request};
use super::{Cut, CutState, HelperError, Namespace};

/// Runs longhaul's own image once beside a container: in its network namespace, as root with no
/// capability but `NET_ADMIN`.
pub trait OneShot: Send + Sync {
    /// Runs `longhaul <args...>` in the network namespace of `container` and gives back what it wrote
    /// to standard output, whatever its exit code. The error says why it could not be run.
    fn run(&self, container: &str, args: Vec<String>) -> BoxFuture<'_, Result<String, String>>;
}

/// The network namespace of `container` (its id), reached through `one_shot`. About 0.2 s a call.
pub fn by_container(container: String, one_shot: Arc<dyn OneShot>) -> Box<dyn Namespace> {
    Box::new(Remote { container, one_shot })
}

struct Remote {
    container: String,
    one_shot: Arc<dyn OneShot>,
}

impl Remote {
    async fn ask(&self, request: Request) -> Result<Answer, HelperError> {
        let text = self
            .one_shot
            .run(&self.container, request.into_args()?)
            .await
            .map_err(HelperError::Transport)?;
        match serde_json::from_str(text.trim()) {
            Ok(Answer::Failed(error)) => Err(error),
            Ok(answer) => Ok(answer),
            Err(e) => {
                let shown: String = text.trim().chars().take(200).collect();
                Err(HelperError::Transport(format!("its answer is not one ({e}): {shown:?}")))
            }
        }
    }
}

fn astray(answer: &Answer) -> HelperError {
    HelperError::Transport(format!("it answered another question: {answer:?}"))
}

impl Namespace for Remote {
    fn arm<'a>(&'a self, cut: &'a Cut) -> BoxFuture<'a, Result<(), HelperError>> {
        Box::pin(async move {
            cut.check()?;
            match self.ask(Request::Arm(cut.clone())).await? {
                Answer::Done => Ok(()),
                other => Err(astray(&other)),
            }
        })
    }

    fn state<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<CutState, HelperError>> {
        Box::pin(async move {
            match self.ask(Request::State(table.to_owned())).await? {
                Answer::State(state) => Ok(state),
                other => Err(astray(&other)),
            }
        })
    }

    fn disarm<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<(), HelperError>> {
        Box::pin(async move {
            match self.ask(Request::Disarm(table.to_owned())).await? {
                Answer::Done => Ok(()),
                other => Err(astray(&other)),
            }
        })
    }

    fn tables(&self) -> BoxFuture<'_, Result<Vec<String>, HelperError>> {
        Box::pin(async move {
            match self.ask(Request::Tables).await? {
                Answer::Tables(names) => Ok(names),
                other => Err(astray(&other)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with a fixed text.
    struct Says(Result<&'static str, &'static str>);

    impl OneShot for Says {
        fn run(&self, _: &str, args: Vec<String>) -> BoxFuture<'_, Result<String, String>> {
            assert_eq!(args[0], "helper");
            let said = self.0.map(str::to_owned).map_err(str::to_owned);
            Box::pin(async move { said })
        }
    }

    async fn tables(said: Result<&'static str, &'static str>) -> Result<Vec<String>, HelperError> {
        by_container("c1".into(), Arc::new(Says(said))).tables().await
    }

    #[tokio::test]
    async fn an_answer_that_is_none_leaves_the_outcome_unknown() {
        for said in [Err("engine away"), Ok(""), Ok("{\"done\":"), Ok("\"done\"")] {
            let error = tables(said).await.unwrap_err();
            assert!(matches!(error, HelperError::Transport(_)), "{said:?}: {error}");
        }
    }

    #[tokio::test]
    async fn the_far_sides_error_arrives_as_it_was() {
        let said = r#"{"failed":{"enter":"operation not permitted"}}"#;
        let expected = HelperError::Enter("operation not permitted".into());
        assert_eq!(tables(Ok(said)).await, Err(expected));
        assert_eq!(tables(Ok("{\"tables\":[\"longhaul_a\"]}\n")).await.unwrap(), ["longhaul_a"]);
    }
}
