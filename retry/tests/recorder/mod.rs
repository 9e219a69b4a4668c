//! A recorder that keeps all metrics of the policy named "store".

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

#[expect(
    clippy::disallowed_types,
    reason = "a test's recorder is on nobody's request path"
)]
type Lock<T> = std::sync::Mutex<T>;

#[derive(Clone, Default)]
pub(crate) struct Recorded {
    cells: Arc<Lock<HashMap<Key, Arc<Cell>>>>,
    registrations: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Cell {
    count: AtomicU64,
    values: Lock<Vec<f64>>,
}

impl Recorded {
    pub(crate) fn install() -> Self {
        let recorded = Self::default();
        metrics::set_global_recorder(recorded.clone()).expect("the first of this process");
        recorded
    }

    pub(crate) fn registrations(&self) -> usize {
        self.registrations.load(SeqCst)
    }

    /// All counters and gauges of this metric, with their labels, as lines in alphabetical order.
    pub(crate) fn series(&self, metric: &str) -> Vec<String> {
        let cells = self.cells.lock().expect("no panic inside");
        let of_metric = cells.iter().filter(|(key, _)| key.name() == metric);
        let mut lines: Vec<_> = of_metric
            .map(|(key, cell)| {
                let labels = key
                    .labels()
                    .map(|label| format!("{}={}", label.key(), label.value()));
                let labels = labels.collect::<Vec<_>>().join(" ");
                let values = cell.values.lock().expect("no panic inside");
                match values.last() {
                    Some(level) => format!("{labels}: {level}"),
                    None => format!("{labels}: {}", cell.count.load(SeqCst)),
                }
            })
            .collect();
        lines.sort();
        lines
    }

    /// The value of a counter, which must have been registered.
    pub(crate) fn count(&self, metric: &'static str, cause: Option<&'static str>) -> u64 {
        self.cell(metric, cause).count.load(SeqCst)
    }

    pub(crate) fn values(&self, metric: &'static str) -> Vec<f64> {
        self.cell(metric, None)
            .values
            .lock()
            .expect("no panic inside")
            .clone()
    }

    /// A gauge's last value.
    pub(crate) fn level(&self, metric: &'static str) -> f64 {
        *self.values(metric).last().expect("it was set")
    }

    fn cell(&self, metric: &'static str, cause: Option<&'static str>) -> Arc<Cell> {
        let second = if metric == "maestro_retry_hedges_total" {
            "result"
        } else {
            "cause"
        };
        let labels = [("name", Some("store")), (second, cause)];
        let labels = labels
            .into_iter()
            .filter_map(|(label, value)| Some((label, value?)));
        let key = Key::from_parts(metric, &labels.collect::<Vec<_>>());
        Arc::clone(&self.cells.lock().expect("no panic inside")[&key])
    }

    fn register(&self, key: &Key) -> Arc<Cell> {
        self.registrations.fetch_add(1, SeqCst);
        let mut cells = self.cells.lock().expect("no panic inside");
        Arc::clone(cells.entry(key.clone()).or_default())
    }
}

impl CounterFn for Cell {
    fn increment(&self, value: u64) {
        self.count.fetch_add(value, SeqCst);
    }
    fn absolute(&self, value: u64) {
        self.count.store(value, SeqCst);
    }
}

impl HistogramFn for Cell {
    fn record(&self, value: f64) {
        self.values.lock().expect("no panic inside").push(value);
    }
}

impl GaugeFn for Cell {
    fn increment(&self, _: f64) {}
    fn decrement(&self, _: f64) {}
    fn set(&self, value: f64) {
        self.record(value);
    }
}

impl Recorder for Recorded {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.register(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.register(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.register(key))
    }
}
