//! From the host: enter the namespace of a process.

use futures_util::future::BoxFuture;
use nlink::netlink::namespace::Netns;

use super::error::chain;
use super::rules::Rules;
use super::{Cut, CutState, HelperError, Namespace};

/// The network namespace of process `pid`, held open from now on: should the process end and its
/// number be given to another, this still means the first one's namespace. That the process was the
/// right one in the first place, the caller has to know. Needs root (`CAP_SYS_ADMIN`, `CAP_NET_ADMIN`)
/// and the host's process numbers; what is missing is said by the first use.
pub fn by_pid(pid: u32) -> Box<dyn Namespace> {
    Box::new(Local { namespace: open(pid) })
}

/// Whether rules can be set in the namespace of process `pid`: makes and removes a whole cut there in
/// one transaction, so that nothing of it is left or ever felt. The error says what is missing.
pub async fn available(pid: u32) -> Result<(), String> {
    let probe = async { Rules::open(&open(pid)?)?.probe().await };
    probe.await.map_err(|e| e.to_string())
}

/// The namespace this process was started in.
pub(super) fn own() -> Box<dyn Namespace> {
    let namespace = Netns::current().map_err(|e| HelperError::Enter(chain(&e)));
    Box::new(Local { namespace })
}

fn open(pid: u32) -> Result<Netns, HelperError> {
    Netns::from_pid(pid).map_err(|e| {
        if e.is_not_found() { HelperError::Gone(pid) } else { HelperError::Enter(chain(&e)) }
    })
}

struct Local {
    namespace: Result<Netns, HelperError>,
}

impl Local {
    fn rules(&self) -> Result<Rules, HelperError> {
        Rules::open(self.namespace.as_ref().map_err(Clone::clone)?)
    }
}

impl Namespace for Local {
    fn arm<'a>(&'a self, cut: &'a Cut) -> BoxFuture<'a, Result<(), HelperError>> {
        Box::pin(async move { self.rules()?.arm(cut).await })
    }

    fn state<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<CutState, HelperError>> {
        Box::pin(async move { self.rules()?.state(table).await })
    }

    fn disarm<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<(), HelperError>> {
        Box::pin(async move { self.rules()?.disarm(table).await })
    }

    fn tables(&self) -> BoxFuture<'_, Result<Vec<String>, HelperError>> {
        Box::pin(async move { self.rules()?.tables().await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_that_is_not_there_is_gone() {
        // Above the kernel's largest possible process number.
        let pid = 1 << 23;
        assert_eq!(by_pid(pid).tables().await, Err(HelperError::Gone(pid)));
        assert!(available(pid).await.unwrap_err().contains("has ended"));
    }
}
