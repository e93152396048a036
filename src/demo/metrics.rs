use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the histogram's buckets, seconds.
const BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// What a server counts of its requests. Routes and methods are from fixed lists, so it can't grow.
#[derive(Default)]
pub(super) struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, &'static str), Requests>>,
}

#[derive(Default)]
struct Requests {
    statuses: BTreeMap<u16, u64>,
    /// Not cumulative; the last is past every bound.
    buckets: [u64; BOUNDS.len() + 1],
    sum: Duration,
}

impl Metrics {
    pub(super) fn count(
        &self,
        method: &'static str,
        route: &'static str,
        status: u16,
        took: Duration,
    ) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = requests.entry((method, route)).or_default();
        *entry.statuses.entry(status).or_default() += 1;
        let bucket = BOUNDS.partition_point(|bound| *bound < took.as_secs_f64());
        entry.buckets[bucket] += 1;
        entry.sum += took;
    }

    /// The Prometheus text format, version 0.0.4.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string can't fail.
        self.write(&mut text).unwrap_or_default();
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(out, "# HELP http_requests_total Requests answered.")?;
        writeln!(out, "# TYPE http_requests_total counter")?;
        for ((method, route), entry) in &*requests {
            for (status, n) in &entry.statuses {
                writeln!(
                    out,
                    "http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} {n}"
                )?;
            }
        }
        let name = "http_request_duration_seconds";
        writeln!(out, "# HELP {name} Time from request to answer.")?;
        writeln!(out, "# TYPE {name} histogram")?;
        for ((method, route), entry) in &*requests {
            let labels = format!("method=\"{method}\",route=\"{route}\"");
            let mut total = 0;
            for (bound, n) in BOUNDS.iter().zip(entry.buckets) {
                total += n;
                writeln!(out, "{name}_bucket{{{labels},le=\"{bound}\"}} {total}")?;
            }
            total += entry.buckets[BOUNDS.len()];
            writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {total}")?;
            writeln!(out, "{name}_sum{{{labels}}} {}", entry.sum.as_secs_f64())?;
            writeln!(out, "{name}_count{{{labels}}} {total}")?;
        }
        drop(requests);
        for (name, help, value) in [
            ("memory_usage_bytes", "Resident memory of this process.", resident()),
            ("process_open_fds", "Open descriptors of this process.", descriptors()),
        ] {
            if let Some(value) = value {
                writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}")?;
            }
        }
        Ok(())
    }
}

fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kb| kb * 1024)
}

fn descriptors() -> Option<u64> {
    // The listing itself holds one.
    std::fs::read_dir("/proc/self/fd").ok().map(|list| list.count().saturating_sub(1) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_buckets_add_up() {
        let metrics = Metrics::default();
        for (status, ms) in [(200, 1), (200, 3), (500, 9_000)] {
            metrics.count("GET", "/items/{id}", status, Duration::from_millis(ms));
        }
        let text = metrics.text();
        for line in [
            "http_requests_total{method=\"GET\",route=\"/items/{id}\",status=\"200\"} 2",
            "http_requests_total{method=\"GET\",route=\"/items/{id}\",status=\"500\"} 1",
            "http_request_duration_seconds_bucket{method=\"GET\",route=\"/items/{id}\",le=\"0.001\"} 1",
            "http_request_duration_seconds_bucket{method=\"GET\",route=\"/items/{id}\",le=\"5\"} 2",
            "http_request_duration_seconds_bucket{method=\"GET\",route=\"/items/{id}\",le=\"+Inf\"} 3",
            "http_request_duration_seconds_count{method=\"GET\",route=\"/items/{id}\"} 3",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\nnot in\n{text}");
        }
        let memory = text.lines().find_map(|l| l.strip_prefix("memory_usage_bytes ")).unwrap();
        assert!(memory.parse::<u64>().unwrap() > 100_000);
    }
}
