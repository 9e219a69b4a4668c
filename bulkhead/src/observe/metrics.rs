//! The only file that knows the feature `metrics`. Without it nothing here holds or does anything.

#[cfg(not(feature = "metrics"))]
pub(crate) use off::Meter;
#[cfg(feature = "metrics")]
pub(crate) use on::Meter;

#[cfg(not(feature = "metrics"))]
mod off {
    use crate::{Cause, Core};

    #[derive(Debug)]
    pub(crate) struct Meter;

    #[expect(clippy::unused_self, reason = "as with the feature")]
    impl Meter {
        pub(crate) const fn new() -> Self {
            Self
        }

        #[inline]
        pub(crate) fn entered<R>(&self, _: &Core<R>) {}
        #[inline]
        pub(crate) fn left<R>(&self, _: &Core<R>) {}
        #[inline]
        pub(crate) fn joined<R>(&self, _: &Core<R>) {}
        #[inline]
        pub(crate) fn went<R>(&self, _: &Core<R>) {}
        #[inline]
        pub(crate) fn granted<R>(&self, _: &Core<R>) {}
        #[inline]
        pub(crate) fn refused<R>(&self, _: &Core<R>, _: Cause) {}
        #[inline]
        pub(crate) fn would_refuse<R>(&self, _: &Core<R>) {}
        #[inline]
        pub(crate) fn overloaded<R>(&self, _: &Core<R>) {}
        #[inline]
        pub(crate) fn resized<R>(&self, _: &Core<R>) {}
    }
}

#[cfg(feature = "metrics")]
mod on {
    use std::{fmt, sync::OnceLock};

    use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder, Unit, with_recorder};

    use crate::{Bulkhead, Cause, Core, Pointer};

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

        /// The handles, and whether they were there before: if not, the gauges have just been set by what the
        /// core says now, in which whatever is to be recorded is contained already.
        #[inline]
        fn handles<R>(&self, core: &Core<R>) -> Option<(&Handles, bool)> {
            match self.0.get() {
                Some(handles) => Some((handles, true)),
                None => self.find(core).map(|handles| (handles, false)),
            }
        }

        /// Before a recorder is installed, `metrics` hands out one without a field, whose handles are dead
        /// for ever: those are not kept. Whoever writes a recorder without a field calls `resolve_metrics`.
        #[cold]
        fn find<R>(&self, core: &Core<R>) -> Option<&Handles> {
            with_recorder(|recorder| {
                (size_of_val(recorder) > 0).then(|| self.register(core, recorder))
            })
        }

        fn register<R>(&self, core: &Core<R>, recorder: &dyn Recorder) -> &Handles {
            self.0.get_or_init(|| {
                let handles = Handles::register(core.name(), recorder);
                // Read at the end: others, who find no handles meanwhile, wait for these.
                handles.in_flight.increment(as_f64(core.seen().held()));
                handles.queued.increment(as_f64(core.queued()));
                handles.limit.set(as_f64(core.seen().limit()));
                handles
            })
        }

        // These gauges move by one a call and not to a value: so calls on several threads cannot leave a stale one
        // behind, and those of a family, whose members have one name, are sums.

        #[inline]
        pub(crate) fn entered<R>(&self, core: &Core<R>) {
            if let Some((handles, true)) = self.handles(core) {
                handles.in_flight.increment(1.0);
            }
        }

        /// The call is still among those who are in.
        #[inline]
        pub(crate) fn left<R>(&self, core: &Core<R>) {
            if let Some((handles, _)) = self.handles(core) {
                handles.in_flight.decrement(1.0);
            }
        }

        pub(crate) fn joined<R>(&self, core: &Core<R>) {
            if let Some((handles, true)) = self.handles(core) {
                handles.queued.increment(1.0);
            }
        }

        pub(crate) fn went<R>(&self, core: &Core<R>) {
            if let Some((handles, true)) = self.handles(core) {
                handles.queued.decrement(1.0);
            }
        }

        /// From those who wait to those who are in.
        pub(crate) fn granted<R>(&self, core: &Core<R>) {
            if let Some((handles, true)) = self.handles(core) {
                handles.queued.decrement(1.0);
                handles.in_flight.increment(1.0);
            }
        }

        pub(crate) fn refused<R>(&self, core: &Core<R>, cause: Cause) {
            if let Some((handles, _)) = self.handles(core) {
                handles.rejected[cause as usize].increment(1);
            }
        }

        pub(crate) fn would_refuse<R>(&self, core: &Core<R>) {
            if let Some((handles, _)) = self.handles(core) {
                handles.would_reject.increment(1);
            }
        }

        pub(crate) fn overloaded<R>(&self, core: &Core<R>) {
            if let Some((handles, _)) = self.handles(core) {
                handles.overloaded.increment(1);
            }
        }

        pub(crate) fn resized<R>(&self, core: &Core<R>) {
            let Some((handles, _)) = self.handles(core) else {
                return;
            };
            // A value, as the limit of a family is that of one: so whoever sets it looks again. Of two that change the
            // limit at once, one may read it first and set the gauge last.
            let mut told = None;
            while told != Some(core.seen().limit()) {
                let limit = core.seen().limit();
                handles.limit.set(as_f64(limit));
                told = Some(limit);
            }
        }
    }

    impl<P: Pointer> Bulkhead<P> {
        /// Takes the handles of its metrics from the recorder now, instead of at the first use at which there is one: so
        /// that gauges and counters are there before anything happens.
        ///
        /// The gauge of calls in flight is exact if no call begins or ends on another thread while the recorder is found.
        pub fn resolve_metrics(&self) {
            let core = self.0.core();
            with_recorder(|recorder| {
                core.meter.register(core, recorder);
            });
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
