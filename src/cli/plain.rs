//! A run as plain lines: for pipes, CI and logs. Progress goes to stderr; with `--json`, JSON lines to stdout.

use serde_json::json;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::clock::Offset;
use crate::record::{Event, EventKind, FaultStage, TargetAction};
use crate::report::{latency_text, ledger_json, ledger_line, suspicion_json, suspicion_text};
use crate::run::Update;
use crate::units::trim;

/// Shows updates until the run is over.
pub(super) async fn show(mut updates: Receiver<Update>, json: bool, quiet: bool) {
    let mut clock = Progress::default();
    loop {
        let update = match updates.recv().await {
            Ok(update) => update,
            Err(RecvError::Lagged(n)) => {
                tracing::warn!("{n} updates were not shown");
                continue;
            }
            Err(RecvError::Closed) => return,
        };
        if json {
            if let Some(line) = json_line(&update) {
                say!("{line}");
            }
        } else if !quiet && let Some(line) = clock.line(&update) {
            complain!("{line}");
        }
    }
}

fn json_line(update: &Update) -> Option<serde_json::Value> {
    Some(match update {
        Update::Began { run, name, seed, faults, .. } => {
            json!({ "type": "began", "run": run, "experiment": name, "seed": seed, "faults": **faults })
        }
        Update::Progress(text) => json!({ "type": "progress", "text": text }),
        Update::Event(event) => json!({ "type": "event", "event": event }),
        Update::Ledger(row) => json!({ "type": "ledger", "row": ledger_json(row) }),
        Update::Suspected(leaks) => {
            json!({ "type": "suspected", "leaks": leaks.iter().map(suspicion_json).collect::<Vec<_>>() })
        }
        Update::Slice(..) | Update::Samples(_) | Update::Tick(_) | Update::Judged(_) => {
            return None;
        }
    })
}

/// One line every ten seconds at most between events, so that nobody wonders whether it hangs. The times
/// at their beginnings say when they were told, so they never go back; a phase or a stop that counts from
/// a moment before has that moment in the records.
#[derive(Default)]
struct Progress {
    slices: u64,
    now: Offset,
}

impl Progress {
    fn line(&mut self, update: &Update) -> Option<String> {
        match update {
            Update::Began { run, seed, faults, lengths, .. } => Some(format!(
                "run {run}   seed {seed}   {} faults planned   {} in all",
                faults.len(),
                crate::units::duration(lengths.iter().sum())
            )),
            Update::Progress(text) => Some(text.clone()),
            Update::Event(event) => {
                self.now = self.now.max(event.at);
                event_line(event, self.now)
            }
            Update::Ledger(row) => Some(format!("{}  {}", self.now.max(row.to), ledger_line(row))),
            Update::Slice(row, asked) => {
                self.slices += 1;
                self.now = self.now.max(row.to);
                self.slices.is_multiple_of(10).then(|| {
                    format!(
                        "{}  {}/s of {}/s   errors {}   p99 {}",
                        self.now,
                        row.counts.ended() - row.counts.not_sent,
                        trim(*asked, 1),
                        row.counts.errors(),
                        latency_text(row.latency.count, row.latency.p99)
                    )
                })
            }
            Update::Suspected(leaks) => Some(format!("{}  {}", self.now, suspicion_text(leaks))),
            Update::Samples(_) | Update::Tick(_) | Update::Judged(_) => None,
        }
    }
}

