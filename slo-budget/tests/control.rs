//! Overrides of a gate, and what its listeners get, on a paused clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use maestro_slo_budget::{
    Change, Class, ErrorBudget, Event, Gate, Listener, Objective, Override, Reason, Transition,
};
use parking_lot::Mutex;
use static_assertions::assert_impl_all;
use tokio::time::{Instant, advance};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

assert_impl_all!(Override: Clone, PartialEq, Send, Sync, Unpin);
assert_impl_all!(Transition: Clone, Send, Sync, Unpin);
assert_impl_all!(Listener: Send, Sync);

fn gate() -> Gate {
    Gate::new(ErrorBudget::new(
        "api",
        Objective::new(999, 1000).expect("999 of 1000"),
    ))
}

/// A second with 200 times too many errors.
async fn burn(gate: &Gate) {
    (0..4000).for_each(|_| gate.budget().record(Event::Good));
    (0..1000).for_each(|_| gate.budget().record(Event::Bad));
    advance(SECOND).await;
}

/// All transitions of the gate, as lines.
fn log(gate: &Gate) -> (Arc<Mutex<Vec<String>>>, Listener) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&lines);
    let listener = gate.on_transition(move |t| into.lock().push(t.to_string()));
    (lines, listener)
}

#[tokio::test(start_paused = true)]
async fn a_gate_forced_open_admits_all_requests() {
    let gate = gate();
    gate.force_open(Override::new("alice", "a false alarm"));
    burn(&gate).await;
    for _ in 0..100 {
        assert!(gate.check(Class::Optional).is_ok());
    }
    let snapshot = gate.snapshot();
    assert!(snapshot.is_open() && snapshot.is_forced() && snapshot.reasons().is_empty());
    assert!(snapshot.decided().is_burning(), "it continues to decide");
    assert_eq!(snapshot.refused(), 0);
    assert!(
        !gate.deploy().is_allowed(),
        "a deployment ignores overrides"
    );
    let forced = gate.forced().unwrap();
    assert_eq!(
        (forced.actor(), forced.reason()),
        ("alice", "a false alarm")
    );
    assert!(gate.resume(Override::new("bob", "it was none")));
    assert!(!gate.is_open() && !gate.snapshot().is_forced());
    assert!(!gate.resume(Override::new("bob", "again")));
}

#[tokio::test(start_paused = true)]
async fn a_gate_forced_closed_refuses_all_optional_requests() {
    let gate = gate();
    gate.force_closed(Override::new("alice", "migration").lasting(90 * SECOND));
    advance(30 * SECOND).await;
    for _ in 0..200 {
        let spent = gate.check(Class::Optional).unwrap_err();
        assert_eq!(spent.retry_after(), MINUTE);
        assert_eq!(spent.reasons().iter().collect::<Vec<_>>(), [Reason::Forced]);
    }
    assert!(gate.check(Class::Essential).is_ok());
    let snapshot = gate.snapshot();
    assert_eq!((snapshot.refused(), snapshot.share() > 0.0), (200, false));
    // Without an end, an hour is as good a guess as any.
    gate.force_closed(Override::new("alice", "until I say so"));
    let spent = gate.check(Class::Optional).unwrap_err();
    assert_eq!(
        spent.to_string(),
        "error budget `api` refuses optional work: an operator closed it; try again in 1h"
    );
}

#[tokio::test(start_paused = true)]
async fn an_override_ends_exactly_within_a_second() {
    let gate = gate();
    assert!(gate.is_open(), "decided for a second");
    gate.force_closed(Override::new("alice", "short").lasting(MINUTE / 64));
    advance((MINUTE / 64).saturating_sub(Duration::from_nanos(1))).await;
    assert!(!gate.is_open() && gate.forced().is_some());
    advance(Duration::from_nanos(1)).await;
    assert!(gate.is_open());
    assert_eq!(gate.forced(), None);
}

