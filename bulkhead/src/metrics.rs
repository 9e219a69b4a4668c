//! The only file that knows the feature `metrics`. Without it nothing here holds or does anything.

#[cfg(not(feature = "metrics"))]
pub(crate) use off::Meter;
#[cfg(feature = "metrics")]
pub(crate) use on::Meter;

#[cfg(not(feature = "metrics"))]
mod off {
    use crate::Cause;

    #[derive(Debug)]
    pub(crate) struct Meter;

    #[expect(clippy::unused_self, reason = "as with the feature")]
    impl Meter {
        pub(crate) const fn new() -> Self {
            Self
        }

        #[inline]
        pub(crate) fn entered(&self, _: &'static str, _: impl FnOnce() -> usize) {}
        #[inline]
        pub(crate) fn left(&self, _: &'static str, _: impl FnOnce() -> usize) {}
        #[inline]
        pub(crate) fn joined(&self, _: &'static str) {}
        #[inline]
        pub(crate) fn went(&self, _: &'static str) {}
        #[inline]
        pub(crate) fn refused(&self, _: &'static str, _: Cause) {}
        #[inline]
        pub(crate) fn would_refuse(&self, _: &'static str) {}
        #[inline]
        pub(crate) fn overloaded(&self, _: &'static str) {}
        #[inline]
        pub(crate) fn resized(&self, _: &'static str, _: usize) {}
    }
}

#[cfg(feature = "metrics")]
mod on {
    use std::{fmt, sync::OnceLock};

    use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder, Unit, with_recorder};

    use crate::{Bulkhead, Cause, Pointer};

    const IN_FLIGHT: &str = "maestro_bulkhead_in_flight";
    const QUEUED: &str = "maestro_bulkhead_queued";
    const LIMIT: &str = "maestro_bulkhead_limit";
    const REJECTED: &str = "maestro_bulkhead_rejected_total";
    const WOULD_REJECT: &str = "maestro_bulkhead_would_reject_total";
    const OVERLOADED: &str = "maestro_bulkhead_overloaded_total";

    static METADATA: Metadata<'static> =
        Metadata::new("maestro_bulkhead", Level::INFO, Some(module_path!()));

    /// The metric handles of one bulkhead: of the recorder, kept from the first use on at which there is one.
    pub(crate) struct Meter(OnceLock<Handles>);

    struct Handles {
        in_flight: Gauge,
        queued: Gauge,
        limit: Gauge,
        /// In the order of `Cause`.
        rejected: [Counter; 4],
        would_reject: Counter,
        overloaded: Counter,
    }

    impl Handles {
        fn register(name: &'static str, recorder: &dyn Recorder) -> Self {
            let count = Some(Unit::Count);
            recorder.describe_gauge(IN_FLIGHT.into(), count, "Calls in flight".into());
            recorder.describe_gauge(QUEUED.into(), count, "Calls that wait for a place".into());
            recorder.describe_gauge(LIMIT.into(), count, "The most calls in flight".into());
            recorder.describe_counter(REJECTED.into(), count, "Calls refused, by cause".into());
            recorder.describe_counter(
                WOULD_REJECT.into(),
                count,
                "Calls that would have been refused, where it only watches".into(),
            );
            recorder.describe_counter(
                OVERLOADED.into(),
                count,
                "Calls that met an overload".into(),
            );
            let label = || Label::from_static_parts("name", name);
            let key = |metric| Key::from_parts(metric, vec![label()]);
            let gauge = |metric| recorder.register_gauge(&key(metric), &METADATA);
            let counter = |metric| recorder.register_counter(&key(metric), &METADATA);
            let rejected = |cause: Cause| {
                let cause = Label::from_static_parts("cause", cause.as_str());
                let key = Key::from_parts(REJECTED, vec![label(), cause]);
                recorder.register_counter(&key, &METADATA)
            };
            Self {
                in_flight: gauge(IN_FLIGHT),
                queued: gauge(QUEUED),
                limit: gauge(LIMIT),
                rejected: Cause::ALL.map(rejected),
                would_reject: counter(WOULD_REJECT),
                overloaded: counter(OVERLOADED),
            }
        }
    }

    impl Meter {
        pub(crate) const fn new() -> Self {
            Self(OnceLock::new())
        }

        #[inline]
        fn with(&self, name: &'static str, record: impl FnOnce(&Handles)) {
            if let Some(handles) = self.0.get().or_else(|| self.find(name)) {
                record(handles);
            }
        }

        /// Before a recorder is installed, `metrics` hands out one without a field, whose handles are dead
        /// for ever: those are not kept. Whoever writes a recorder without a field calls `resolve_metrics`.
        #[cold]
        fn find(&self, name: &'static str) -> Option<&Handles> {
            with_recorder(|recorder| {
                (size_of_val(recorder) > 0)
                    .then(|| self.0.get_or_init(|| Handles::register(name, recorder)))
            })
        }

        /// The gauge moves by one a call and not to a value, so that calls on several threads cannot leave a stale one
        /// behind. Who finds the recorder accounts for those who were in before, `others`.
        fn move_in_flight(&self, name: &'static str, by: f64, others: impl FnOnce() -> usize) {
            if let Some(handles) = self.0.get() {
                handles.in_flight.increment(by);
            } else if let Some(handles) = self.find(name) {
                handles.in_flight.increment(as_f64(others()) + by);
            }
        }

        #[inline]
        pub(crate) fn entered(&self, name: &'static str, others: impl FnOnce() -> usize) {
            self.move_in_flight(name, 1.0, others);
        }

        #[inline]
        pub(crate) fn left(&self, name: &'static str, before: impl FnOnce() -> usize) {
            self.move_in_flight(name, -1.0, before);
        }

        pub(crate) fn joined(&self, name: &'static str) {
            self.with(name, |handles| handles.queued.increment(1.0));
        }

        pub(crate) fn went(&self, name: &'static str) {
            self.with(name, |handles| handles.queued.decrement(1.0));
        }

        pub(crate) fn refused(&self, name: &'static str, cause: Cause) {
            self.with(name, |handles| {
                handles.rejected[cause as usize].increment(1);
            });
        }

        pub(crate) fn would_refuse(&self, name: &'static str) {
            self.with(name, |handles| handles.would_reject.increment(1));
        }

        pub(crate) fn overloaded(&self, name: &'static str) {
            self.with(name, |handles| handles.overloaded.increment(1));
        }

        pub(crate) fn resized(&self, name: &'static str, limit: usize) {
            self.with(name, |handles| handles.limit.set(as_f64(limit)));
        }

        fn resolve(&self, name: &'static str, in_flight: usize, limit: usize) {
            let is_new = self.0.get().is_none();
            with_recorder(|recorder| {
                let handles = self.0.get_or_init(|| Handles::register(name, recorder));
                if is_new {
                    handles.in_flight.increment(as_f64(in_flight));
                }
                handles.limit.set(as_f64(limit));
            });
        }
    }

    impl<P: Pointer> Bulkhead<P> {
        /// Takes the handles of its metrics from the recorder now, instead of at the first use at which there is one: so
        /// that gauges and counters, the limit among them, are there before anything happens.
        ///
        /// The gauge of calls in flight is exact if no call begins or ends on another thread during this very call.
        pub fn resolve_metrics(&self) {
            let core = self.0.core();
            core.meter
                .resolve(core.name(), self.in_flight(), self.limit());
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "figures to look at")]
    fn as_f64(count: usize) -> f64 {
        count as f64
    }

    impl fmt::Debug for Meter {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let resolved = self.0.get().is_some();
            f.debug_struct("Meter")
                .field("resolved", &resolved)
                .finish()
        }
    }
}
