//! The metrics of a policy (feature `metrics`).

use std::sync::OnceLock;

use metrics::{
    Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, Unit, with_recorder,
};

use crate::types::{Event, GiveUpReason, HedgeResult, RetryReason, SwitchCause};

const ATTEMPTS: &str = "maestro_retry_attempts_total";
const RETRIES: &str = "maestro_retry_retries_total";
const GAVE_UP: &str = "maestro_retry_gave_up_total";
const WAIT: &str = "maestro_retry_wait_seconds";
pub(super) const LEVEL: &str = "maestro_retry_budget_level";
pub(super) const LEVEL_DESCRIPTION: &str = "What the budget has left, in its own units";
const HEDGES: &str = "maestro_retry_hedges_total";
const OVERRIDES: &str = "maestro_retry_overrides_total";

/// Every reason, at the index of its discriminant.
const RETRY_REASONS: [RetryReason; 4] = [
    RetryReason::Failure,
    RetryReason::Hint,
    RetryReason::Costing,
    RetryReason::Throttled,
];
const GIVE_UP_REASONS: [GiveUpReason; 8] = [
    GiveUpReason::Never,
    GiveUpReason::Attempts,
    GiveUpReason::NotRepeatable,
    GiveUpReason::Hint,
    GiveUpReason::Time,
    GiveUpReason::Budget,
    GiveUpReason::NotReady,
    GiveUpReason::Forced,
];
const HEDGE_RESULTS: [HedgeResult; 8] = [
    HedgeResult::Won,
    HedgeResult::Lost,
    HedgeResult::Off,
    HedgeResult::Time,
    HedgeResult::Credit,
    HedgeResult::NotReady,
    HedgeResult::Budget,
    HedgeResult::Forced,
];
const SWITCH_CAUSES: [SwitchCause; 3] = [
    SwitchCause::Forced,
    SwitchCause::Resumed,
    SwitchCause::OverrideOver,
];

pub(super) static METADATA: Metadata<'static> =
    Metadata::new("maestro_retry", Level::INFO, Some(module_path!()));

/// The metrics of one policy, if it has a name. The handles of the recorder are kept from the first use after it
/// was installed.
#[derive(Default)]
pub(super) struct Meters {
    name: Option<&'static str>,
    handles: OnceLock<Handles>,
}

struct Handles {
    attempts: Counter,
    retries: [Counter; RETRY_REASONS.len()],
    gave_up: [Counter; GIVE_UP_REASONS.len()],
    wait: Histogram,
    /// Registered when a budget first reports a level, which not every kind does.
    level: OnceLock<Gauge>,
    /// Registered at the first attempt that reaches the delay of a hedge: most policies have none.
    hedges: OnceLock<[Counter; HEDGE_RESULTS.len()]>,
    /// Registered at the first override.
    overrides: OnceLock<[Counter; SWITCH_CAUSES.len()]>,
}

impl Meters {
    pub(super) const fn new(name: Option<&'static str>) -> Self {
        Self {
            name,
            handles: OnceLock::new(),
        }
    }

