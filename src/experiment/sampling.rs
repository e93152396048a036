//! `sampling:` what is read, and how often.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use serde_json::Value;

use super::capture_plan::InstanceUrl;
use super::known::ServiceName;
use super::source::{Context, Decode, Definitions, Lasting, Named, Node, form};
use crate::units::{duration_text, optional_duration_text};

/// What is read, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampling {
    /// Time between two readings, 100 ms to 1 min.
    #[serde(with = "duration_text")]
    pub interval: Duration,
    /// Length of a ledger row; default: an hour, or a twelfth of a shorter profile.
    #[serde(with = "optional_duration_text")]
    pub ledger: Option<Duration>,
    /// Where each service's own metrics are, in the Prometheus text format. With `<service>.target` as the
    /// host each instance is asked; else the first.
    #[serde(default)]
    pub scrape: BTreeMap<String, String>,
}

impl Sampling {
    /// Metrics are scraped no more often than this.
    const SCRAPES: Duration = Duration::from_secs(10);

    /// Time between two scrapes of the target's own metrics.
    pub fn scrape_interval(&self) -> Duration {
        self.interval.max(Self::SCRAPES)
    }

    /// Length of a ledger row for a profile of this length: whole seconds, at least 1 s; whole minutes
    /// for profiles past an hour, because latencies are then stored by the minute.
    pub fn ledger_interval(&self, profile: Duration) -> Duration {
        let secs = self.ledger.map_or_else(
            || {
                if profile >= Duration::from_hours(12) {
                    3600
                } else {
                    profile.as_secs().div_ceil(12)
                }
            },
            |d| d.as_secs(),
        );
        let unit = if profile > Duration::from_hours(1) { 60 } else { 1 };
        Duration::from_secs(secs.div_ceil(unit).max(1) * unit)
    }
}

form! {
    /// What is read, and how often.
    struct SamplingForm {
        /// Time between two readings, 100ms to 1min.
        interval: Lasting<100, 60_000> = Default("1s"),
        /// Length of a ledger row, 1s to 24h; default: 1h, or a twelfth of a profile under 12h. Rounded
        /// up to whole seconds, for profiles past an hour to whole minutes.
        ledger: Lasting<1_000, 86_400_000> = Optional,
        /// Where each service's own metrics are, in the Prometheus text format, by service. With
        /// SERVICE.target as the host each instance is asked; else the first.
        scrape: Named<ServiceName, InstanceUrl> = Optional,
    }
}

impl Decode for Sampling {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = SamplingForm::decode(node, cx)?;
        let mut scrape = BTreeMap::new();
        for (service, url) in form.scrape.into_iter().flat_map(|s| s.value.0) {
            scrape.insert(service.value.0, url.value.0);
        }
        Some(Self {
            scrape,
            interval: form.interval?.value.0,
            ledger: form.ledger.map(|ledger| ledger.value.0),
        })
    }

    fn schema(defs: &mut Definitions) -> Value {
        SamplingForm::schema(defs)
    }
}

impl Default for Sampling {
    fn default() -> Self {
        Self { interval: Duration::from_secs(1), ledger: None, scrape: BTreeMap::new() }
    }
}
