//! What makes each file short, what is planted, and what must then be red.

use super::Plan;

/// Nothing is answered in time, and every request leaves something behind.
macro_rules! slow_and_leaking {
    ($bytes:literal) => {
        concat!(
            "demo-target, api]\n        env: { ADD_LATENCY_MS: \"3000\", LEAK_BYTES_PER_REQUEST: \"",
            $bytes,
            "\" }"
        )
    };
}

/// Nobody moves for two and a half seconds.
macro_rules! frozen {
    ($service:literal) => {
        concat!(
            "version: 1\nfaults:\n  - name: freeze\n    inject: { pause: { service: ",
            $service,
            " } }\n    schedule: { at: 500ms }\n    for: 2500ms"
        )
    };
}

/// No switch of the demo system burns a core.
const BUSY: &str = "a_busy_spell_breaches_the_highest_and_not_the_mean";

pub(super) const A: &[Plan] = &[
    Plan {
        file: "a-platform-api/api.yaml",
        short: &[
            ("warmup: 30s", "warmup: 1s"),
            ("rate: 110/s, for: 10m", "rate: 60/s, for: 4s"),
            ("cooldown: 30s", "cooldown: 0s"),
            ("interval: 1s", "interval: 500ms"),
        ],
        needs_hours: &[],
        faults: &[(
            &[
                (
                    "demo-target, api]",
                    "demo-target, api]\n        env: { ADD_LATENCY_MS: \"600\", ERROR_PERCENT: \"10\", LEAK_BYTES_PER_REQUEST: \"100000\" }",
                ),
                // Half a gigabyte is left to machines that have it to spare.
                ("max: 512MB, mean: 256MB", "max: 10MB, mean: 5MB"),
            ],
            &[
                "throughput",
                "latency mean",
                "latency p95",
                "success_rate",
                "memory api max",
                "memory api mean",
                "memory_growth api per 1000 requests",
            ],
        )],
        elsewhere: &[("cpu", BUSY)],
    },
    Plan {
        file: "a-platform-api/users.yaml",
        short: &[
            ("count: 10, for: 1m,", "count: 5, for: 1s,"),
            ("count: 50, for: 1m,", "count: 10, for: 1s,"),
            ("count: 100, for: 1m,", "count: 20, for: 1s,"),
            ("count: 50, for: 10m,", "count: 10, for: 2s,"),
        ],
        needs_hours: &[],
        faults: &[(
            &[("demo-target, api]", slow_and_leaking!("0")), ("timeout: 5s", "timeout: 1s")],
            &["throughput", "latency mean", "latency p95", "success_rate"],
        )],
        elsewhere: &[],
    },
    Plan {
        file: "a-platform-api/websocket-messages.yaml",
        short: &[
            ("every: 10s, for: 5m", "every: 1s, for: 3s"),
            ("messages: 1000", "messages: 50"),
            ("timeout: 5s", "timeout: 1s"),
        ],
        needs_hours: &[],
        faults: &[
            (&[("version: 1", frozen!("api"))], &["error_rate chat/echo"]),
            // It is the opening that takes long, and each message has a share in it.
            (
                &[(
                    "demo-target, api]",
                    "demo-target, api]\n        env: { ADD_LATENCY_MS: \"800\" }",
                )],
                &["latency mean chat/echo"],
            ),
        ],
        elsewhere: &[],
    },
    Plan {
        file: "a-platform-api/websocket-connections.yaml",
        short: &[("every: 30s, for: 5m", "every: 1s, for: 4s"), ("messages: 20", "messages: 5")],
        needs_hours: &[],
        faults: &[
            (&[("version: 1", frozen!("api"))], &["latency max client/echo"]),
            (
                &[(
                    "demo-target, api]",
                    "demo-target, api]\n        env: { RATE_LIMIT_PER_S: \"10\" }",
                )],
                &["success_rate"],
            ),
        ],
        elsewhere: &[],
    },
    Plan {
        file: "a-platform-api/rate-limit.yaml",
        short: &[("every: 1m, for: 1m", "every: 1s, for: 1s")],
        needs_hours: &[],
        faults: &[(
            &[("LIMITED_PER_MIN: \"100\"", "LIMITED_PER_MIN: \"100000\"")],
            &["success_rate push/refused"],
        )],
        elsewhere: &[],
    },
];