    pub(super) fn event(&self, event: &Event) {
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
                // `NotReady` follows a `Retry`, and no attempt was made in between.
                if reason != GiveUpReason::NotReady {
                    handles.attempts.increment(1);
                }
                handles.gave_up[reason as usize].increment(1);
            }
            Event::Switched { cause, .. } => {
                if let Some(name) = self.name {
                    let overrides = handles.overrides.get_or_init(|| register_overrides(name));
                    overrides[cause as usize].increment(1);
                }
            }
            Event::Hedge { result } => {
                if let Some(name) = self.name {
                    let hedges = handles.hedges.get_or_init(|| register_hedges(name));
                    hedges[result as usize].increment(1);
                }
            }
        }
    }

    pub(super) fn level(&self, level: impl FnOnce() -> Option<f64>) {
        let (Some(handles), Some(name)) = (self.handles(), self.name) else {
            return;
        };
        if let Some(level) = level() {
            let gauge = handles.level.get_or_init(|| {
                with_recorder(|recorder| {
                    recorder.describe_gauge(LEVEL.into(), None, LEVEL_DESCRIPTION.into());
                    recorder.register_gauge(&key(LEVEL, name, "", None), &METADATA)
                })
            });
            gauge.set(level);
        }
    }

    #[inline]
    fn handles(&self) -> Option<&Handles> {
        self.handles.get().or_else(|| self.find())
    }

    /// Before a recorder is installed, `metrics` hands out one that is zero-sized, whose handles never count. Those
    /// are not kept. A user with a zero-sized recorder calls `resolve_metrics`.
    #[cold]
    fn find(&self) -> Option<&Handles> {
        let name = self.name?;
        with_recorder(|recorder| (size_of_val(recorder) > 0).then(|| self.keep(name, recorder)))
    }

    fn keep(&self, name: &'static str, recorder: &dyn Recorder) -> &Handles {
        self.handles
            .get_or_init(|| Handles::register(name, recorder))
    }

    pub(super) fn resolve(&self) {
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
            (RETRIES, Unit::Count, "Retries decided on, by cause"),
            (
                GAVE_UP,
                Unit::Count,
                "Failures that were the answer, by cause",
            ),
        ] {
            recorder.describe_counter(metric.into(), Some(unit), description.into());
        }
        let description = "Waits before retries";
        recorder.describe_histogram(WAIT.into(), Some(Unit::Seconds), description.into());
        let counter = |metric, cause| {
            recorder.register_counter(&key(metric, name, "cause", cause), &METADATA)
        };
        Self {
            attempts: counter(ATTEMPTS, None),
            retries: RETRY_REASONS.map(|reason| counter(RETRIES, Some(reason.as_str()))),
            gave_up: GIVE_UP_REASONS.map(|reason| counter(GAVE_UP, Some(reason.as_str()))),
            wait: recorder.register_histogram(&key(WAIT, name, "", None), &METADATA),
            level: OnceLock::new(),
            hedges: OnceLock::new(),
            overrides: OnceLock::new(),
        }
    }
}

fn register_hedges(name: &'static str) -> [Counter; HEDGE_RESULTS.len()] {
    with_recorder(|recorder| {
        let description = "Attempts that reached the delay of a hedge, by result";
        recorder.describe_counter(HEDGES.into(), Some(Unit::Count), description.into());
        HEDGE_RESULTS.map(|result| {
            let key = key(HEDGES, name, "result", Some(result.as_str()));
            recorder.register_counter(&key, &METADATA)
        })
    })
}

fn register_overrides(name: &'static str) -> [Counter; SWITCH_CAUSES.len()] {
    with_recorder(|recorder| {
        let description = "Decisions of operators, and their ends, by cause";
        recorder.describe_counter(OVERRIDES.into(), Some(Unit::Count), description.into());
        SWITCH_CAUSES.map(|cause| {
            let key = key(OVERRIDES, name, "cause", Some(cause.as_str()));
            recorder.register_counter(&key, &METADATA)
        })
    })
}

/// The key of a metric of the policy `name`, with a second label if it has a value.
fn key(
    metric: &'static str,
    name: &'static str,
    label: &'static str,
    value: Option<&'static str>,
) -> Key {
    let second = value.map(|value| Label::from_static_parts(label, value));
    let labels = [Label::from_static_parts("name", name)];
    Key::from_parts(metric, labels.into_iter().chain(second).collect::<Vec<_>>())
}

#[test]
fn reasons_are_listed_by_discriminant() {
    assert!((RETRY_REASONS.iter().enumerate()).all(|(n, reason)| *reason as usize == n));
    assert!((GIVE_UP_REASONS.iter().enumerate()).all(|(n, reason)| *reason as usize == n));
    assert!((HEDGE_RESULTS.iter().enumerate()).all(|(n, result)| *result as usize == n));
    assert!((SWITCH_CAUSES.iter().enumerate()).all(|(n, cause)| *cause as usize == n));
}
