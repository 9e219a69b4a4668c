use std::sync::Arc;

use metrics::{Key, Label, Level, Metadata, SharedString, with_recorder};

static METADATA: Metadata<'static> =
    Metadata::new("maestro_slo_budget", Level::INFO, Some(module_path!()));

/// A metric by its name and description.
pub(super) struct Metric(pub(super) &'static str, pub(super) &'static str);

/// The metrics of one object, or of the members of a family that share a label.
pub(super) struct Series {
    name: &'static str,
    key: Option<Arc<str>>,
}

impl Series {
    pub(super) const fn new(name: &'static str, key: Option<Arc<str>>) -> Self {
        Self { name, key }
    }

    /// Adds to a counter with one more label.
    pub(super) fn count(&self, metric: &Metric, label: (&'static str, &'static str), more: u64) {
        let key = self.key(metric, Some(Label::from_static_parts(label.0, label.1)));
        with_recorder(|recorder| {
            recorder.describe_counter(metric.0.into(), None, metric.1.into());
            recorder.register_counter(&key, &METADATA).increment(more);
        });
    }

    /// Sets a gauge.
    pub(super) fn set(&self, metric: &Metric, label: Option<Label>, value: f64) {
        let key = self.key(metric, label);
        with_recorder(|recorder| {
            recorder.describe_gauge(metric.0.into(), None, metric.1.into());
            recorder.register_gauge(&key, &METADATA).set(value);
        });
    }

    fn key(&self, metric: &Metric, label: Option<Label>) -> Key {
        let name = Label::from_static_parts("name", self.name);
        let key = (self.key.as_ref())
            .map(|key| Label::new("key", SharedString::from_shared(Arc::clone(key))));
        let labels: Vec<_> = [Some(name), key, label].into_iter().flatten().collect();
        Key::from_parts(metric.0, labels)
    }
}
