//! Watches the containers of a target through the engine: keeps the roster true, passes on what happens,
//! and survives an engine that goes away and comes back.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::ListContainersOptionsBuilder;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::engine_event::{EngineEvent, Happening, event_stream, past_events};
use super::error::{engine_text, is_absent};
use super::inspect::{self, NUMBER_LABEL, ONEOFF_LABEL, PROJECT_LABEL, SERVICE_LABEL};
use super::live::MadeOf;
use super::tally::Tally;
use super::{Engine, TargetError};
use crate::clock;
use crate::record::{Roster, TargetAction, Victim};

/// A stream that is silent for so long is checked with a ping.
const IDLE: Duration = Duration::from_secs(10);
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LAST: Duration = Duration::from_secs(2);
/// Engines replay at most 256 events.
const REMEMBERED: usize = 1024;

/// Whose containers.
#[derive(Clone, Debug)]
pub(super) enum Members {
    /// Those of a Compose project, as they come and go.
    Project(String),
    /// These, by id.
    Fixed(Vec<(Victim, String)>),
}

pub(super) struct Watcher {
    pub(super) engine: Engine,
    members: Members,
    board: Arc<Board>,
    tally: Tally,
    /// Up to when everything was told.
    told: Timestamp,
    remembered: VecDeque<(Timestamp, String, String)>,
}

impl Watcher {
    /// Looks at everybody once; the roster is on the board when this comes back.
    pub(super) async fn open(
        engine: Engine,
        members: Members,
        board: Arc<Board>,
    ) -> Result<Self, TargetError> {
        let told = engine.time().await?;
        let mut watcher = Self {
            engine,
            members,
            board,
            tally: Tally::default(),
            told,
            remembered: VecDeque::new(),
        };
        for found in watcher.look_at_all().await? {
            let instance = watcher.instance(&found);
            watcher.tally.look(instance);
        }
        watcher.board.show(watcher.tally.roster());
        Ok(watcher)
    }

    /// Watches until `stop`.
    pub(super) async fn watch(mut self, stop: CancellationToken) {
        let mut lost: Option<(Timestamp, String)> = None;
        let mut pause = RETRY_FIRST;
        loop {
            let reason = tokio::select! {
                () = stop.cancelled() => break,
                reason = self.follow(&mut lost) => reason,
            };
            if lost.is_none() {
                tracing::warn!(%reason, "the engine's event stream broke off");
                lost = Some((self.told, reason));
                pause = RETRY_FIRST;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(RETRY_LAST),
            }
        }
        if let Some((from, reason)) = lost {
            self.board.gap(from, reason);
        }
    }

    /// Follows the stream until it breaks off, and says why. `lost` tells since when it was broken; it is
    /// recorded and cleared as soon as the stream is whole again.
    async fn follow(&mut self, lost: &mut Option<(Timestamp, String)>) -> String {
        let whole = match self.engine.time().await {
            Ok(now) => now,
            Err(error) => return error.to_string(),
        };
        if lost.is_some() {
            match past_events(&self.engine, self.told, whole).await {
                Ok(past) => {
                    for event in past {
                        self.take(event).await;
                    }
                }
                Err(error) => return engine_text(&error),
            }
        }
        let since = if lost.is_some() { whole } else { self.told };
        let mut events = event_stream(&self.engine, since);
        if let Some((from, reason)) = lost.as_ref() {
            if let Err(error) = self.reconcile(whole).await {
                return error.to_string();
            }
            self.board.gap(*from, reason.clone());
            tracing::info!("the engine's event stream is whole again");
            *lost = None;
        }
        loop {
            match tokio::time::timeout(IDLE, events.next()).await {
                Ok(Some(Ok(event))) => {
                    self.told = self.told.max(event.at);
                    self.take(event).await;
                }
                Ok(Some(Err(error))) => return engine_text(&error),
                Ok(None) => return "the engine closed the event stream".to_owned(),
                Err(_idle) => match self.engine.time().await {
                    Ok(now) => self.told = self.told.max(now - IDLE),
                    Err(error) => return error.to_string(),
                },
            }
        }
    }

    async fn take(&mut self, event: EngineEvent) {
        let key = (event.at, event.id.clone(), event.action.clone());
        if self.remembered.contains(&key) {
            return;
        }
        if self.remembered.len() >= REMEMBERED {
            self.remembered.pop_front();
        }
        self.remembered.push_back(key);
        let Some(victim) = self.tally.victim(&event.id).or_else(|| self.newcomer(&event)) else {
            return;
        };
        match &event.happening {
            Happening::Life(action) => {
                if self.tally.event(&victim, action, event.at) {
                    self.board.action(victim, action.clone(), Some(event.at));
                }
                self.look_at(&event.id).await;
            }
            Happening::Network => self.look_at(&event.id).await,
            Happening::Removed => self.tally.gone(&event.id),
        }
        self.board.show(self.tally.roster());
    }

