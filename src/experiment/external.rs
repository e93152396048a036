//! `external:` containers that are already running as the target.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::source::{
    Context, Decode, Definitions, Id, Named, Node, OneOrMore, Text, excerpt, form,
};

/// Containers that are already running.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct External {
    /// Container names or ids by service.
    pub containers: BTreeMap<String, Vec<String>>,
}

form! {
    /// Containers that are already running.
    struct ExternalForm {
        /// Container names or ids by service; one or several each.
        containers: Named<Id, OneOrMore<Text>, 1> = Required,
    }
}

impl Decode for External {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = ExternalForm::decode(node, cx)?;
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for (service, list) in node.get("containers").into_iter().flat_map(Node::entries) {
            for container in list.items() {
                let Some(name) = container.plain_text() else { continue };
                if let Some(other) = seen.insert(name, &service.name) {
                    let message = format!("{} is already listed for `{other}`", excerpt(name));
                    cx.problem(container.span, message);
                }
            }
        }
        let containers = form.containers?.value.0.into_iter();
        let names = |list: OneOrMore<Text>| list.0.into_iter().map(|c| c.value.0).collect();
        Some(Self {
            containers: containers.map(|(k, list)| (k.value.0, names(list.value))).collect(),
        })
    }

    fn schema(defs: &mut Definitions) -> Value {
        ExternalForm::schema(defs)
    }
}
