//! [`Control`] over the engine.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bollard::errors::Error as EngineError;
use bollard::models::{
    EndpointIpamConfig, EndpointSettings, NetworkConnectRequest, NetworkDisconnectRequest,
};
use bollard::query_parameters::{
    InspectNetworkOptions, KillContainerOptionsBuilder, RestartContainerOptionsBuilder,
    StopContainerOptionsBuilder,
};
use tokio::sync::watch;

use super::error::is_absent;
use super::inspect::{self, NETWORK_LABEL};
use super::{Answer, Attachment, Control, ControlError, Engine};
use crate::experiment::Signal;
use crate::record::{Instance, InstanceState, Roster, Victim};

/// Acts on containers by id, without a target: for healing what an earlier run left.
pub fn engine_control(engine: Engine) -> Arc<dyn Control> {
    Arc::new(EngineControl { engine, roster: None })
}

/// Acts on the containers of a target; `roster` says who is where.
pub(super) struct EngineControl {
    pub(super) engine: Engine,
    pub(super) roster: Option<watch::Receiver<Arc<Roster>>>,
}

impl EngineControl {
    async fn look(&self, id: &str) -> Result<Instance, ControlError> {
        let found = self.engine.docker().inspect_container(id, None).await?;
        let known =
            self.roster.as_ref().and_then(|roster| {
                roster.borrow().instances.iter().find(|i| i.id == id).map(|i| {
                    (Victim { service: i.service.clone(), ordinal: i.ordinal }, i.restarts)
                })
            });
        let (place, restarts) = known.unzip();
        let fallback = found.restart_count.and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
        let mut seen = inspect::instance(&found, place, self.engine.describe().local);
        seen.restarts = restarts.unwrap_or(fallback);
        Ok(seen)
    }

    /// Refusals and half-heard answers are settled by a look: what is already so counts as done.
    async fn settle(
        &self,
        id: &str,
        outcome: Result<(), EngineError>,
        so: impl Fn(&Instance) -> bool,
    ) -> Result<(), ControlError> {
        match outcome {
            Ok(()) => Ok(()),
            Err(error) if is_absent(&error) => Err(ControlError::Gone),
            Err(error) => match self.look(id).await {
                Ok(seen) if so(&seen) => Ok(()),
                Err(ControlError::Gone) => Err(ControlError::Gone),
                _ => Err(error.into()),
            },
        }
    }

    async fn read_attachments(&self, id: &str) -> Result<Vec<Attachment>, ControlError> {
        let found = self.engine.docker().inspect_container(id, None).await?;
        let networks = found.network_settings.and_then(|s| s.networks).unwrap_or_default();
        let mut all = Vec::new();
        for (name, endpoint) in networks {
            let network_id = endpoint.network_id.clone().unwrap_or_default();
            let label = self
                .engine
                .docker()
                .inspect_network(
                    if network_id.is_empty() { &name } else { &network_id },
                    None::<InspectNetworkOptions>,
                )
                .await;
            let key = match label {
                Ok(network) => network.labels.and_then(|mut l| l.remove(NETWORK_LABEL)),
                Err(error) if is_absent(&error) => None,
                Err(error) => return Err(error.into()),
            };
            all.push(attachment(id, name, network_id, key, &endpoint));
        }
        all.sort_by(|a, b| a.network.cmp(&b.network));
        Ok(all)
    }

    async fn is_attached(&self, id: &str, network: &str) -> Result<bool, ControlError> {
        let found = self.engine.docker().inspect_container(id, None).await?;
        let networks = found.network_settings.and_then(|s| s.networks).unwrap_or_default();
        Ok(networks
            .iter()
            .any(|(name, e)| name == network || e.network_id.as_deref() == Some(network)))
    }

