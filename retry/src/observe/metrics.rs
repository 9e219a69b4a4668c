//! The only file that knows the feature `metrics`. Without it nothing here holds or does anything.

#[cfg(feature = "metrics")]
pub(crate) use on::Meters;

#[cfg(not(feature = "metrics"))]
pub(crate) use off::Meters;

#[cfg(not(feature = "metrics"))]
mod off {
    use crate::types::Event;

    #[derive(Debug, Default)]
    pub(crate) struct Meters;

    #[expect(clippy::unused_self, reason = "as with the feature")]
    impl Meters {
        pub(crate) const fn new(_: Option<&'static str>) -> Self {
            Self
        }

        #[inline]
        pub(crate) fn event(&self, _: &Event) {}

        #[inline]
        pub(crate) fn level(&self, _: impl FnOnce() -> Option<f64>) {}
    }
}

#[cfg(feature = "metrics")]
mod on {
    use std::{fmt, sync::OnceLock};

    use metrics::{
        Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, Unit, with_recorder,
    };

    use crate::{
        policy::RetryPolicy,
        types::{Event, GiveUpReason, RetryReason},
    };

    const ATTEMPTS: &str = "maestro_retry_attempts_total";
    const RETRIES: &str = "maestro_retry_retries_total";
    const GAVE_UP: &str = "maestro_retry_gave_up_total";
    const WAIT: &str = "maestro_retry_wait_seconds";
    const LEVEL: &str = "maestro_retry_budget_level";

    /// All there are, each at the index that it is as a number.
    const RETRY_REASONS: [RetryReason; 3] = [
        RetryReason::Failure,
        RetryReason::Hint,
        RetryReason::Costing,
    ];
    const GIVE_UP_REASONS: [GiveUpReason; 7] = [
        GiveUpReason::Never,
        GiveUpReason::Attempts,
        GiveUpReason::NotRepeatable,
        GiveUpReason::Hint,
        GiveUpReason::Time,
        GiveUpReason::Budget,
        GiveUpReason::NotReady,
    ];

    static METADATA: Metadata<'static> =
        Metadata::new("maestro_retry", Level::INFO, Some(module_path!()));

    /// The metrics of one policy, if it has a name: handles of the recorder, kept from the first use on at which
    /// there is one.
    #[derive(Default)]
    pub(crate) struct Meters {
        name: Option<&'static str>,
        handles: OnceLock<Handles>,
    }

    struct Handles {
        attempts: Counter,
        retries: [Counter; RETRY_REASONS.len()],
        gave_up: [Counter; GIVE_UP_REASONS.len()],
        wait: Histogram,
        /// Made when a budget first says what it has left: not every kind does.
        level: OnceLock<Gauge>,
    }

    impl Meters {
        pub(crate) const fn new(name: Option<&'static str>) -> Self {
            Self {
                name,
                handles: OnceLock::new(),
            }
        }

        pub(crate) fn event(&self, event: &Event) {
            let Some(handles) = self.handles() else {
                return;
            };
            match *event {
                Event::Done { .. } => handles.attempts.increment(1),
                Event::Retry { wait, reason, .. } => {
                    handles.attempts.increment(1);
                    handles.retries[reason as usize].increment(1);
                    handles.wait.record(wait);
                }
                Event::GaveUp { reason, .. } => {
                    // Where the service was not ready, no attempt was made since the last event.
                    if reason != GiveUpReason::NotReady {
                        handles.attempts.increment(1);
                    }
                    handles.gave_up[reason as usize].increment(1);
                }
            }
        }

        pub(crate) fn level(&self, level: impl FnOnce() -> Option<f64>) {
            let (Some(handles), Some(name)) = (self.handles(), self.name) else {
                return;
            };
            if let Some(level) = level() {
                let gauge = handles.level.get_or_init(|| {
                    with_recorder(|recorder| {
                        let description = "What the budget has left, in its own units";
                        recorder.describe_gauge(LEVEL.into(), None, description.into());
                        recorder.register_gauge(&key(LEVEL, name, None), &METADATA)
                    })
                });
                gauge.set(level);
            }
        }

        #[inline]
        fn handles(&self) -> Option<&Handles> {
            self.handles.get().or_else(|| self.find())
        }

        /// Before a recorder is installed, `metrics` hands out one without a field, whose handles are dead
        /// for ever: those are not kept. Whoever writes a recorder without a field calls `resolve_metrics`.
        #[cold]
        fn find(&self) -> Option<&Handles> {
            let name = self.name?;
            with_recorder(|recorder| (size_of_val(recorder) > 0).then(|| self.keep(name, recorder)))
        }

        fn keep(&self, name: &'static str, recorder: &dyn Recorder) -> &Handles {
            self.handles
                .get_or_init(|| Handles::register(name, recorder))
        }

        fn resolve(&self) {
            if let Some(name) = self.name {
                with_recorder(|recorder| {
                    self.keep(name, recorder);
                });
            }
        }
    }

    impl Handles {
        fn register(name: &'static str, recorder: &dyn Recorder) -> Self {
            for (metric, unit, description) in [
                (ATTEMPTS, Unit::Count, "Attempts that ended"),
                (
                    RETRIES,
                    Unit::Count,
                    "Retries decided on, by what asked for them",
                ),
                (
                    GAVE_UP,
                    Unit::Count,
                    "Failures that were the answer, by what stood in the way",
                ),
            ] {
                recorder.describe_counter(metric.into(), Some(unit), description.into());
            }
            let description = "Waits before retries";
            recorder.describe_histogram(WAIT.into(), Some(Unit::Seconds), description.into());
            let counter =
                |metric, reason| recorder.register_counter(&key(metric, name, reason), &METADATA);
            Self {
                attempts: counter(ATTEMPTS, None),
                retries: RETRY_REASONS.map(|reason| counter(RETRIES, Some(reason.as_str()))),
                gave_up: GIVE_UP_REASONS.map(|reason| counter(GAVE_UP, Some(reason.as_str()))),
                wait: recorder.register_histogram(&key(WAIT, name, None), &METADATA),
                level: OnceLock::new(),
            }
        }
    }

    fn key(metric: &'static str, name: &'static str, reason: Option<&'static str>) -> Key {
        let reason = reason.map(|reason| Label::from_static_parts("reason", reason));
        let labels = [Label::from_static_parts("name", name)];
        Key::from_parts(metric, labels.into_iter().chain(reason).collect::<Vec<_>>())
    }

    impl fmt::Debug for Meters {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Meters")
                .field("resolved", &self.handles.get().is_some())
                .finish_non_exhaustive()
        }
    }

    impl<V, Q, D, B> RetryPolicy<V, Q, D, B> {
        /// Takes the handles of its metrics from the recorder now, instead of at the first use at which
        /// there is one: so that the counters are there, at zero, before anything happens. Without a
        /// [name](RetryPolicy::named) there is nothing to take. Feature `metrics`.
        pub fn resolve_metrics(&self) {
            if let Some(watch) = self.rules.shared.watch() {
                watch.meters().resolve();
            }
        }
    }

    #[test]
    fn each_reason_is_at_the_index_that_it_is_as_a_number() {
        assert!((RETRY_REASONS.iter().enumerate()).all(|(n, reason)| *reason as usize == n));
        assert!((GIVE_UP_REASONS.iter().enumerate()).all(|(n, reason)| *reason as usize == n));
    }
}
