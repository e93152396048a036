use std::sync::Arc;
use std::thread;

use super::script::Script;
use super::share::Share;
use super::{Choice, LoadError};
use crate::experiment::Load;

/// The workers of a load: so many for HTTP/1.1, and so many for all other protocols. Each kind has the arrivals of its
/// scenarios, shared out evenly.
#[derive(Debug)]
pub(super) struct Crew {
    /// By scenario: whether it is HTTP/1.1.
    http1: Vec<bool>,
    /// The part of all arrivals that are of such scenarios, 0 to 1.
    part: f64,
    workers: usize,
    clients: usize,
}

/// One worker's place in the crew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Post {
    pub(super) http1: bool,
    /// Its number among those of its kind.
    index: usize,
    /// How many of its kind there are.
    of: usize,
}

/// So many arrivals per second are left to one worker before there are two, and half as many with TLS:
/// a third of what one core can do.
const RATE_PER_WORKER: f64 = 30_000.0;
/// The same for other protocols.
const RATE_PER_CLIENT: f64 = 10_000.0;

impl Crew {
    /// For a load with so many arrivals per second at most.
    pub(super) fn new(load: &Load, script: &Script, peak: f64) -> Result<Self, LoadError> {
        let http1: Vec<bool> = script.scenarios.iter().map(|play| play.http1).collect();
        let weight = |kind: bool| {
            let of_kind = load.scenarios.iter().zip(&http1).filter(|(_, http1)| **http1 == kind);
            of_kind.map(|(scenario, _)| u64::from(scenario.weight)).sum::<u64>()
        };
        let (mine, others) = (weight(true), weight(false));
        let part = mine as f64 / (mine + others).max(1) as f64;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let each = if script.tls() { RATE_PER_WORKER / 2.0 } else { RATE_PER_WORKER };
        let count = |part: f64, each: f64| {
            let wanted = || ((peak * part / each).ceil() as usize).clamp(1, cores);
            let told = |n: u32| ((f64::from(n) * part).round() as usize).max(1);
            if part > 0.0 { load.workers.map_or_else(wanted, told) } else { 0 }
        };
        let most = load.connections as usize;
        let (workers, clients) = (count(part, each), count(1.0 - part, RATE_PER_CLIENT));
        if workers > 0 && clients > 0 && most < 2 {
            let why = "HTTP/1.1 beside other protocols needs at least 2 connections";
            return Err(LoadError::Invalid(why.to_owned()));
        }
        let workers = workers.min(most - usize::from(clients > 0).min(most));
        let clients = clients.min(most - workers);
        Ok(Self { http1, part, workers, clients })
    }

    /// How many they are.
    pub(super) fn size(&self) -> usize {
        self.workers + self.clients
    }

    /// Every worker's place.
    pub(super) fn posts(&self) -> impl Iterator<Item = Post> {
        let kind = |http1, of| (0..of).map(move |index| Post { http1, index, of });
        kind(true, self.workers).chain(kind(false, self.clients))
    }

    /// The arrivals of one worker.
    pub(super) fn share(&self, post: &Post, choice: &Arc<Choice>) -> Share {
        if self.workers == 0 || self.clients == 0 {
            return Share::new(post.index, post.of);
        }
        let scenarios = self.http1.iter().map(|http1| *http1 == post.http1).collect();
        let part = if post.http1 { self.part } else { 1.0 - self.part };
        Share::of((post.index, post.of), Arc::clone(choice), scenarios, part)
    }
}

impl Post {
    /// This worker's part of a number of things that those of its kind have among them, at least one.
    pub(super) fn part_of(&self, things: u32) -> u32 {
        share_of(things, self.index, self.of).max(1)
    }
}

/// A worker's part of the connections: as even as whole numbers allow.
pub(super) fn share_of(connections: u32, index: usize, workers: usize) -> u32 {
    let workers = workers as u32;
    connections / workers + u32::from((index as u32) < connections % workers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{RedisStep, Scenario, Step};
    use crate::load::script::tests::{get, load};

    #[test]
    fn shares_add_up() {
        for connections in 1..50 {
            for workers in 1..=4.min(connections as usize) {
                let shares = (0..workers).map(|i| share_of(connections, i, workers));
                assert_eq!(shares.clone().sum::<u32>(), connections);
                assert!(shares.min().unwrap() >= 1);
            }
        }
    }

    fn crew(change: impl FnOnce(&mut Load), peak: f64) -> Result<Vec<(bool, usize)>, String> {
        let mut load = load(get("http://h/"));
        let redis = RedisStep {
            name: "r".to_owned(),
            url: "redis://h".to_owned(),
            user: None,
            password: None,
            command: Vec::new(),
            expect: None,
            capture: None,
            timeout: None,
        };
        load.scenarios.push(Scenario { weight: 3, ..Scenario::new("r", vec![Step::Redis(redis)]) });
        change(&mut load);
        let script = Script::new(&load, &crate::experiment::Secrets::default()).unwrap();
        let crew = Crew::new(&load, &script, peak).map_err(|e| e.to_string())?;
        assert_eq!(crew.posts().count(), crew.size());
        Ok(crew.posts().map(|post| (post.http1, post.index)).collect())
    }

    #[test]
    fn each_kind_of_scenario_has_workers_of_its_own() {
        assert_eq!(crew(|_| {}, 50.0).unwrap(), [(true, 0), (false, 0)]);
        let four = |load: &mut Load| load.workers = Some(4);
        assert_eq!(crew(four, 50.0).unwrap(), [(true, 0), (false, 0), (false, 1), (false, 2)]);
        let alone = |load: &mut Load| drop(load.scenarios.pop());
        assert_eq!(crew(alone, 50.0).unwrap(), [(true, 0)]);
        let other = |load: &mut Load| drop(load.scenarios.remove(0));
        assert_eq!(crew(other, 50.0).unwrap(), [(false, 0)]);
        assert!(crew(|load| load.connections = 1, 50.0).unwrap_err().contains("2 connections"));
        let few = |load: &mut Load| (load.connections, load.workers) = (2, Some(9));
        assert_eq!(crew(few, 50.0).unwrap(), [(true, 0), (false, 0)]);
    }
}