#[tokio::test(start_paused = true)]
async fn a_listener_hears_the_end_of_a_replaced_override() {
    let gate = gate();
    let (lines, _listener) = log(&gate);
    gate.force_closed(Override::new("alice", "short").lasting(SECOND));
    advance(SECOND).await;
    gate.force_closed(Override::new("bob", "longer").lasting(MINUTE));
    advance(MINUTE).await;
    assert!(!gate.resume(Override::new("carol", "too late")));
    assert_eq!(
        *lines.lock(),
        [
            "gate of `api` refuses requests: forced by alice: short",
            "gate of `api` is open: the override ended (was forced by alice: short)",
            "gate of `api` refuses requests: forced by bob: longer",
            "gate of `api` is open: the override ended (was forced by bob: longer)",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_resumed_gate_follows_a_new_decision() {
    let gate = gate();
    let (lines, _listener) = log(&gate);
    gate.force_open(Override::new("alice", "a test"));
    burn(&gate).await;
    // No check was made since.
    assert!(gate.resume(Override::new("bob", "enough")));
    assert_eq!(
        lines.lock().last().unwrap(),
        "gate of `api` refuses requests: resumed by bob: enough (was forced by alice: a test)"
    );
}

#[tokio::test(start_paused = true)]
async fn an_override_may_last_any_time() {
    let gate = gate();
    gate.force_closed(Override::new("alice", "none").lasting(Duration::ZERO));
    assert!(gate.is_open());
    gate.force_closed(Override::new("alice", "ever").lasting(Duration::MAX));
    advance(10_000 * 24 * HOUR).await;
    assert!(!gate.is_open());
    gate.force_open(Override::new("alice", "a minute").lasting(MINUTE));
    advance(MINUTE).await;
    assert!(gate.is_open(), "the policy has no objection");
    assert_eq!(gate.forced(), None);
}

#[tokio::test(start_paused = true)]
async fn an_override_at_an_instant_lasts_from_then_on() {
    let gate = gate();
    let (begin, by) = (Instant::now() + HOUR, || Override::new("alice", "a drill"));
    gate.force_closed_at(by().lasting(MINUTE), begin);
    let last = begin + MINUTE - Duration::from_nanos(1);
    assert!(gate.forced_at(last).is_some());
    assert!(gate.check_at(Class::Optional, last).is_err());
    assert_eq!(gate.forced_at(begin + MINUTE), None);
    assert!(gate.check_at(Class::Optional, begin + MINUTE).is_ok());
    gate.force_open_at(by().lasting(MINUTE), begin + HOUR);
    assert!(!gate.resume_at(by(), begin + HOUR + MINUTE), "too late");
    gate.force_open_at(by(), begin + 2 * HOUR);
    assert!(gate.resume_at(by(), begin + 3 * HOUR));
}

#[tokio::test(start_paused = true)]
async fn listeners_get_transitions_in_order() {
    let gate = gate();
    let (lines, listener) = log(&gate);
    burn(&gate).await;
    assert!(!gate.is_open());
    gate.force_open(Override::new("alice", "a test").lasting(MINUTE));
    (0..100).for_each(|_| gate.budget().record(Event::Good));
    advance(MINUTE).await;
    assert!(gate.is_open());
    gate.force_closed(Override::new("alice", "all of it"));
    burn(&gate).await;
    assert!(!gate.is_open());
    gate.resume(Override::new("bob", "enough"));
    drop(listener);
    gate.force_open(Override::new("carol", "unheard"));
    let refuses = |pace| {
        format!(
            "gate of `api` refuses requests: it burns at 200.0 where {pace} is allowed, so 80 % are admitted"
        )
    };
    assert_eq!(
        *lines.lock(),
        [
            &refuses("14.4"),
            "gate of `api` is open: forced by alice: a test",
            "gate of `api` is open: nothing speaks for refusals any more",
            "gate of `api` is open: the override ended (was forced by alice: a test)",
            "gate of `api` refuses requests: forced by alice: all of it",
            &refuses("14.3"),
            "gate of `api` refuses requests: resumed by bob: enough (was forced by alice: all of it)",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_listener_hears_that_refusals_do_not_help() {
    let gate = gate();
    let (lines, _listener) = log(&gate);
    for _ in 0..60 {
        let _ = gate.check(Class::Optional);
        // These are not the optional ones.
        (0..100).for_each(|_| gate.budget().record(Event::Bad));
        advance(SECOND).await;
    }
    let paused = "refusals do not lessen the failures, so there are none for 1m";
    assert_eq!(
        lines.lock().get(1),
        Some(&format!("gate of `api` refuses requests: {paused}")),
        "the share rises from then on"
    );
    assert!(gate.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_when_dropped_stops_nothing() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a captured value of the test");
        }
    }
    let gate = gate();
    let heard = Arc::new(AtomicU32::new(0));
    let kept = Arc::new(Mutex::new(None));
    let (count, other) = (Arc::clone(&heard), Arc::clone(&kept));
    gate.on_transition(move |_| {
        count.fetch_add(1, Relaxed);
        // The other listener is in this delivery, which then owns it alone.
        drop(other.lock().take());
    })
    .detach();
    let bomb = Bomb;
    *kept.lock() = Some(gate.on_transition(move |_| {
        let _ = &bomb;
    }));
    gate.force_closed(Override::new("alice", "a test"));
    gate.force_open(Override::new("alice", "a test"));
    assert_eq!(heard.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_listener_may_force_the_gate_and_panic() {
    let gate = gate();
    let heard = Arc::new(AtomicU32::new(0));
    let panicking = gate.on_transition(|_| panic!("a listener of the test"));
    let count = Arc::clone(&heard);
    let steered = gate.clone();
    let steering = gate.on_transition(move |transition| {
        assert_eq!(transition.is_open(), steered.is_open());
        // Re-entrant: the transition that this causes is delivered after this one.
        if let Change::Forced(by) = transition.change() {
            assert_eq!(by.actor(), "alice");
            steered.resume(Override::new("listener", "not while I am here"));
        }
        count.fetch_add(1, Relaxed);
    });
    gate.force_closed(Override::new("alice", "try"));
    assert_eq!(heard.load(Relaxed), 2);
    assert!(gate.is_open());
    drop((panicking, steering));
    gate.force_closed(Override::new("alice", "again"));
    assert_eq!(heard.load(Relaxed), 2);
    // A detached listener continues, and does not outlive the gate.
    let count = Arc::clone(&heard);
    gate.on_transition(move |_| {
        count.fetch_add(1, Relaxed);
    })
    .detach();
    gate.resume(Override::new("alice", "done"));
    assert_eq!(heard.load(Relaxed), 3);
    drop(gate);
    assert_eq!(
        Arc::strong_count(&heard),
        1,
        "the gate is gone, and its listeners with it"
    );
}

#[cfg(feature = "serde")]
#[tokio::test(start_paused = true)]
async fn an_override_continues_over_a_restart_until_its_end() {
    use maestro_slo_budget::SavedOverride;

    const WALL: Duration = Duration::from_secs(1_700_000_000);
    let saved = |gate: &Gate, wall| {
        let text = serde_json::to_string(&gate.saved_override(wall)).unwrap();
        serde_json::from_str::<Option<SavedOverride>>(&text).unwrap()
    };
    assert_eq!(saved(&gate(), WALL), None);
    for forces_open in [true, false] {
        let (first, second) = (gate(), gate());
        let by = Override::new("alice", "a migration").lasting(HOUR);
        if forces_open {
            first.force_open(by);
        } else {
            first.force_closed(by);
        }
        advance(10 * MINUTE).await;
        let file = saved(&first, WALL).unwrap();
        // Twenty minutes pass before it is restored.
        assert!(second.restore_override(&file, WALL + 20 * MINUTE));
        let forced = second.forced().unwrap();
        assert_eq!((forced.actor(), forced.reason()), ("alice", "a migration"));
        assert_eq!(second.is_open(), forces_open);
        advance(29 * MINUTE + 59 * SECOND).await;
        assert!(second.forced().is_some());
        advance(SECOND).await;
        assert!(second.forced().is_none() && second.is_open());
        assert!(!gate().restore_override(&file, WALL + HOUR), "it has ended");
    }
    // Without an end it has none.
    let (first, second) = (gate(), gate());
    first.force_closed(Override::new("alice", "a migration"));
    let file = saved(&first, WALL).unwrap();
    let (log, _listener) = log(&second);
    assert!(second.restore_override(&file, Duration::MAX));
    advance(1000 * HOUR).await;
    assert!(!second.is_open());
    assert!(log.lock()[0].contains("by alice: a migration"), "{log:?}");
    // A file with another field is refused.
    let mut other = serde_json::to_value(&file).unwrap();
    other["until"] = serde_json::json!(5);
    let error = serde_json::from_value::<SavedOverride>(other).unwrap_err();
    assert!(
        error.to_string().contains("unknown field `until`"),
        "{error}"
    );
}
