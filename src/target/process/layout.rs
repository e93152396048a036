//! From the experiment's services to command lines: order, ports, links, placeholders.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::super::{Linker, TargetError, executable};
use super::ports;
use crate::experiment::{Process, ProcessService, Secrets};
use crate::record::Victim;
use crate::seed::Seed;

/// One child to be. Nothing shows it: its environment holds the values of secrets.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) victim: Victim,
    pub(super) port: u16,
    pub(super) command: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) dir: Option<PathBuf>,
}

/// Every child in start order: who is linked to starts before who links. `run_dir`, absolute, is where
/// `{{dir}}` leads; whoever wants that folder makes it.
pub(super) async fn lay_out(
    process: &Process,
    linker: Option<&dyn Linker>,
    secrets: &Secrets,
    seed: Seed,
    run_dir: &Path,
) -> Result<Vec<Plan>, TargetError> {
    let order = order(&process.services)?;
    let mut ports: BTreeMap<Victim, u16> = BTreeMap::new();
    for name in &order {
        let service = &process.services[*name];
        for ordinal in 1..=service.replicas {
            let victim = Victim { service: (*name).to_owned(), ordinal };
            let port = match service.port {
                Some(port) => port,
                None => ports::pick(seed.split(&victim.to_string())).map_err(|e| {
                    TargetError::Spawn { instance: victim.to_string(), reason: e.to_string() }
                })?,
            };
            ports.insert(victim, port);
        }
    }
    let mut plans = Vec::new();
    for name in order {
        let service = &process.services[name];
        let links = links(name, service, &ports, linker).await?;
        for (victim, port) in ports.iter().filter(|(v, _)| v.service == *name) {
            plans.push(plan(victim.clone(), *port, service, &links, secrets, run_dir));
        }
    }
    Ok(plans)
}

fn order(services: &BTreeMap<String, ProcessService>) -> Result<Vec<&String>, TargetError> {
    let mut placed: Vec<&String> = Vec::new();
    while placed.len() < services.len() {
        let next = services.iter().find(|(name, service)| {
            !placed.contains(name) && service.links.values().all(|to| placed.contains(&to))
        });
        let Some((name, _)) = next else {
            let ring: Vec<&str> =
                services.keys().filter(|name| !placed.contains(name)).map(String::as_str).collect();
            return Err(TargetError::LinkRing(ring.join(", ")));
        };
        placed.push(name);
    }
    Ok(placed)
}

/// The variables of a service's links: per server instance one address, through a link if there is a
/// linker.
async fn links(
    client: &str,
    service: &ProcessService,
    ports: &BTreeMap<Victim, u16>,
    linker: Option<&dyn Linker>,
) -> Result<BTreeMap<String, String>, TargetError> {
    let mut variables = BTreeMap::new();
    for (variable, server) in &service.links {
        let mut addresses = Vec::new();
        for (victim, port) in ports.iter().filter(|(v, _)| v.service == *server) {
            let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
            let address = match linker {
                None => upstream,
                Some(linker) => {
                    linker.link(client, victim, upstream).await.map_err(|e| TargetError::Spawn {
                        instance: client.to_owned(),
                        reason: format!("no link to {victim}: {e}"),
                    })?
                }
            };
            addresses.push(address.to_string());
        }
        variables.insert(variable.clone(), addresses.join(","));
    }
    Ok(variables)
}

/// The folder of a process among the run's records: where its `{{dir}}` leads.
pub fn instance_dir(run_dir: &Path, victim: &Victim) -> PathBuf {
    run_dir.join("instances").join(format!("{}-{}", victim.service, victim.ordinal))
}

fn plan(
    victim: Victim,
    port: u16,
    service: &ProcessService,
    links: &BTreeMap<String, String>,
    secrets: &Secrets,
    run_dir: &Path,
) -> Plan {
    let this = executable().display().to_string();
    let own = instance_dir(run_dir, &victim);
    let fill = |text: &String| {
        text.replace("{{self}}", &this)
            .replace("{{listen}}", &format!("127.0.0.1:{port}"))
            .replace("{{port}}", &port.to_string())
            .replace("{{dir}}", &own.display().to_string())
    };
    let mut env: BTreeMap<String, String> = service
        .env
        .iter()
        .map(|(name, value)| (name.clone(), secrets.fill(&fill(value))))
        .collect();
    env.entry("PORT".to_owned()).or_insert_with(|| port.to_string());
    env.extend(links.clone());
    Plan {
        victim,
        port,
        command: service.command.iter().map(fill).collect(),
        env,
        dir: service.dir.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::BoxFuture;

    fn service(replicas: u32, links: &[(&str, &str)]) -> ProcessService {
        ProcessService {
            command: vec!["{{self}}".to_owned(), "--listen={{listen}}".to_owned()],
            env: [
                ("ADMIN".to_owned(), "x:{{port}}".to_owned()),
                ("D".to_owned(), "{{dir}}".to_owned()),
            ]
            .into(),
            replicas,
            port: None,
            links: links.iter().map(|(v, s)| ((*v).to_owned(), (*s).to_owned())).collect(),
            dir: None,
        }
    }

    fn process(services: &[(&str, ProcessService)]) -> Process {
        Process { services: services.iter().map(|(n, s)| ((*n).to_owned(), s.clone())).collect() }
    }

    struct Shifted;
    impl Linker for Shifted {
        fn link(
            &self,
            client: &str,
            server: &Victim,
            upstream: SocketAddr,
        ) -> BoxFuture<'_, std::io::Result<SocketAddr>> {
            assert_eq!((client, server.service.as_str()), ("web", "api"));
            Box::pin(async move { Ok(SocketAddr::new([127, 0, 0, 9].into(), upstream.port())) })
        }
    }

    #[tokio::test]
    async fn servers_come_first_and_clients_get_every_link() {
        let process = process(&[("web", service(1, &[("API", "api")])), ("api", service(2, &[]))]);
        let none = Secrets::default();
        let plans =
            lay_out(&process, Some(&Shifted), &none, Seed(1), Path::new("/run")).await.unwrap();
        let labels: Vec<_> = plans.iter().map(|p| p.victim.to_string()).collect();
        assert_eq!(labels, ["api#1", "api#2", "web#1"]);
        let web = &plans[2];
        assert_eq!(
            web.env["API"],
            format!("127.0.0.9:{},127.0.0.9:{}", plans[0].port, plans[1].port)
        );
        assert_eq!(web.env["PORT"], web.port.to_string());
        assert_eq!(web.env["D"], "/run/instances/web-1");
        assert_eq!(web.env["ADMIN"], format!("x:{}", web.port));
        assert_eq!(web.command[1], format!("--listen=127.0.0.1:{}", web.port));
        assert!(!web.command[0].contains("{{"));
        let direct = lay_out(&process, None, &none, Seed(1), Path::new("/run")).await.unwrap();
        assert!(direct[2].env["API"].starts_with("127.0.0.1:"));
    }

    #[tokio::test]
    async fn a_ring_of_links_is_named() {
        let ring = process(&[
            ("a", service(1, &[("B", "b")])),
            ("b", service(1, &[("A", "a")])),
            ("c", service(1, &[])),
        ]);
        let secrets = Secrets::default();
        let error = lay_out(&ring, None, &secrets, Seed(1), Path::new("/run")).await.err().unwrap();
        assert!(error.to_string().contains("a, b link"), "{error}");
    }
}