    async fn connect(
        &self,
        id: &str,
        attachment: &Attachment,
        with_address: bool,
    ) -> Result<(), EngineError> {
        let request = NetworkConnectRequest {
            container: id.to_owned(),
            endpoint_config: Some(endpoint(attachment, with_address)),
        };
        let docker = self.engine.docker();
        if !attachment.network_id.is_empty() {
            match docker.connect_network(&attachment.network_id, request.clone()).await {
                // It may have been made anew, under its name.
                Err(error) if is_absent(&error) => {}
                done => return done,
            }
        }
        docker.connect_network(&attachment.network, request).await
    }
}

fn attachment(
    id: &str,
    network: String,
    network_id: String,
    key: Option<String>,
    endpoint: &EndpointSettings,
) -> Attachment {
    let address =
        |text: &Option<String>| -> Option<IpAddr> { text.as_deref().and_then(|t| t.parse().ok()) };
    let asked = endpoint.ipam_config.as_ref();
    Attachment {
        network,
        network_id,
        key,
        // The engine adds the short id by itself.
        aliases: endpoint
            .aliases
            .iter()
            .flatten()
            .filter(|alias| !id.starts_with(alias.as_str()))
            .cloned()
            .collect(),
        links: endpoint.links.clone().unwrap_or_default(),
        ipv4: address(&endpoint.ip_address),
        ipv6: address(&endpoint.global_ipv6_address),
        fixed: asked.is_some_and(|a| {
            [&a.ipv4_address, &a.ipv6_address].iter().any(|ip| address(ip).is_some())
        }),
        driver_opts: endpoint.driver_opts.clone().into_iter().flatten().collect(),
    }
}

fn endpoint(attachment: &Attachment, with_address: bool) -> EndpointSettings {
    let text = |ip: Option<IpAddr>| ip.filter(|_| with_address).map(|ip| ip.to_string());
    EndpointSettings {
        aliases: Some(attachment.aliases.clone()),
        links: (!attachment.links.is_empty()).then(|| attachment.links.clone()),
        driver_opts: (!attachment.driver_opts.is_empty())
            .then(|| attachment.driver_opts.clone().into_iter().collect()),
        ipam_config: with_address.then(|| EndpointIpamConfig {
            ipv4_address: text(attachment.ipv4),
            ipv6_address: text(attachment.ipv6),
            link_local_ips: None,
        }),
        ..EndpointSettings::default()
    }
}

fn whole_seconds(grace: Duration) -> i32 {
    let up = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
    i32::try_from(up).unwrap_or(i32::MAX)
}