    /// The place of a container that was not seen before, if it belongs to the target.
    fn newcomer(&self, event: &EngineEvent) -> Option<Victim> {
        let label = |name: &str| event.attributes.get(name);
        match &self.members {
            Members::Project(project) => {
                let ours = label(PROJECT_LABEL) == Some(project)
                    && !label(ONEOFF_LABEL).is_some_and(|v| v.eq_ignore_ascii_case("true"));
                ours.then_some(())?;
                Some(Victim {
                    service: label(SERVICE_LABEL)?.clone(),
                    ordinal: label(NUMBER_LABEL)?.parse().ok()?,
                })
            }
            Members::Fixed(all) => {
                all.iter().find(|(_, id)| *id == event.id).map(|(victim, _)| victim.clone())
            }
        }
    }

    async fn look_at(&mut self, id: &str) {
        match self.engine.docker().inspect_container(id, None).await {
            Ok(found) => {
                let instance = self.instance(&found);
                self.tally.look(instance);
            }
            Err(error) if is_absent(&error) => self.tally.gone(id),
            // The stream will break off too, and what was missed is found then.
            Err(error) => {
                tracing::debug!(%id, error = %engine_text(&error), "no look at a container");
            }
        }
    }

    /// After a break: whoever changed unseen is found out.
    async fn reconcile(&mut self, whole: Timestamp) -> Result<(), TargetError> {
        let all = self.look_at_all().await?;
        let mut absent = self.tally.ids();
        for found in &all {
            let instance = self.instance(found);
            absent.retain(|id| *id != instance.id);
            let victim = Victim { service: instance.service.clone(), ordinal: instance.ordinal };
            for (action, at) in self.tally.reconcile(&instance, ended(found), whole) {
                self.board.action(victim.clone(), action, at);
            }
            self.tally.look(instance);
        }
        for id in absent {
            if let Some(victim) = self.tally.vanished(&id) {
                self.board.action(victim, TargetAction::Die { exit_code: None }, None);
            }
        }
        self.board.show(self.tally.roster());
        self.told = self.told.max(whole);
        Ok(())
    }

    async fn look_at_all(&self) -> Result<Vec<ContainerInspectResponse>, TargetError> {
        let ids = match &self.members {
            Members::Fixed(all) => all.iter().map(|(_, id)| id.clone()).collect(),
            Members::Project(project) => self.engine.project_containers(project).await?,
        };
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            match self.engine.docker().inspect_container(&id, None).await {
                Ok(found) => all.push(found),
                Err(error) if is_absent(&error) => {}
                Err(error) => {
                    return Err(TargetError::engine(format!("inspect container {id}"))(error));
                }
            }
        }
        Ok(all)
    }

    fn instance(&self, found: &ContainerInspectResponse) -> crate::record::Instance {
        let place = match &self.members {
            Members::Project(_) => None,
            Members::Fixed(all) => all
                .iter()
                .find(|(_, id)| Some(id) == found.id.as_ref())
                .map(|(victim, _)| victim.clone()),
        };
        inspect::instance(found, place, self.engine.describe().local)
    }
}

/// How and when a container that is not running ended.
fn ended(found: &ContainerInspectResponse) -> Option<(Option<i64>, Timestamp)> {
    let state = found.state.as_ref()?;
    Some((state.exit_code, inspect::time(state.finished_at.as_deref())?))
}

impl Engine {
    /// The ids of a project's containers, stopped ones too, without one-off ones.
    pub(super) async fn project_containers(
        &self,
        project: &str,
    ) -> Result<Vec<String>, TargetError> {
        let label = format!("{PROJECT_LABEL}={project}");
        let filters = HashMap::from([("label", vec![label.as_str()])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let all =
            self.docker().list_containers(Some(options)).await.map_err(TargetError::engine(
                format!("list the containers of project {project}"),
            ))?;
        let one_off = |labels: &Option<HashMap<String, String>>| {
            let value = labels.as_ref().and_then(|l| l.get(ONEOFF_LABEL));
            value.is_some_and(|v| v.eq_ignore_ascii_case("true"))
        };
        Ok(all.into_iter().filter(|c| !one_off(&c.labels)).filter_map(|c| c.id).collect())
    }

    /// The image id of each service in the roster, and what its containers may use.
    pub(super) async fn made_of(&self, roster: &Roster) -> MadeOf {
        let mut made_of = MadeOf::default();
        for instance in &roster.instances {
            if let Ok(found) = self.docker().inspect_container(&instance.id, None).await {
                let service = &instance.service;
                if let Some(resources) = found.host_config.as_ref().and_then(inspect::resources) {
                    made_of.resources.insert(service.clone(), resources);
                }
                made_of.images.insert(service.clone(), found.image.unwrap_or_default());
            }
        }
        made_of
    }

    /// The engine's own time: all times in its events are by that clock.
    pub(super) async fn time(&self) -> Result<Timestamp, TargetError> {
        let info =
            self.docker().info().await.map_err(TargetError::engine("ask the engine's time"))?;
        let said = info.system_time.as_deref().and_then(|t| t.parse::<Timestamp>().ok());
        Ok(said.unwrap_or_else(clock::wall))
    }
}