/// An event as a line that is told at `now`; `None` for events that nobody needs to read while the run goes.
pub(super) fn event_line(event: &Event, now: Offset) -> Option<String> {
    let text = match &event.kind {
        EventKind::Phase { phase } => format!("-- {}", format!("{phase:?}").to_lowercase()),
        EventKind::Target { victim, action, .. } => match action {
            TargetAction::Start => format!("{victim} started"),
            TargetAction::Die { exit_code: Some(code) } => {
                format!("{victim} died, exit code {code}")
            }
            TargetAction::Die { exit_code: None } => format!("{victim} died"),
            TargetAction::Oom => format!("{victim} was killed for memory (OOM)"),
            TargetAction::Pause => format!("{victim} is frozen"),
            TargetAction::Unpause => format!("{victim} is thawed"),
            TargetAction::Healthy => format!("{victim} is healthy"),
            TargetAction::Unhealthy => format!("{victim} is UNHEALTHY"),
        },
        EventKind::Fault { fault, stage } => match stage {
            FaultStage::Intended => return None,
            FaultStage::Injected => format!("fault {fault} injected"),
            FaultStage::Active { evidence } => format!("fault {fault} is in force: {evidence}"),
            FaultStage::Unverified { reason } => format!("fault {fault} is NOT VERIFIED: {reason}"),
            FaultStage::NotApplied { reason } => format!("fault {fault} was not applied: {reason}"),
            FaultStage::Healing => format!("fault {fault} is being healed"),
            FaultStage::Healed { evidence } => format!("fault {fault} is healed: {evidence}"),
            FaultStage::Stuck { reason } => format!("fault {fault} is STUCK: {reason}"),
        },
        EventKind::Gap { source, reason, .. } => format!("gap in {source:?}: {reason}"),
        EventKind::Steady { held: true, detail } => format!("steady state holds: {detail}"),
        EventKind::Steady { held: false, detail } => format!("steady state NOT reached: {detail}"),
        EventKind::Stop { reason, .. } => format!("stopping: {reason}"),
        EventKind::Capture { not_captured: 0, .. } => "evidence captured".to_owned(),
        EventKind::Capture { not_captured, .. } => {
            format!("evidence captured, {not_captured} parts of it not")
        }
        EventKind::Level(level) => level.to_string(),
        EventKind::Capacity(found) => found.to_string(),
        EventKind::Note { text } => text.clone(),
    };
    Some(format!("{now}  {text}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::record::{
        Counts, Gauge, LeakResult, LedgerRow, Phase, Quantiles, StopCause, Victim,
    };
    use crate::units::Percent;
    use crate::verdict::leak::{Question, Trace, TracePoint, judge_so_far};

    fn at(second: u64) -> Offset {
        Offset::from_micros(second * 1_000_000)
    }

    fn event(second: u64, kind: EventKind) -> Update {
        Update::Event(Event { at: at(second), kind })
    }

    #[test]
    fn the_times_of_lines_never_go_back() {
        let row = LedgerRow {
            number: 3,
            from: at(30),
            to: at(40),
            counts: Counts::default(),
            target_rate: 50.0,
            achieved_rate: 50.0,
            error_rate: None,
            error_rate_outside_faults: None,
            latency: Quantiles::default(),
            lateness: Quantiles::default(),
            services: Vec::new(),
            faults: Vec::new(),
        };
        let stop = EventKind::Stop { cause: StopCause::AbortWhen, reason: "errors".to_owned() };
        let updates = [
            event(43, EventKind::Note { text: "now".to_owned() }),
            // A row is whole some seconds after its end; an abort counts from the slice that broke the limit.
            Update::Ledger(Box::new(row)),
            event(42, stop),
            event(44, EventKind::Phase { phase: Phase::Healing }),
        ];
        let mut progress = Progress::default();
        let lines: Vec<String> = updates.iter().filter_map(|u| progress.line(u)).collect();
        let times: Vec<&str> = lines.iter().map(|line| &line[..8]).collect();
        assert_eq!(times, ["00:00:43", "00:00:43", "00:00:43", "00:00:44"], "{lines:?}");
        assert!(lines[1].contains("ledger  3 to 00:00:40:"), "{lines:?}");
    }

    #[test]
    fn what_is_suspected_is_told_as_a_line_and_to_programs() {
        const MIB: f64 = 1_048_576.0;
        let mut trace = Trace::new();
        for i in 0..800_u32 {
            let unrest = f64::from(i * 7919 % 101) * 4096.0;
            let value = (200.0 + f64::from(i) / 9.0) * MIB + unrest;
            let point = TracePoint {
                at: at(u64::from(i) * 10),
                value,
                epoch: 0,
                fault: false,
                requests: None,
            };
            trace.push(point).unwrap();
        }
        let hours = Duration::from_hours(24);
        let question = Question::memory(hours, Percent::of(10.0), Some(512.0 * MIB));
        let leak = LeakResult {
            instance: Victim { service: "api".to_owned(), ordinal: 1 },
            gauge: Gauge::Memory,
            finding: judge_so_far(&trace, &question),
        };
        let update = Update::Suspected(Arc::new(vec![leak]));
        let line = Progress { slices: 0, now: at(8000) }.line(&update).unwrap();
        assert!(
            line.starts_with("02:13:20  a leak is suspected so far: memory of api#1 by 40")
                && line.contains(", at its limit in "),
            "{line}"
        );
        let json = json_line(&update).unwrap();
        assert_eq!(json["type"], "suspected");
        let leak = &json["leaks"][0];
        assert_eq!(
            (leak["service"].as_str(), leak["gauge"].as_str()),
            (Some("api"), Some("memory"))
        );
        let slope = leak["slope_per_hour"]["value"].as_f64().unwrap() / MIB;
        assert!((slope - 40.0).abs() < 1.0, "{slope}");
        // 512 less 289 MiB at 40 an hour.
        let hours = leak["hours_to_limit"]["value"].as_f64().unwrap();
        assert!((hours - 5.6).abs() < 0.3, "{hours}");
    }
}
