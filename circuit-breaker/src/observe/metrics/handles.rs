use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, Unit};

use crate::{
    sync::Mutex,
    types::{Cause, State},
};

const CALLS: &str = "maestro_circuit_breaker_calls_total";
const REJECTED: &str = "maestro_circuit_breaker_rejected_total";
const TRANSITIONS: &str = "maestro_circuit_breaker_transitions_total";
const KEPT_CLOSED: &str = "maestro_circuit_breaker_kept_closed_total";
const DURATION: &str = "maestro_circuit_breaker_call_duration_seconds";
const STATE: &str = "maestro_circuit_breaker_state";

static METADATA: Metadata<'static> =
    Metadata::new("maestro_circuit_breaker", Level::INFO, Some(module_path!()));

/// The ends of a call, in the order of their counters.
pub(super) const OUTCOMES: [&str; 4] = ["success", "failure", "ignored", "cancelled"];

/// The metrics of one circuit breaker.
pub(super) struct Handles {
    pub(super) calls: [Counter; OUTCOMES.len()],
    pub(super) rejected: [Counter; State::ALL.len()],
    pub(super) transitions: [Counter; Cause::NAMES.len()],
    pub(super) kept_closed: Counter,
    pub(super) duration: Histogram,
    states: [Gauge; State::ALL.len()],
    /// The state whose gauge this breaker is in. Locked by transitions alone, which come one after
    /// another.
    shown: Mutex<State>,
}

impl Handles {
    pub(super) fn register(
        name: &'static str,
        key: Option<&str>,
        recorder: &dyn Recorder,
        state: State,
    ) -> Self {
        describe(recorder);
        let labelled = |metric, more: Option<Label>| {
            let name = Label::from_static_parts("name", name);
            let key = key.map(|key| Label::new("key", key.to_owned()));
            let labels: Vec<_> = [Some(name), key, more].into_iter().flatten().collect();
            Key::from_parts(metric, labels)
        };
        let counter = |metric, label, value| {
            let label = Label::from_static_parts(label, value);
            recorder.register_counter(&labelled(metric, Some(label)), &METADATA)
        };
        let handles = Self {
            calls: OUTCOMES.map(|outcome| counter(CALLS, "outcome", outcome)),
            rejected: State::ALL.map(|state| counter(REJECTED, "state", state.as_str())),
            transitions: Cause::NAMES.map(|cause| counter(TRANSITIONS, "cause", cause)),
            kept_closed: recorder.register_counter(&labelled(KEPT_CLOSED, None), &METADATA),
            duration: recorder.register_histogram(&labelled(DURATION, None), &METADATA),
            states: State::ALL.map(|state| {
                let label = Label::from_static_parts("state", state.as_str());
                recorder.register_gauge(&labelled(STATE, Some(label)), &METADATA)
            }),
            shown: Mutex::new(state),
        };
        handles.states[state as usize].increment(1.0);
        handles
    }

    /// Moves the breaker to another gauge. By one and not to a value, so that breakers of the same
    /// labels add up.
    pub(super) fn show(&self, state: State) {
        let mut shown = self.shown.lock();
        if *shown != state {
            self.states[*shown as usize].decrement(1.0);
            self.states[state as usize].increment(1.0);
            *shown = state;
        }
    }
}

impl Drop for Handles {
    fn drop(&mut self) {
        let shown = self.shown.lock();
        self.states[*shown as usize].decrement(1.0);
    }
}

fn describe(recorder: &dyn Recorder) {
    let count = Some(Unit::Count);
    recorder.describe_counter(CALLS.into(), count, "Calls that ended, by outcome".into());
    recorder.describe_counter(
        REJECTED.into(),
        count,
        "Calls rejected, by the state of the circuit".into(),
    );
    recorder.describe_counter(
        TRANSITIONS.into(),
        count,
        "Changes of the state, by what brought them about".into(),
    );
    recorder.describe_counter(
        KEPT_CLOSED.into(),
        count,
        "Calls that would have opened a circuit of a family with as many open ones as it may have"
            .into(),
    );
    recorder.describe_histogram(
        DURATION.into(),
        Some(Unit::Seconds),
        "How long calls took that were not cancelled".into(),
    );
    recorder.describe_gauge(
        STATE.into(),
        count,
        "Circuit breakers in this state: 1 in one of them, 0 in the others".into(),
    );
}