pub(super) const B: &[Plan] = &[
    Plan {
        file: "b-node/endurance.yaml",
        short: &[
            ("settle: 1m", "settle: 2s"),
            ("warmup: 10m", "warmup: 2s"),
            ("for: 24h", "for: 6s"),
            ("cooldown: 10m", "cooldown: 2s"),
            ("interval: 1s", "interval: 500ms"),
            ("ledger: 1h", "ledger: 2s"),
            // As much memory is filled by a hundredth of the requests.
            ("random_int(1, 1000)", "random_int(1, 10)"),
            ("CACHE_ENTRY_BYTES: \"8192\"", "CACHE_ENTRY_BYTES: \"819200\""),
        ],
        needs_hours: &[],
        faults: &[(
            &[
                (
                    "env: { CACHE_ENTRIES",
                    "env: { ADD_LATENCY_MS: \"3000\", LEAK_BYTES_PER_REQUEST: \"1000000\", CACHE_ENTRIES",
                ),
                ("timeout: 5s", "timeout: 1s\n  catch_up: skip"),
                ("connections: 100", "connections: 5"),
            ],
            &["achieved_rate", "error_rate", "memory_growth api", "memory_back api"],
        )],
        elsewhere: &[],
    },
    Plan {
        file: "b-node/stress.yaml",
        short: &[
            ("to: 1000/s", "to: 20/s"),
            ("each: 30s", "each: 2s"),
            ("connections: 500", "connections: 50"),
        ],
        needs_hours: &[],
        faults: &[],
        elsewhere: &[],
    },
    Plan {
        file: "b-node/scaling.yaml",
        // Instead of a search a rate that neither size carries, for too short a time for a busy machine to put it in doubt.
        short: &[
            ("[1, 2, 4, 8]", "[1, 2]"),
            ("RATE_LIMIT_PER_S: \"100\"", "RATE_LIMIT_PER_S: \"15\""),
            (
                "steps: { from: 50/s, to: 1200/s, by: 50/s, each: 30s, until: { error_rate: 5% } }",
                "hold: { rate: 60/s, for: 3s }",
            ),
            ("interval: 1s", "interval: 10s"),
        ],
        needs_hours: &[],
        // What all replicas share gives way first.
        faults: &[(
            &[(
                "demo-target, gateway]",
                "demo-target, gateway]\n        env: { RATE_LIMIT_PER_S: \"17\" }",
            )],
            &["efficiency api x 2"],
        )],
        elsewhere: &[],
    },
];

