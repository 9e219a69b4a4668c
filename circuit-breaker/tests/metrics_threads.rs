//! Metrics of a breaker that many threads steer at once. In a separate process, whose one recorder is
//! installed while they are at it.

use std::collections::BTreeMap;

use maestro_circuit_breaker::{CircuitBreaker, Override, State};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

#[test]
fn concurrent_transitions_keep_exactly_one_gauge_at_one() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let breaker = CircuitBreaker::builder().consecutive_failures(1).build("m");
    let breaker = breaker.expect("legal numbers");
    let by = || Override::new("a", "b");
    let since = std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    breaker.force_open(by());
                    breaker.resume(by());
                    if let Ok(call) = breaker.try_acquire() {
                        call.failure();
                    }
                    breaker.reset(Override::new("test", "reset"));
                }
            });
        }
        recorder.install().expect("there is no other");
        breaker.snapshot().generation()
    });
    breaker.disable(by());
    let mut states = BTreeMap::new();
    let mut transitions = 0;
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let label = |name| key.key().labels().find(|label| label.key() == name);
        match value {
            DebugValue::Gauge(value) => {
                let state = label("state").expect("each has one").value().to_owned();
                states.insert(state, value.into_inner());
            }
            DebugValue::Counter(count) if label("cause").is_some() => transitions += count,
            _ => {}
        }
    }
    assert_eq!(states.len(), 7);
    for (state, value) in states {
        let expected = f64::from(u8::from(state == State::Disabled.as_str()));
        assert_eq!(value.to_bits(), expected.to_bits(), "{state}");
    }
    // All that came after the recorder, and no more than there were.
    let all = breaker.snapshot().generation();
    assert!(
        (all - since..=all).contains(&transitions),
        "{transitions} of {all}, {since} before"
    );
}
