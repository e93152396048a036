//! From the engine's description of a container to an [`Instance`].

use std::collections::BTreeMap;
use std::net::IpAddr;

use bollard::models::{
    ContainerInspectResponse, ContainerState, ContainerStateStatusEnum, HealthStatusEnum,
    HostConfig,
};
use jiff::Timestamp;

use crate::record::{Health, Instance, InstanceState, Victim};
use crate::units::{Bytes, trim};

pub(super) const PROJECT_LABEL: &str = "com.docker.compose.project";
pub(super) const SERVICE_LABEL: &str = "com.docker.compose.service";
pub(super) const NUMBER_LABEL: &str = "com.docker.compose.container-number";
pub(super) const ONEOFF_LABEL: &str = "com.docker.compose.oneoff";
pub(super) const NETWORK_LABEL: &str = "com.docker.compose.network";
pub(super) const RUN_LABEL: &str = "longhaul.run";
pub(super) const IMAGE_LABEL: &str = "longhaul.image";
pub(super) const ROLE_LABEL: &str = "longhaul.role";
pub(super) const OWNER_LABEL: &str = "longhaul.owner";
/// Of what is to stay up at the end of its run: the folder of the run.
pub(super) const KEPT_LABEL: &str = "longhaul.kept";

/// The container as an instance. `place` is its place in the target; without one its compose labels say
/// it, else it is number 1 of a service of its own name. `pids`: whether the engine's pids are ours.
pub(super) fn instance(
    found: &ContainerInspectResponse,
    place: Option<Victim>,
    pids: bool,
) -> Instance {
    let place = place.unwrap_or_else(|| place_of(found));
    let state = found.state.clone().unwrap_or_default();
    let doing = doing(&state);
    Instance {
        service: place.service,
        ordinal: place.ordinal,
        id: found.id.clone().unwrap_or_default(),
        pid: state
            .pid
            .and_then(|pid| u32::try_from(pid).ok())
            .filter(|pid| *pid > 0 && pids && doing != InstanceState::Stopped),
        addresses: addresses(found),
        port: None,
        started_at: time(state.started_at.as_deref()),
        state: doing,
        health: health(&state),
        restarts: 0,
    }
}

