//! A recorder that keeps every value.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

#[expect(
    clippy::disallowed_types,
    reason = "the recorder of a test is on no request path"
)]
type Lock<T> = std::sync::Mutex<T>;

#[derive(Clone, Default)]
pub(crate) struct Recorded {
    counters: Arc<Lock<HashMap<Key, Arc<Count>>>>,
    histograms: Arc<Lock<HashMap<Key, Arc<Values>>>>,
    registrations: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Count(AtomicU64);

#[derive(Default)]
struct Values(Lock<Vec<f64>>);

impl Recorded {
    pub(crate) fn install() -> Self {
        let recorded = Self::default();
        metrics::set_global_recorder(recorded.clone()).expect("the first of this process");
        recorded
    }

    /// Returns the counter with these labels, which must be registered.
    #[allow(dead_code, reason = "each test binary uses a part")]
    pub(crate) fn count(
        &self,
        metric: &'static str,
        name: &'static str,
        phase: Option<&'static str>,
    ) -> u64 {
        let counters = self.counters.lock().expect("no panic inside");
        counters[&key(metric, name, phase)].0.load(SeqCst)
    }

    /// Returns the values with these labels, which must be registered, rounded to microseconds.
    #[allow(dead_code, reason = "each test binary uses a part")]
    pub(crate) fn values(
        &self,
        metric: &'static str,
        name: &'static str,
        phase: Option<&'static str>,
    ) -> Vec<f64> {
        let histograms = self.histograms.lock().expect("no panic inside");
        let values = histograms[&key(metric, name, phase)].0.lock();
        let round = |value: &f64| (value * 1e6).round() / 1e6;
        values.expect("no panic inside").iter().map(round).collect()
    }

    /// Returns the counters of a metric in order, each by its labels and its value.
    #[allow(dead_code, reason = "each test binary uses a part")]
    pub(crate) fn by_labels(&self, metric: &str) -> Vec<(Vec<(String, String)>, u64)> {
        let counters = self.counters.lock().expect("no panic inside");
        let of_metric = counters.iter().filter(|(key, _)| key.name() == metric);
        let labels = |key: &Key| {
            key.labels()
                .map(|label| (label.key().to_owned(), label.value().to_owned()))
                .collect()
        };
        let mut all: Vec<_> = of_metric
            .map(|(key, count)| (labels(key), count.0.load(SeqCst)))
            .collect();
        all.sort();
        all
    }

    #[allow(dead_code, reason = "each test binary uses a part")]
    pub(crate) fn registrations(&self) -> usize {
        self.registrations.load(SeqCst)
    }

    #[allow(dead_code, reason = "each test binary uses a part")]
    pub(crate) fn is_empty(&self) -> bool {
        self.registrations() == 0
    }
}

fn key(metric: &'static str, name: &'static str, phase: Option<&'static str>) -> Key {
    let labels = [("name", Some(name)), ("phase", phase)];
    let labels = labels
        .into_iter()
        .filter_map(|(label, value)| Some((label, value?)));
    Key::from_parts(metric, &labels.collect::<Vec<_>>())
}

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, SeqCst);
    }
    fn absolute(&self, value: u64) {
        self.0.store(value, SeqCst);
    }
}

impl HistogramFn for Values {
    fn record(&self, value: f64) {
        self.0.lock().expect("no panic inside").push(value);
    }
}

impl Recorder for Recorded {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.registrations.fetch_add(1, SeqCst);
        let mut counters = self.counters.lock().expect("no panic inside");
        Counter::from_arc(Arc::clone(counters.entry(key.clone()).or_default()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.registrations.fetch_add(1, SeqCst);
        let mut histograms = self.histograms.lock().expect("no panic inside");
        Histogram::from_arc(Arc::clone(histograms.entry(key.clone()).or_default()))
    }
}