pub(super) const C: &[Plan] = &[
    Plan {
        file: "c-coordinator/partition.yaml",
        short: &[
            ("replicas: 4", "replicas: 2"),
            ("warmup: 1m", "warmup: 1s"),
            ("rate: 100/s, for: 20m", "rate: 40/s, for: 6s"),
            ("size: 50, every: 5s, for: 1m", "size: 50, every: 1s, for: 1s"),
            ("size: 200, every: 10s, for: 1m", "size: 100, every: 1s, for: 1s"),
            ("from: 100/s, to: 1000/s, over: 10m", "from: 40/s, to: 80/s, over: 1s"),
            ("rate: 1000/s, for: 5m", "rate: 80/s, for: 1s"),
            ("from: 1000/s, to: 1500/s, over: 5m", "from: 80/s, to: 120/s, over: 1s"),
            ("rate: 100/s, for: 5m", "rate: 40/s, for: 2s"),
            ("cooldown: 2m", "cooldown: 1s"),
            ("steady_state:\n  for: 1m\n  require: [{ error_rate: { max: 1% } }]\n", ""),
            ("at: [5m]", "at: [2s]"),
            ("for: 10s", "for: 1s"),
            ("at: [12m]", "at: [5s]"),
            ("restart_after: 5s", "restart_after: 1s"),
        ],
        // A recovery takes 15 undisturbed seconds to see, and a tenth of the time is disturbed.
        needs_hours: &["recovery", "recover_within", "success_rate"],
        faults: &[(
            &[("demo-target, api]", slow_and_leaking!("0")), ("timeout: 5s", "timeout: 1s")],
            &[
                "latency p50",
                "latency p95",
                "latency p99",
                "success_rate",
                "success_rate outside faults",
            ],
        )],
        elsewhere: &[
            ("recovery", "a_slow_return_breaches_and_a_quick_one_holds"),
            ("recover_within", "a_slow_return_breaches_and_a_quick_one_holds"),
            // Nobody starts a process again that ends by itself.
            ("restarts", "a_crash_counts_and_our_own_kill_does_not"),
        ],
    },
    Plan {
        file: "c-coordinator/concurrency.yaml",
        short: &[
            ("replicas: 4", "replicas: 1"),
            // As many as are needed for a figure when each waits for a second.
            ("count: 1, for: 1m", "count: 8, for: 2s"),
            ("count: 2, for: 1m", "count: 8, for: 1s"),
            ("count: 4, for: 1m", "count: 8, for: 1s"),
            ("count: 8, for: 1m", "count: 8, for: 1s"),
            ("count: 16, for: 1m", "count: 16, for: 2s"),
        ],
        needs_hours: &[],
        faults: &[(
            &[("demo-target, api]", slow_and_leaking!("0")), ("timeout: 5s", "timeout: 1s")],
            &["success_rate", "latency p50"],
        )],
        elsewhere: &[],
    },
    Plan {
        file: "c-coordinator/nodes.yaml",
        short: &[
            ("[1, 2, 4, 8]", "[1, 2]"),
            ("warmup: 30s", "warmup: 1s"),
            ("rate: 100/s, for: 10m", "rate: 40/s, for: 3s"),
        ],
        needs_hours: &[],
        faults: &[(
            &[("demo-target, api]", slow_and_leaking!("0")), ("timeout: 5s", "timeout: 1s")],
            &["success_rate", "latency p50"],
        )],
        elsewhere: &[],
    },
    Plan {
        file: "c-coordinator/throughput.yaml",
        short: &[
            ("replicas: 4", "replicas: 1"),
            ("warmup: 30s", "warmup: 1s"),
            ("rate: 10500/s, for: 1m", "rate: 50/s, for: 3s"),
        ],
        needs_hours: &[],
        faults: &[(
            &[("demo-target, api]", slow_and_leaking!("0")), ("timeout: 5s", "timeout: 1s")],
            &["throughput", "success_rate", "latency p50"],
        )],
        elsewhere: &[],
    },
];

pub(super) const D: &[Plan] = &[
    Plan {
        file: "d-gateway/gateway.yaml",
        short: &[
            ("warmup: 1m", "warmup: 1s"),
            ("rate: 520/s, for: 1h", "rate: 100/s, for: 5s"),
            ("timeout: 5s", "timeout: 1500ms"),
            // Enough of each in seconds.
            ("weight: 97", "weight: 40"),
            ("weight: 2\n", "weight: 30\n"),
            ("weight: 1\n", "weight: 30\n"),
        ],
        needs_hours: &[],
        faults: &[(
            &[("version: 1", frozen!("gateway"))],
            &[
                "throughput",
                "latency p95",
                "availability",
                "latency p99 health/gateway",
                "latency p99 discovery/find",
                "latency mean serve/item",
            ],
        )],
        elsewhere: &[],
    },
    Plan {
        file: "d-gateway/connections.yaml",
        short: &[("every: 1m, for: 10m", "every: 1s, for: 1s"), ("hold: 20s", "hold: 2s")],
        needs_hours: &[],
        faults: &[(
            &[(
                "demo-target, api]",
                "demo-target, api]\n        env: { RATE_LIMIT_PER_S: \"100\" }",
            )],
            &["success_rate"],
        )],
        elsewhere: &[],
    },
    Plan {
        file: "d-gateway/progress.yaml",
        short: &[
            ("warmup: 30s", "warmup: 1s"),
            ("rate: 100/s, for: 1h", "rate: 30/s, for: 6s"),
            ("every: 1s", "every: 500ms"),
            // A hundredth of the time.
            ("BLOCK_INTERVAL_MS: \"10000\"", "BLOCK_INTERVAL_MS: \"100\""),
            ("min_pace: 1 per 11s, window: 10m", "min_pace: 1 per 1s"),
            ("age: 15s", "age: 1s"),
            ("latency: 5s", "latency: 1s"),
            ("timeout: 5s", "timeout: 1s"),
        ],
        needs_hours: &["probe consensus latency", "probe block age"],
        faults: &[
            (&[("version: 1", frozen!("gateway"))], &["availability", "probe consensus latency"]),
            (
                &[("BLOCK_INTERVAL_MS: \"100\"", "BLOCK_INTERVAL_MS: \"60000\"")],
                &["progress block", "probe block age"],
            ),
        ],
        elsewhere: &[],
    },
    Plan {
        file: "d-gateway/mtls.yaml",
        short: &[("warmup: 5s", "warmup: 1s"), ("rate: 10/s, for: 10m", "rate: 10/s, for: 5s")],
        needs_hours: &[],
        faults: &[
            (&[("version: 1", frozen!("edge"))], &["latency p99 handshake/mtls"]),
            // A certificate that the other side does not know the authority of.
            (&[("- certificates/ca.pem", "- certificates/client.pem")], &["success_rate"]),
        ],
        elsewhere: &[],
    },
    Plan {
        file: "d-gateway/database.yaml",
        short: &[
            ("warmup: 10s", "warmup: 1s"),
            ("rate: 1500/s, for: 1h", "rate: 60/s, for: 4s"),
            ("connections: 200", "connections: 20"),
            ("pool: 110", "pool: 20"),
        ],
        needs_hours: &[],
        faults: &[(
            &[
                ("max_connections=150", "max_connections=4"),
                ("SELECT balance FROM", "SELECT balance, pg_sleep(0.1) FROM"),
            ],
            &["latency p95 read/balance", "throughput write/pay"],
        )],
        // Whoever finds no place in the server's pool waits for one, and may get it in time.
        elsewhere: &[("error_rate", "errors_breach_and_their_absence_holds")],
    },
];