/// What a container may use, in words: `memory 512MiB, 1.5 CPUs`; `None`: all there is.
pub(super) fn resources(config: &HostConfig) -> Option<String> {
    let set = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
    let quota = set(config.cpu_quota).map(|quota| {
        let period = set(config.cpu_period).unwrap_or(100_000);
        quota as f64 / period as f64
    });
    let cpus = set(config.nano_cpus).map(|n| n as f64 / 1e9).or(quota);
    let pinned = config.cpuset_cpus.as_deref().filter(|cpus| !cpus.is_empty());
    let words: Vec<String> = [
        set(config.memory).map(|bytes| format!("memory {}", Bytes(bytes))),
        cpus.map(|n| format!("{} CPUs", trim(n, 3))),
        pinned.map(|which| format!("on CPUs {which}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// The place a container has by its own labels or name.
pub(super) fn place_of(found: &ContainerInspectResponse) -> Victim {
    let labels = found.config.as_ref().and_then(|c| c.labels.as_ref());
    let label = |name: &str| labels.and_then(|l| l.get(name)).cloned();
    let name = found.name.as_deref().unwrap_or_default().trim_start_matches('/').to_owned();
    Victim {
        service: label(SERVICE_LABEL).unwrap_or(name),
        ordinal: label(NUMBER_LABEL).and_then(|n| n.parse().ok()).unwrap_or(1),
    }
}

/// A time of the engine's; `None` for its zero time, which stands for "never".
pub(super) fn time(text: Option<&str>) -> Option<Timestamp> {
    let time: Timestamp = text?.parse().ok()?;
    (time.as_second() > 0).then_some(time)
}

fn doing(state: &ContainerState) -> InstanceState {
    if state.paused == Some(true) || state.status == Some(ContainerStateStatusEnum::PAUSED) {
        InstanceState::Paused
    } else if state.running == Some(true) && state.restarting != Some(true) {
        InstanceState::Running
    } else {
        InstanceState::Stopped
    }
}

fn health(state: &ContainerState) -> Health {
    match state.health.as_ref().and_then(|h| h.status) {
        Some(HealthStatusEnum::STARTING) => Health::Starting,
        Some(HealthStatusEnum::HEALTHY) => Health::Healthy,
        Some(HealthStatusEnum::UNHEALTHY) => Health::Unhealthy,
        _ => Health::None,
    }
}

fn addresses(found: &ContainerInspectResponse) -> BTreeMap<String, IpAddr> {
    let networks = found.network_settings.as_ref().and_then(|s| s.networks.as_ref());
    networks
        .into_iter()
        .flatten()
        .flat_map(|(name, endpoint)| {
            let [v4, v6] = [&endpoint.ip_address, &endpoint.global_ipv6_address]
                .map(|ip| ip.as_deref().and_then(|ip| ip.parse::<IpAddr>().ok()));
            let second = v4.and(v6).map(|ip| (format!("{name} (IPv6)"), ip));
            v4.or(v6).map(|ip| (name.clone(), ip)).into_iter().chain(second)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(state: &serde_json::Value) -> ContainerInspectResponse {
        serde_json::from_value(serde_json::json!({
            "Id": "abc",
            "Name": "/shop_api_2",
            "Config": { "Labels": {
                "com.docker.compose.service": "api", "com.docker.compose.container-number": "2" } },
            "NetworkSettings": { "Networks": {
                "shop_default": { "IPAddress": "172.18.0.3" }, "shop_back": { "IPAddress": "" } } },
            "State": state,
        }))
        .unwrap()
    }

    #[test]
    fn a_running_container_has_place_address_and_pid() {
        let found = container(&serde_json::json!({ "Status": "running", "Running": true,
            "Pid": 77, "StartedAt": "2026-11-21T02:00:00.123456789Z",
            "Health": { "Status": "healthy" } }));
        let seen = instance(&found, None, true);
        assert_eq!(seen.label(), "api#2");
        assert_eq!(seen.pid, Some(77));
        assert_eq!(seen.addresses.len(), 1);
        let both = serde_json::json!({ "NetworkSettings": { "Networks": {
            "back": { "IPAddress": "172.18.0.3", "GlobalIPv6Address": "fd00::3" },
            "six": { "IPAddress": "", "GlobalIPv6Address": "fd01::3" } } } });
        let both = addresses(&serde_json::from_value(both).unwrap());
        let told: Vec<String> = both.iter().map(|(name, ip)| format!("{name}: {ip}")).collect();
        assert_eq!(told, ["back: 172.18.0.3", "back (IPv6): fd00::3", "six: fd01::3"]);
        assert_eq!(seen.health, Health::Healthy);
        assert_eq!(seen.started_at.unwrap().subsec_nanosecond(), 123_456_789);
        assert_eq!(instance(&found, None, false).pid, None);
    }

    #[test]
    fn what_a_container_may_use_is_said_in_words() {
        let of = |config: serde_json::Value| resources(&serde_json::from_value(config).unwrap());
        assert_eq!(of(serde_json::json!({ "Memory": 0, "NanoCpus": 0, "CpusetCpus": "" })), None);
        let both = of(serde_json::json!({ "Memory": 536_870_912, "NanoCpus": 1_500_000_000 }));
        assert_eq!(both.as_deref(), Some("memory 512MiB, 1.5 CPUs"));
        let quota = of(serde_json::json!({ "CpuQuota": 50_000, "CpuPeriod": 100_000 }));
        assert_eq!(quota.as_deref(), Some("0.5 CPUs"));
    }

    #[test]
    fn stopped_frozen_and_restarting_are_told_apart_from_running() {
        let of = |state: serde_json::Value| instance(&container(&state), None, true);
        let stopped = of(serde_json::json!({ "Status": "exited", "Running": false, "Pid": 0,
            "StartedAt": "0001-01-01T00:00:00Z" }));
        assert_eq!(
            (stopped.state, stopped.pid, stopped.started_at),
            (InstanceState::Stopped, None, None)
        );
        let frozen = of(serde_json::json!({ "Running": true, "Paused": true, "Pid": 5 }));
        assert_eq!((frozen.state, frozen.pid), (InstanceState::Paused, Some(5)));
        let between = of(serde_json::json!({ "Running": true, "Restarting": true }));
        assert_eq!(between.state, InstanceState::Stopped);
    }
}
