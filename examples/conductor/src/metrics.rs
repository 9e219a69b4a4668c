//! The metrics for Prometheus.
//!
//! The recorder is a value of the server, not the global one. Two servers in one process, as in the tests, do not
//! mix their figures, and handles need not wait until a global recorder is installed. `/metrics` sets the gauges
//! when it is requested.

use std::collections::HashMap;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use parking_lot::Mutex;

/// The histogram's buckets, in seconds: from a cache hit to the request timeout.
const BUCKETS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 4.0];

const METADATA: Metadata<'static> = Metadata::new("conductor", Level::INFO, None);

/// The recorder and its handles.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    /// Handles by method, route and status: some dozens, created at first use. The lock is held for a look-up.
    requests: Mutex<HashMap<Answered, (Counter, Histogram)>>,
}

/// Method, route and status.
type Answered = (&'static str, String, u16);

impl Metrics {
    pub(crate) fn new() -> Self {
        let builder = PrometheusBuilder::new().set_buckets(&BUCKETS);
        let recorder = builder.expect("there are buckets").build_recorder();
        let metrics = Self {
            handle: recorder.handle(),
            recorder,
            requests: Mutex::default(),
        };
        for (name, text) in [
            ("conductor_http_requests_total", "requests answered"),
            (
                "conductor_http_connections_displaced_total",
                "idle connections told to close for another one",
            ),
            (
                "conductor_dependency_calls_total",
                "calls of a dependency's stack, by outcome",
            ),
            (
                "conductor_dependency_attempts_total",
                "attempts that reached the client",
            ),
            (
                "conductor_dependency_retries_total",
                "attempts beyond the first of a call",
            ),
            (
                "conductor_breaker_transitions_total",
                "breaker transitions, by the state entered",
            ),
            (
                "conductor_admission_refused_total",
                "runs refused because too many came at once",
            ),
            ("conductor_gate_refused_total", "runs refused by the gate"),
            (
                "conductor_outbox_dispatched_total",
                "runs the outbox brought to the dispatch API",
            ),
        ] {
            metrics
                .recorder
                .describe_counter(name.into(), None, text.into());
        }
        for (name, text) in [
            ("conductor_http_connections", "open connections"),
            (
                "conductor_breaker_state",
                "1 for the state the breaker is in",
            ),
            ("conductor_bulkhead_in_flight", "attempts in flight"),
            ("conductor_bulkhead_limit", "attempts that may be in flight"),
            ("conductor_retry_budget", "retries there is credit for"),
            (
                "conductor_slo_burn_rate",
                "burn rate of the error budget over a window",
            ),
            (
                "conductor_slo_budget_remaining",
                "share of the error budget that is left",
            ),
            (
                "conductor_gate_share",
                "share of new runs that the gate admits",
            ),
            (
                "conductor_outbox_queued",
                "runs stored and not yet dispatched, counted to 100,000",
            ),
            (
                "conductor_admission_in_flight",
                "runs that requests store and dispatch now",
            ),
            ("conductor_admission_queued", "runs that wait for a place"),
            ("conductor_cache_bytes", "bytes of the runs in the cache"),
            (
                "conductor_store_unreadable_rows",
                "rows found since the start that cannot be read",
            ),
        ] {
            metrics
                .recorder
                .describe_gauge(name.into(), None, text.into());
        }
        let text = "time to answer a request";
        let name = "conductor_http_request_seconds";
        metrics
            .recorder
            .describe_histogram(name.into(), None, text.into());
        metrics
    }

    pub(crate) fn counter(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        self.recorder
            .register_counter(&key(name, labels), &METADATA)
    }

    pub(crate) fn gauge(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
        self.recorder.register_gauge(&key(name, labels), &METADATA)
    }

    /// Counts a response. `route` is the pattern, not the path, because paths contain ids.
    pub(crate) fn answered(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let mut requests = self.requests.lock();
        let (count, seconds) = requests
            .entry((method, route.to_owned(), status))
            .or_insert_with(|| {
                let status = status.to_string();
                let labels = [("method", method), ("route", route), ("status", &status)];
                let time = key("conductor_http_request_seconds", &labels[..2]);
                (
                    self.counter("conductor_http_requests_total", &labels),
                    self.recorder.register_histogram(&time, &METADATA),
                )
            });
        count.increment(1);
        seconds.record(took);
    }

    /// Moves recorded values into the buckets. A histogram keeps every value until then, so this must run from
    /// time to time even if `/metrics` is never requested.
    pub(crate) fn fold(&self) {
        self.handle.run_upkeep();
    }

    /// The metrics in Prometheus' text format.
    pub(crate) fn render(&self) -> String {
        self.fold();
        self.handle.render()
    }
}

fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    let labels = labels
        .iter()
        .map(|(key, value)| Label::new(*key, (*value).to_owned()));
    Key::from_parts(name, labels.collect::<Vec<_>>())
}
