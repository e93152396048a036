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
        let mut containers = BTreeMap::new();
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for (service, list) in form.containers?.value.0 {
            let service = service.value.0;
            for container in &list.value.0 {
                let name = &container.value.0;
                if let Some(other) = seen.insert(name.clone(), service.clone()) {
                    let message = format!("{} is already listed for `{other}`", excerpt(name));
                    cx.problem(container.span, message);
                }
            }
            containers.insert(service, list.value.0.into_iter().map(|c| c.value.0).collect());
        }
        Some(Self { containers })
    }

    fn schema(defs: &mut Definitions) -> Value {
        ExternalForm::schema(defs)
    }
}
