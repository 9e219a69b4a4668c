//! Feature `metrics`: the handles of a bulkhead, and when they are registered.

use std::{fmt, sync::OnceLock};

use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder, Unit, with_recorder};

use super::{Figures, Observe};
use crate::types::Cause;

const IN_FLIGHT: &str = "maestro_bulkhead_in_flight";
const QUEUED: &str = "maestro_bulkhead_queued";
const LIMIT: &str = "maestro_bulkhead_limit";
const REJECTED: &str = "maestro_bulkhead_rejected_total";
const WOULD_REJECT: &str = "maestro_bulkhead_would_reject_total";
const OVERLOADED: &str = "maestro_bulkhead_overloaded_total";

static METADATA: Metadata<'static> =
    Metadata::new("maestro_bulkhead", Level::INFO, Some(module_path!()));

/// The metric handles of one bulkhead. It keeps them from the first event on that finds a recorder.
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
            "Calls that would have been refused, where the bulkhead only counts".into(),
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

    /// The handles, and whether they existed before. If not, the gauges were just set to what the bulkhead says now, which
    /// includes the event that is to be recorded.
    #[inline]
    fn handles(&self, of: &impl Figures) -> Option<(&Handles, bool)> {
        match self.0.get() {
            Some(handles) => Some((handles, true)),
            None => self.find(of).map(|handles| (handles, false)),
        }
    }

    // Before a recorder is installed, `metrics` hands out one of size zero, whose handles are dead for ever. Those are not
    // kept. A user whose own recorder has no field calls `resolve_metrics`.
    #[cold]
    fn find(&self, of: &impl Figures) -> Option<&Handles> {
        with_recorder(|recorder| (size_of_val(recorder) > 0).then(|| self.register(of, recorder)))
    }

    fn register(&self, of: &impl Figures, recorder: &dyn Recorder) -> &Handles {
        self.0.get_or_init(|| {
            let handles = Handles::register(of.name(), recorder);
            // Read last: other threads, which find no handles meanwhile, wait for these.
            handles.in_flight.increment(as_f64(of.in_flight()));
            handles.queued.increment(as_f64(of.queued()));
            handles.limit.set(as_f64(of.limit()));
            handles
        })
    }

    pub(crate) fn resolve(&self, of: &impl Figures) {
        with_recorder(|recorder| {
            self.register(of, recorder);
        });
    }
}

// The gauges of calls move by one a call and not to a value. A value that is read before another thread writes leaves a
// stale gauge, and the members of a family, which have one name, would overwrite each other instead of adding up.
impl Observe for Meter {
    #[inline]
    fn entered(&self, of: &impl Figures) {
        if let Some((handles, true)) = self.handles(of) {
            handles.in_flight.increment(1.0);
        }
    }

    #[inline]
    fn left(&self, of: &impl Figures) {
        if let Some((handles, _)) = self.handles(of) {
            handles.in_flight.decrement(1.0);
        }
    }

    fn joined(&self, of: &impl Figures) {
        if let Some((handles, true)) = self.handles(of) {
            handles.queued.increment(1.0);
        }
    }

    fn went(&self, of: &impl Figures) {
        if let Some((handles, true)) = self.handles(of) {
            handles.queued.decrement(1.0);
        }
    }

    /// From those who wait to those who are in.
    fn granted(&self, of: &impl Figures) {
        if let Some((handles, true)) = self.handles(of) {
            handles.queued.decrement(1.0);
            handles.in_flight.increment(1.0);
        }
    }

    fn refused(&self, of: &impl Figures, cause: Cause) {
        if let Some((handles, _)) = self.handles(of) {
            handles.rejected[cause as usize].increment(1);
        }
    }

    fn would_refuse(&self, of: &impl Figures) {
        if let Some((handles, _)) = self.handles(of) {
            handles.would_reject.increment(1);
        }
    }

    fn overloaded(&self, of: &impl Figures) {
        if let Some((handles, _)) = self.handles(of) {
            handles.overloaded.increment(1);
        }
    }

    fn resized(&self, of: &impl Figures) {
        let Some((handles, _)) = self.handles(of) else {
            return;
        };
        // A value and not a step, because the limit of a family is that of one member. Two threads that change the limit
        // may set the gauge in the other order, so each looks again after it has set it.
        let mut told = None;
        while told != Some(of.limit()) {
            let limit = of.limit();
            handles.limit.set(as_f64(limit));
            told = Some(limit);
        }
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
