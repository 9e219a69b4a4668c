use std::{sync::Arc, time::Duration};

use metrics::{Counter, Histogram, Key, Label, Level, Metadata, Recorder, Unit};
use tokio::time::Instant;

use super::handles::{Handles, Register};
use crate::{DeadlineFilter, Elapsed, Phase, Timeout, types::allowance::Allowance};

const ELAPSED: &str = "maestro_timeout_elapsed_total";
const REMAINING: &str = "maestro_timeout_remaining_seconds";
const EXPIRED: &str = "maestro_deadline_filter_expired_total";
const REJECTED: &str = "maestro_deadline_filter_rejected_total";
const LATE: &str = "maestro_deadline_filter_late_seconds";

static METADATA: Metadata<'static> =
    Metadata::new("maestro_timeout", Level::INFO, Some(module_path!()));

/// The phases in which this timeout may elapse, each with its handles.
struct Meters(Vec<Meter>);

struct Meter {
    phase: Phase,
    elapsed: Counter,
    /// Of a phase that can also finish.
    remaining: Option<Histogram>,
}

impl Register for Meters {
    type Subject = (&'static str, &'static [Phase]);

    fn register((name, phases): Self::Subject, recorder: &dyn Recorder) -> Self {
        recorder.describe_counter(
            ELAPSED.into(),
            Some(Unit::Count),
            "Calls given up, by what was going on".into(),
        );
        recorder.describe_histogram(
            REMAINING.into(),
            Some(Unit::Seconds),
            "Time that was left when a bounded phase finished".into(),
        );
        let meter = |phase: &Phase| {
            let key = |metric| {
                let name = Label::from_static_parts("name", name);
                let phase = Label::from_static_parts("phase", phase.as_str());
                Key::from_parts(metric, vec![name, phase])
            };
            Meter {
                phase: *phase,
                elapsed: recorder.register_counter(&key(ELAPSED), &METADATA),
                remaining: (!matches!(phase, Phase::Before | Phase::Idle))
                    .then(|| recorder.register_histogram(&key(REMAINING), &METADATA)),
            }
        };
        Self(phases.iter().map(meter).collect())
    }
}

impl Meters {
    fn of(&self, phase: Phase) -> Option<&Meter> {
        self.0.iter().find(|meter| meter.phase == phase)
    }
}

/// What a call keeps to say how it ended. A reference count more in each future: the one write to
/// shared memory that watching adds to a call, beside the recorder's own.
#[derive(Clone, Debug)]
pub(crate) struct Watch(Arc<Handles<Meters>>);

impl Watch {
    pub(crate) fn new(name: &'static str, phases: &'static [Phase]) -> Self {
        Self(Arc::new(Handles::new((name, phases))))
    }

    pub(crate) fn elapsed(&self, elapsed: &Elapsed) {
        self.0.with(|meters| {
            if let Some(meter) = meters.of(elapsed.phase()) {
                meter.elapsed.increment(1);
            }
        });
    }

    /// Of what nothing bounds there is nothing to say.
    pub(crate) fn finished(&self, phase: Phase, allowance: Option<Allowance>) {
        let Some(end) = allowance.and_then(Allowance::end) else {
            return;
        };
        self.0.with(|meters| {
            if let Some(remaining) = meters.of(phase).and_then(|meter| meter.remaining.as_ref()) {
                remaining.record(end.saturating_duration_since(Instant::now()));
            }
        });
    }

    fn resolve(&self) {
        self.0.resolve();
    }
}

struct FilterHandles {
    expired: Counter,
    rejected: Counter,
    late: Histogram,
}

impl Register for FilterHandles {
    type Subject = &'static str;

    fn register(name: &'static str, recorder: &dyn Recorder) -> Self {
        recorder.describe_counter(
            EXPIRED.into(),
            Some(Unit::Count),
            "Requests that came after their deadline".into(),
        );
        recorder.describe_counter(
            REJECTED.into(),
            Some(Unit::Count),
            "Expired requests rejected, or that would have been in dark mode".into(),
        );
        recorder.describe_histogram(
            LATE.into(),
            Some(Unit::Seconds),
            "How long after their deadline expired requests came".into(),
        );
        let key = |metric| Key::from_parts(metric, vec![Label::from_static_parts("name", name)]);
        Self {
            expired: recorder.register_counter(&key(EXPIRED), &METADATA),
            rejected: recorder.register_counter(&key(REJECTED), &METADATA),
            late: recorder.register_histogram(&key(LATE), &METADATA),
        }
    }
}

#[derive(Debug)]
pub(crate) struct FilterMeters(Handles<FilterHandles>);

impl FilterMeters {
    pub(crate) fn new(name: &'static str) -> Self {
        Self(Handles::new(name))
    }

    pub(crate) fn expired(&self, late: Duration, is_rejected: bool) {
        self.0.with(|handles| {
            handles.expired.increment(1);
            handles.late.record(late);
            if is_rejected {
                handles.rejected.increment(1);
            }
        });
    }
}

impl Timeout {
    /// Takes the handles of its metrics from the recorder now, instead of at the first use at which
    /// there is one: so that the counters are there, at zero, before anything happens.
    pub fn resolve_metrics(&self) {
        self.watch().resolve();
    }
}

#[cfg(feature = "http-body")]
impl crate::BodyTimeout {
    /// As [`Timeout::resolve_metrics`].
    pub fn resolve_metrics(&self) {
        self.watch().resolve();
    }
}

impl DeadlineFilter {
    /// As [`Timeout::resolve_metrics`].
    pub fn resolve_metrics(&self) {
        self.meters().0.resolve();
    }
}
