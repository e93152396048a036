//! The Prometheus text format, and OpenMetrics as far as it is the same.

use std::collections::BTreeMap;

use crate::record::ScrapedKind;

/// One value of one series.
#[derive(Debug, PartialEq)]
pub(super) struct Point<'a> {
    /// Name with labels, as written.
    pub(super) name: &'a str,
    pub(super) kind: ScrapedKind,
    /// Finite.
    pub(super) value: f64,
}

/// All series that can be judged over time: gauges and counters; of histograms and summaries the sums and
/// counts, without buckets and quantiles. Lines that are none are passed over.
pub(super) fn parse(text: &str) -> Vec<Point<'_>> {
    let mut types: BTreeMap<&str, &str> = BTreeMap::new();
    let mut points = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            let mut words = comment.split_ascii_whitespace();
            if words.next() == Some("TYPE")
                && let (Some(name), Some(kind)) = (words.next(), words.next())
            {
                types.insert(name, kind);
            }
        } else if let Some((name, value)) = sample(line)
            && let Some(kind) = kind(name, &types)
        {
            points.push(Point { name, kind, value });
        }
    }
    points
}

/// `name{label="va}lue"} 1.5 1395066363000`
fn sample(line: &str) -> Option<(&str, f64)> {
    let end = match line.find(['{', ' ', '\t'])? {
        at if line[at..].starts_with('{') => at + labels_end(&line[at..])?,
        at => at,
    };
    let value: f64 = line[end..].split_ascii_whitespace().next()?.parse().ok()?;
    (end > 0 && value.is_finite()).then(|| (&line[..end], value))
}

/// Where the labels end, past their `}`: one inside quotes is not it.
fn labels_end(labels: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in labels.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// How a series behaves; `None` for one that is not kept.
fn kind(name: &str, types: &BTreeMap<&str, &str>) -> Option<ScrapedKind> {
    let family = &name[..name.find('{').unwrap_or(name.len())];
    if let Some(kind) = types.get(family) {
        return match *kind {
            "counter" => Some(ScrapedKind::Counter),
            // Its own name carries the quantiles.
            "summary" | "histogram" => None,
            _ => Some(ScrapedKind::Gauge),
        };
    }
    for (suffix, kept) in [
        ("_total", true),
        ("_sum", true),
        ("_count", true),
        ("_bucket", false),
        ("_created", false),
    ] {
        if let Some(kind) = family.strip_suffix(suffix).and_then(|f| types.get(f))
            && ["counter", "summary", "histogram"].contains(kind)
        {
            return kept.then_some(ScrapedKind::Counter);
        }
    }
    Some(ScrapedKind::Gauge)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# HELP go_goroutines Number of goroutines that currently exist.
# TYPE go_goroutines gauge
go_goroutines 42
# TYPE go_gc_duration_seconds summary
go_gc_duration_seconds{quantile=\"0.5\"} 0.0001
go_gc_duration_seconds_sum 1.5
go_gc_duration_seconds_count 9
# TYPE http_requests counter
http_requests_total{path=\"/a} b\\\"{\",code=\"200\"} 1027 1395066363000
http_requests_created 1.7e9
# TYPE latency histogram
latency_bucket{le=\"+Inf\"} 5
latency_sum 2
jvm_memory_used_bytes{area=\"heap\"}\t1.5e+07
nothing NaN
open{a=\"b\" 5
 # EOF
";

    #[test]
    fn gauges_counters_and_sums_are_kept() {
        let points = parse(TEXT);
        let found: Vec<_> = points.iter().map(|p| (p.name, p.kind, p.value)).collect();
        assert_eq!(
            found,
            [
                ("go_goroutines", ScrapedKind::Gauge, 42.0),
                ("go_gc_duration_seconds_sum", ScrapedKind::Counter, 1.5),
                ("go_gc_duration_seconds_count", ScrapedKind::Counter, 9.0),
                (
                    "http_requests_total{path=\"/a} b\\\"{\",code=\"200\"}",
                    ScrapedKind::Counter,
                    1027.0
                ),
                ("latency_sum", ScrapedKind::Counter, 2.0),
                ("jvm_memory_used_bytes{area=\"heap\"}", ScrapedKind::Gauge, 1.5e7),
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in "[a-z{}\"\\\\= #0-9\n\té]{0,80}") {
            for point in parse(&text) {
                assert!(point.value.is_finite() && !point.name.is_empty());
            }
        }
    }
}
