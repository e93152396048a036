use std::collections::BTreeMap;

use jiff::Timestamp;

use super::container::Container;
use super::engine_stats::{EngineStats, Stream};
use super::process::Process;
use crate::record::{Instance, InstanceState, Reading, Roster, Subject};

/// The lives of every instance seen so far.
#[derive(Default)]
pub(super) struct Lives(BTreeMap<(String, u32), Life>);

/// One instance through its starts.
struct Life {
    epoch: u32,
    birth: Birth,
    source: Source,
}

/// What tells one process life from the next.
#[derive(Clone, PartialEq)]
struct Birth {
    id: String,
    started_at: Option<Timestamp>,
    pid: Option<u32>,
}

enum Source {
    /// Not running, or not to be seen: asked for again at each tick.
    Absent,
    Container(Container),
    Process(Process),
    Stream(Stream),
}

impl Lives {
    /// Reads every running instance. One that can't be read now is left out.
    pub(super) fn read(
        &mut self,
        roster: &Roster,
        engine: Option<&EngineStats>,
        buffer: &mut Vec<u8>,
    ) -> Vec<(Subject, u32, Reading)> {
        let mut readings = Vec::with_capacity(roster.instances.len());
        for instance in &roster.instances {
            let key = (instance.service.clone(), instance.ordinal);
            if instance.state == InstanceState::Stopped {
                // Open files would keep the dead container's groups in the kernel.
                if let Some(life) = self.0.get_mut(&key) {
                    life.source = Source::Absent;
                }
                continue;
            }
            let birth = Birth {
                id: instance.id.clone(),
                started_at: instance.started_at,
                pid: instance.pid,
            };
            let life = self.0.entry(key).or_insert_with(|| Life {
                epoch: 0,
                birth: birth.clone(),
                source: Source::Absent,
            });
            if life.birth != birth {
                *life = Life { epoch: life.epoch + 1, birth, source: Source::Absent };
            }
            if let Some(mut reading) = life.read(instance, engine, buffer) {
                reading.restarts = Some(u64::from(instance.restarts));
                let (service, ordinal) = (instance.service.clone(), instance.ordinal);
                readings.push((Subject::Instance { service, ordinal }, life.epoch, reading));
            }
        }
        // Who has left the roster keeps its epoch, and nothing else.
        for ((service, ordinal), life) in &mut self.0 {
            if !roster.instances.iter().any(|i| i.service == *service && i.ordinal == *ordinal) {
                life.source = Source::Absent;
            }
        }
        readings
    }
}

impl Life {
    fn read(
        &mut self,
        instance: &Instance,
        engine: Option<&EngineStats>,
        buffer: &mut Vec<u8>,
    ) -> Option<Reading> {
        if matches!(self.source, Source::Absent) {
            self.source = open(instance, engine);
        }
        let reading = match &self.source {
            Source::Absent => None,
            Source::Container(container) => container.read(buffer),
            Source::Process(process) => process.read(buffer),
            Source::Stream(stream) => return stream.take(),
        };
        if reading.is_none() {
            self.source = Source::Absent;
        }
        reading
    }
}

fn open(instance: &Instance, engine: Option<&EngineStats>) -> Source {
    match (instance.is_container(), engine, instance.pid) {
        (true, Some(engine), _) => Source::Stream(engine.open(&instance.id)),
        (true, None, Some(pid)) => {
            Container::open(&instance.id, pid).map_or(Source::Absent, Source::Container)
        }
        (false, _, Some(pid)) => Process::open(pid).map_or(Source::Absent, Source::Process),
        (_, _, None) => Source::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Health;
    use std::process::{Child, Command};

    fn sleeper() -> Child {
        Command::new("sleep").arg("60").spawn().unwrap()
    }

    fn roster(pid: u32, second: i64, state: InstanceState) -> Roster {
        let instance = Instance {
            service: "api".to_owned(),
            ordinal: 1,
            id: "api#1".to_owned(),
            pid: Some(pid),
            addresses: BTreeMap::new(),
            port: None,
            started_at: Some(Timestamp::from_second(second).unwrap()),
            state,
            health: Health::None,
            restarts: 3,
        };
        Roster { instances: vec![instance] }
    }

    #[test]
    fn death_is_a_gap_and_each_start_a_new_epoch() {
        let mut lives = Lives::default();
        let mut buffer = Vec::new();
        let mut first = sleeper();
        let running = roster(first.id(), 1, InstanceState::Running);
        let mut read = |roster: &Roster| lives.read(roster, None, &mut buffer);
        assert_eq!(read(&running)[0].1, 0);
        assert_eq!(read(&running)[0].2.restarts, Some(3));
        first.kill().unwrap();
        first.wait().unwrap();
        assert!(read(&running).is_empty(), "gone, though the roster does not know yet");
        assert!(read(&roster(first.id(), 1, InstanceState::Stopped)).is_empty());
        assert!(read(&Roster::default()).is_empty());
        let mut second = sleeper();
        let again = roster(second.id(), 2, InstanceState::Running);
        assert_eq!(read(&again)[0].1, 1, "a new start, a new epoch");
        assert_eq!(read(&roster(second.id(), 2, InstanceState::Paused))[0].1, 1);
        second.kill().unwrap();
        second.wait().unwrap();
    }
}
