//! Feature `metrics`: the handles of a bulkhead, and when they are registered.

use std::sync::{Arc, OnceLock};

use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder, Unit, with_recorder};

use super::{Figures, Observe};
use crate::types::Cause;

static METADATA: Metadata<'static> =
    Metadata::new("maestro_bulkhead", Level::INFO, Some(module_path!()));

/// The metric handles of one bulkhead. It keeps them from the first event on that finds a recorder.
pub(crate) struct Meter {
    handles: OnceLock<Handles>,
    /// The value of the label `key`, of a family that labels its members.
    key: OnceLock<Arc<str>>,
}

struct Handles {
    in_flight: Gauge,
    queued: Gauge,
    limit: Gauge,
    /// In the order of `Cause`.
    rejected: [Counter; Cause::ALL.len()],
    would_reject: Counter,
    overloaded: Counter,
}

impl Handles {
    fn register(name: &'static str, key: Option<&Arc<str>>, recorder: &dyn Recorder) -> Self {
        let labels = || {
            let key = key.map(|key| Label::new("key", Arc::clone(key)));
            let name = Label::from_static_parts("name", name);
            [name].into_iter().chain(key).collect::<Vec<_>>()
        };
        let gauge = |metric: &'static str, what: &'static str| {
            recorder.describe_gauge(metric.into(), Some(Unit::Count), what.into());
            recorder.register_gauge(&Key::from_parts(metric, labels()), &METADATA)
        };
        let counter = |metric: &'static str, what: &'static str, labels| {
            recorder.describe_counter(metric.into(), Some(Unit::Count), what.into());
            recorder.register_counter(&Key::from_parts(metric, labels), &METADATA)
        };
        Self {
            in_flight: gauge("maestro_bulkhead_in_flight", "Calls in flight"),
            queued: gauge("maestro_bulkhead_queued", "Calls that wait for a place"),
            limit: gauge("maestro_bulkhead_limit", "The most calls in flight"),
            rejected: Cause::ALL.map(|cause| {
                let cause = Label::from_static_parts("cause", cause.as_str());
                counter(
                    "maestro_bulkhead_rejected_total",
                    "Calls refused, by cause",
                    [labels(), vec![cause]].concat(),
                )
            }),
            would_reject: counter(
                "maestro_bulkhead_would_reject_total",
                "Calls that would have been refused, where the bulkhead only counts",
                labels(),
            ),
            overloaded: counter(
                "maestro_bulkhead_overloaded_total",
                "Calls that met an overload",
                labels(),
            ),
        }
    }
}

impl Meter {
    pub(crate) const fn new() -> Self {
        Self {
            handles: OnceLock::new(),
            key: OnceLock::new(),
        }
    }

    /// Sets the label `key`, unless it is set or the handles exist.
    #[cfg(feature = "family")]
    pub(crate) fn label(&self, key: Arc<str>) {
        let _ = self.key.set(key);
    }

    /// Runs `event` on the handles, if a recorder is found.
    #[inline]
    fn record(&self, of: &impl Figures, event: impl FnOnce(&Handles)) {
        if let Some(handles) = self.handles.get().or_else(|| self.find(of)) {
            event(handles);
        }
    }

    /// The same for an event that the figures include already. Gauges that are registered now start with these figures, so
    /// the event must not move them again.
    #[inline]
    fn record_step(&self, of: &impl Figures, step: impl FnOnce(&Handles)) {
        match self.handles.get() {
            Some(handles) => step(handles),
            None => drop(self.find(of)),
        }
    }

    // Before a recorder is installed, `metrics` hands out one of size zero, whose handles are dead for ever. Those are not
    // kept. A user whose own recorder has no field calls `resolve_metrics`.
    #[cold]
    fn find(&self, of: &impl Figures) -> Option<&Handles> {
        with_recorder(|recorder| (size_of_val(recorder) > 0).then(|| self.register(of, recorder)))
    }

    fn register(&self, of: &impl Figures, recorder: &dyn Recorder) -> &Handles {
        self.handles.get_or_init(|| {
            let handles = Handles::register(of.name(), self.key.get(), recorder);
            // Read last: other threads, which find no handles meanwhile, wait for these.
            handles.in_flight.increment(as_f64(of.in_flight()));
            handles.queued.increment(as_f64(of.queued()));
            handles.limit.set(as_f64(of.limit()));
            handles
        })
    }
}

// The gauges of calls move by the places of a call and not to a value. A value that is read before another thread writes leaves a
// stale gauge, and the members of a family, which have one name, would overwrite each other instead of adding up.
impl Observe for Meter {
    fn resolve(&self, of: &impl Figures) {
        with_recorder(|recorder| {
            self.register(of, recorder);
        });
    }

    #[inline]
    fn entered(&self, of: &impl Figures, places: u32) {
        self.record_step(of, |handles| handles.in_flight.increment(places));
    }

    #[inline]
    fn left(&self, of: &impl Figures, places: u32) {
        self.record(of, |handles| handles.in_flight.decrement(places));
    }

    fn joined(&self, of: &impl Figures) {
        self.record_step(of, |handles| handles.queued.increment(1.0));
    }

    fn went(&self, of: &impl Figures) {
        self.record_step(of, |handles| handles.queued.decrement(1.0));
    }

    fn granted(&self, of: &impl Figures, places: u32) {
        self.record_step(of, |handles| {
            handles.queued.decrement(1.0);
            handles.in_flight.increment(places);
        });
    }

    fn refused(&self, of: &impl Figures, cause: Cause) {
        self.record(of, |handles| handles.rejected[cause as usize].increment(1));
    }

    fn would_refuse(&self, of: &impl Figures) {
        self.record(of, |handles| handles.would_reject.increment(1));
    }

    fn overloaded(&self, of: &impl Figures) {
        self.record(of, |handles| handles.overloaded.increment(1));
    }

    fn resized(&self, of: &impl Figures) {
        // A value and not a step, because the limit of a family is that of one member. Two threads that change the limit
        // may set the gauge in the other order, so each looks again after it has set it.
        self.record(of, |handles| {
            let mut told = None;
            while told != Some(of.limit()) {
                let limit = of.limit();
                handles.limit.set(as_f64(limit));
                told = Some(limit);
            }
        });
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures to look at")]
fn as_f64(count: usize) -> f64 {
    count as f64
}
