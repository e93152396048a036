//! `process:` child processes as the target.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::compose::{Environment, EnvironmentName};
use super::known::ServiceName;
use super::source::{
    Context, Decode, Definitions, Folder, Found, Id, Int, Named, Node, Placed, Several, Span, Text,
    form,
};
use super::template;

/// Child processes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// The services by name. The short form `process: { command: [...] }` is one service called `app`.
    pub services: BTreeMap<String, ProcessService>,
}

/// One service of a process target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessService {
    /// Program and arguments. `{{self}}` is longhaul's own executable, `{{listen}}` the address
    /// `127.0.0.1:PORT` that longhaul picked for the instance, `{{port}}` its port, `{{dir}}` a folder of its own
    /// among the run's records.
    pub command: Vec<String>,
    /// Environment; secrets are named, as `{{secret.NAME}}`. longhaul adds `PORT`, and the variables of `links`.
    pub env: BTreeMap<String, String>,
    /// How many.
    pub replicas: u32,
    /// A fixed port instead of a picked one; only with one replica.
    pub port: Option<u16>,
    /// Environment variable -> service: the variable holds that service's addresses, comma-separated,
    /// each through a proxy of longhaul's, so that a partition can cut it. Also sets the start order.
    pub links: BTreeMap<String, String>,
    /// Working directory; default: the experiment file's folder.
    pub dir: Option<PathBuf>,
}

form! {
    /// One service of a process target.
    struct ProcessServiceForm {
        /// Program and arguments. `{{self}}` is longhaul's own executable, `{{listen}}` the address
        /// 127.0.0.1:PORT that longhaul picked for the instance, `{{port}}` its port, `{{dir}}` a folder of
        /// its own among the run's records.
        command: Several<Argument, 1> = Required,
        /// Environment, besides PORT and the variables of `links`. May use variables, secrets and the names
        /// of `command`.
        env: Environment<true> = Optional,
        /// How many, 1 to 64.
        replicas: Int<1, 64> = Default("1"),
        /// A fixed port instead of a picked one; only with one replica.
        port: Int<1, 65_535> = Optional,
        /// Environment variable to service: the variable holds that service's addresses, each through
        /// a proxy that a partition can cut. Services start after those they link to.
        links: Named<EnvironmentName, ServiceName> = Optional,
        /// Working directory, relative to this file; default: this file's folder.
        dir: Folder = Optional,
    }
}

form! {
    /// Child processes by service.
    struct ProcessForm {
        /// The services by name.
        services: Named<Id, ProcessService, 1> = Required,
    }
}

impl Decode for ProcessService {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = ProcessServiceForm::decode(node, cx)?;
        // What can't be read is told already, and stands in here for what the other services are checked against.
        let replicas = form.replicas.map_or(1, |r| u32::try_from(r.value.0).unwrap_or(1));
        if let Some(port) = &form.port
            && replicas > 1
        {
            let hint = "leave `port` out: each instance gets a port of its own";
            cx.problem_hint(port.span, format!("{replicas} replicas can't share one port"), hint);
        }
        let links = form.links.into_iter().flat_map(|l| l.value.0);
        let links = links.map(|(variable, service)| (variable.value.0, service.value.0)).collect();
        let command = form.command.into_iter().flat_map(|c| c.value.0);
        let command = command.map(|argument| argument.value.0).collect();
        Some(Self {
            command,
            env: form.env.map(|e| e.value.0).unwrap_or_default(),
            replicas,
            port: form.port.and_then(|p| u16::try_from(p.value.0).ok()),
            links,
            dir: Some(form.dir.map_or_else(|| cx.folder.clone(), |dir| dir.value.0)),
        })
    }

    fn schema(defs: &mut Definitions) -> Value {
        ProcessServiceForm::schema(defs)
    }
}

impl Decode for Process {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        if node.has("command") && !node.has("services") {
            let app = ProcessService::decode(node, cx)?;
            return Some(Self { services: BTreeMap::from([("app".to_owned(), app)]) });
        }
        let form = ProcessForm::decode(node, cx)?;
        let mut services = BTreeMap::new();
        let mut places = BTreeMap::new();
        let mut ports: BTreeMap<u16, String> = BTreeMap::new();
        for (name, service) in form.services?.value.0 {
            let Placed { value: Id(name), span } = name;
            if let Some(port) = service.value.port
                && let Some(other) = ports.insert(port, name.clone())
            {
                cx.problem(span, format!("`{name}` has the port {port} of `{other}`"));
            }
            places.insert(name.clone(), span);
            services.insert(name, service.value);
        }
        let process = Self { services };
        process.refuse_cycles(&places, &mut cx.found);
        Some(process)
    }

    fn schema(defs: &mut Definitions) -> Value {
        json!({ "anyOf": [ProcessForm::schema(defs), ProcessService::schema(defs)] })
    }
}

impl Process {
    /// Whether a partition between the two groups would cut anything.
    pub(super) fn linked(&self, one: &[String], other: &[String]) -> bool {
        let from = |clients: &[String], servers: &[String]| {
            clients
                .iter()
                .filter_map(|name| self.services.get(name))
                .any(|client| client.links.values().any(|server| servers.contains(server)))
        };
        from(one, other) || from(other, one)
    }

    /// A problem for each service that would have to start after itself.
    fn refuse_cycles(&self, places: &BTreeMap<String, Span>, found: &mut Found) {
        // Those that can start are taken away round by round; who is left waits for itself or for
        // somebody who does.
        let mut waiting: BTreeSet<&str> = self.services.keys().map(String::as_str).collect();
        loop {
            let ready: Vec<&str> = waiting
                .iter()
                .copied()
                .filter(|name| {
                    !self.services[*name].links.values().any(|to| waiting.contains(to.as_str()))
                })
                .collect();
            if ready.is_empty() {
                break;
            }
            for name in ready {
                waiting.remove(name);
            }
        }
        if let Some(first) = waiting.first() {
            let span = places.get(*first).copied().unwrap_or_default();
            let names: Vec<&str> = waiting.iter().copied().take(20).collect();
            let message = format!("the links go in a circle through {}", names.join(", "));
            found.add(span, message, "services start after those they link to");
        }
    }
}

/// An argument of a command.
#[derive(Debug)]
struct Argument(String);

impl Decode for Argument {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        template::fill_word(node, &template::INSTANCE, cx).map(Self)
    }

    fn schema(defs: &mut Definitions) -> Value {
        Text::schema(defs)
    }
}