pub(super) const E: &[Plan] = &[
    Plan {
        file: "e-commerce/endurance.yaml",
        short: &[
            ("settle: 5m", "settle: 2s"),
            ("warmup: 10m", "warmup: 1s"),
            ("for: 8h", "for: 5s"),
            ("cooldown: 5m", "cooldown: 0s"),
            ("every: 1s", "every: 500ms"),
            ("interval: 1s", "interval: 500ms"),
            ("ledger: 1h", "ledger: 1s"),
        ],
        needs_hours: &[],
        faults: &[
            (
                &[("version: 1", frozen!("store")), ("rate: 100/s", "rate: 200/s")],
                &["latency p95 history/orders"],
            ),
            (
                &[
                    (
                        "demo-target, api]",
                        "demo-target, api]\n        env: { ADD_LATENCY_MS: \"1200\", ERROR_PERCENT: \"40\", LEAK_BYTES_PER_REQUEST: \"300000\" }",
                    ),
                    // Two gigabytes are left to machines that have them to spare.
                    ("max: 2GB, warn: 1GB", "max: 20MB, warn: 10MB"),
                ],
                &[
                    "latency p95 browse/item",
                    "latency p95 history/orders",
                    "latency p95 buy/login",
                    "latency p95 buy/checkout",
                    "throughput browse/item",
                    "throughput history/orders",
                    "throughput buy/login",
                    "throughput buy/checkout",
                    "error_rate",
                    "memory api max",
                ],
            ),
        ],
        // How many wait at a frozen store depends on the machine: probes are seen breached where a chain stands still.
        elsewhere: &[("cpu", BUSY), ("probe", "numbers_and_their_age_are_held_to_their_bounds")],
    },
    Plan {
        file: "e-commerce/spike.yaml",
        short: &[
            ("warmup: 1m", "warmup: 1s"),
            ("rate: 50/s, for: 5m", "rate: 12/s, for: 3s"),
            ("rate: 500/s, for: 1m, then: 9m", "rate: 120/s, for: 2s, then: 2s"),
            ("cooldown: 1m", "cooldown: 0s"),
            ("window: 1m", "window: 2s"),
            ("interval: 1s, ledger: 1m", "interval: 500ms, ledger: 1s"),
        ],
        needs_hours: &[],
        faults: &[(
            &[
                ("demo-target, api]", slow_and_leaking!("1000000")),
                ("timeout: 5s", "timeout: 1s\n  catch_up: skip"),
                ("connections: 500", "connections: 40"),
                ("max: 2GB, warn: 1GB", "max: 10MB, warn: 5MB"),
            ],
            &[
                "achieved_rate",
                "error_rate",
                "error_rate, worst 2s",
                "latency p95, worst 2s",
                "memory api max",
            ],
        )],
        elsewhere: &[],
    },
];