impl Control for EngineControl {
    fn instance(&self, id: &str) -> Answer<'_, Instance> {
        let id = id.to_owned();
        Box::pin(async move { self.look(&id).await })
    }

    fn signal(&self, id: &str, signal: &Signal) -> Answer<'_, ()> {
        let (id, signal) = (id.to_owned(), signal.0.clone());
        Box::pin(async move {
            let options = KillContainerOptionsBuilder::new().signal(&signal).build();
            Ok(self.engine.docker().kill_container(&id, Some(options)).await?)
        })
    }

    fn stop(&self, id: &str, grace: Duration) -> Answer<'_, ()> {
        let id = id.to_owned();
        Box::pin(async move {
            let options = StopContainerOptionsBuilder::new().t(whole_seconds(grace)).build();
            let outcome = self.engine.patient_by(grace).stop_container(&id, Some(options)).await;
            self.settle(&id, outcome, |i| i.state == InstanceState::Stopped).await
        })
    }

    fn start(&self, id: &str) -> Answer<'_, ()> {
        let id = id.to_owned();
        Box::pin(async move {
            let outcome = self.engine.docker().start_container(&id, None).await;
            self.settle(&id, outcome, |i| i.state == InstanceState::Running).await
        })
    }

    fn restart(&self, id: &str, grace: Duration) -> Answer<'_, ()> {
        let id = id.to_owned();
        Box::pin(async move {
            let options = RestartContainerOptionsBuilder::new().t(whole_seconds(grace)).build();
            let docker = self.engine.patient_by(grace);
            let done = docker.restart_container(&id, Some(options)).await;
            done.map_err(|error| match ControlError::from(error) {
                // It may have been stopped before its start was refused.
                ControlError::Refused(why) => ControlError::Unknown(why),
                other => other,
            })
        })
    }

    fn pause(&self, id: &str) -> Answer<'_, ()> {
        let id = id.to_owned();
        Box::pin(async move {
            let outcome = self.engine.docker().pause_container(&id).await;
            self.settle(&id, outcome, |i| i.state == InstanceState::Paused).await
        })
    }

    fn unpause(&self, id: &str) -> Answer<'_, ()> {
        let id = id.to_owned();
        Box::pin(async move {
            let outcome = self.engine.docker().unpause_container(&id).await;
            self.settle(&id, outcome, |i| i.state != InstanceState::Paused).await
        })
    }

    fn attachments(&self, id: &str) -> Answer<'_, Vec<Attachment>> {
        let id = id.to_owned();
        Box::pin(async move { self.read_attachments(&id).await })
    }

    fn detach(&self, id: &str, network: &str) -> Answer<'_, ()> {
        let (id, network) = (id.to_owned(), network.to_owned());
        Box::pin(async move {
            let request = NetworkDisconnectRequest { container: id.clone(), force: Some(false) };
            match self.engine.docker().disconnect_network(&network, request).await {
                Ok(()) => Ok(()),
                // The container, the network or the attachment may be what is missing.
                Err(error) => match self.is_attached(&id, &network).await {
                    Ok(false) => Ok(()),
                    Err(ControlError::Gone) => Err(ControlError::Gone),
                    _ => Err(error.into()),
                },
            }
        })
    }

    fn attach(&self, id: &str, attachment: &Attachment) -> Answer<'_, ()> {
        let (id, attachment) = (id.to_owned(), attachment.clone());
        Box::pin(async move {
            let mut outcome = Err(EngineError::RequestTimeoutError);
            // Most engines let one choose an address only where the user chose the subnet.
            for with_address in [true, false] {
                if with_address && attachment.ipv4.is_none() && attachment.ipv6.is_none() {
                    continue;
                }
                outcome = self.connect(&id, &attachment, with_address).await;
                if outcome.is_ok() {
                    return Ok(());
                }
                if self.is_attached(&id, &attachment.network).await? {
                    return Ok(());
                }
                if attachment.fixed {
                    break;
                }
            }
            match outcome {
                Ok(()) => Ok(()),
                // The container was seen above, so it is the network that is gone.
                Err(error) if is_absent(&error) => Err(ControlError::Refused(format!(
                    "the network {} no longer exists",
                    attachment.network
                ))),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn find(&self, victim: &Victim) -> Option<Instance> {
        let roster = self.roster.as_ref()?.borrow().clone();
        roster.service(&victim.service).find(|i| i.ordinal == victim.ordinal).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attachment_keeps_aliases_and_address_but_not_the_engines_own_alias() {
        let seen = EndpointSettings {
            aliases: Some(vec!["db".to_owned(), "0123456789ab".to_owned()]),
            ip_address: Some("172.18.0.9".to_owned()),
            global_ipv6_address: Some(String::new()),
            ..EndpointSettings::default()
        };
        let id = "0123456789abcdef0123456789abcdef";
        let kept = attachment(id, "n".to_owned(), "nid".to_owned(), None, &seen);
        assert_eq!(kept.aliases, ["db"]);
        assert!(!kept.fixed);
        let again = endpoint(&kept, true);
        assert_eq!(again.aliases.unwrap(), ["db"]);
        assert_eq!(again.ipam_config.unwrap().ipv4_address.unwrap(), "172.18.0.9");
        assert!(endpoint(&kept, false).ipam_config.is_none());
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<Attachment>(&text).unwrap(), kept);
    }

    #[test]
    fn a_grace_is_never_rounded_down() {
        assert_eq!(whole_seconds(Duration::ZERO), 0);
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(10)), 10);
    }
}
