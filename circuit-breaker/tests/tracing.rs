//! An event for each transition and each change of the numbers, and none for a call.

use std::{
    fmt::{Debug, Write},
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use maestro_circuit_breaker::{CircuitBreaker, Override, Probes, State, Wait};
use tokio::time::advance;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// Sends each event as a line.
struct Lines(Sender<String>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").expect("a string takes it");
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "maestro_circuit_breaker"
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.send(line.0).expect("the test still listens");
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

fn listen() -> (Receiver<String>, tracing::subscriber::DefaultGuard) {
    let (lines, events) = channel();
    (events, tracing::subscriber::set_default(Lines(lines)))
}

fn breaker() -> CircuitBreaker {
    CircuitBreaker::builder()
        .consecutive_failures(2)
        .wait_in_open(Wait::fixed(Duration::from_secs(5)))
        .probes(Probes::one())
        .build("store")
        .expect("legal numbers")
}

#[tokio::test(start_paused = true)]
async fn each_transition_is_an_event_and_no_call_is() {
    let (events, _guard) = listen();
    let breaker = breaker();
    breaker.try_acquire().unwrap().success();
    for _ in 0..2 {
        breaker.try_acquire().unwrap().failure();
    }
    assert!(breaker.try_acquire().is_err());
    advance(Duration::from_secs(5)).await;
    breaker.try_acquire().unwrap().success();
    breaker.force_open(Override::new("alice", "migration"));
    breaker.resume(Override::new("bob", "done"));
    breaker.reset(Override::new("test", "reset"));
    breaker.trip(Override::new("carol", "old rows"));
    let events: Vec<_> = events.try_iter().collect();
    let transition = |line: &str| {
        let (level, rest) = line.split_once(' ').unwrap();
        format!("{level} message=transition kind=\"circuit_breaker\" name=\"store\" {rest}")
    };
    assert_eq!(
        events,
        [
            "WARN from=\"closed\" to=\"open\" cause=\"consecutive_failures\" detail=2 calls in a row failed generation=1",
            "INFO from=\"open\" to=\"half_open\" cause=\"wait_over\" generation=2",
            "INFO from=\"half_open\" to=\"closed\" cause=\"probes_succeeded\" generation=3",
            "INFO from=\"closed\" to=\"forced_open\" cause=\"operator\" actor=\"alice\" reason=\"migration\" generation=4",
            "INFO from=\"forced_open\" to=\"closed\" cause=\"operator\" actor=\"bob\" reason=\"done\" generation=5",
            "INFO from=\"closed\" to=\"closed\" cause=\"reset\" actor=\"test\" reason=\"reset\" generation=6",
            "INFO from=\"closed\" to=\"open\" cause=\"tripped\" detail=an operator opened it actor=\"carol\" reason=\"old rows\" generation=7",
        ]
        .map(transition)
    );
}

#[test]
fn a_change_of_the_numbers_is_one_event() {
    let (events, _guard) = listen();
    let builder = CircuitBreaker::builder().consecutive_failures(2);
    let store = breaker();
    store.reconfigure(builder).unwrap();
    store.reconfigure(builder.probes(0)).unwrap_err();
    assert_eq!(
        events.try_iter().collect::<Vec<_>>(),
        ["INFO message=reconfigured kind=\"circuit_breaker\" name=\"store\""]
    );
}

#[cfg(feature = "family")]
#[test]
fn a_change_of_all_members_is_one_event() {
    let (events, _guard) = listen();
    let builder = CircuitBreaker::builder().consecutive_failures(2);
    let hosts = builder.build_family("hosts", 2).unwrap().show_keys();
    let member = hosts.get(&7);
    hosts.reconfigure(builder).unwrap();
    member.reconfigure(builder).unwrap();
    let begin = "INFO message=reconfigured kind=\"circuit_breaker\" name=\"hosts\"";
    assert_eq!(
        events.try_iter().collect::<Vec<_>>(),
        [begin.to_owned(), format!("{begin} key=\"7\"")]
    );
}

#[cfg(feature = "family")]
#[test]
fn an_event_names_the_key_of_a_family_that_shows_it() {
    let (events, _guard) = listen();
    let builder = CircuitBreaker::builder().consecutive_failures(1);
    let hosts = builder.build_family::<u8>("hosts", 2).unwrap();
    let shown = builder.build_family("shown", 2).unwrap().show_keys();
    for hosts in [hosts, shown] {
        hosts.get(&7).try_acquire().unwrap().failure();
    }
    let rest = "from=\"closed\" to=\"open\" cause=\"consecutive_failures\" detail=a call failed generation=1";
    let begin = "WARN message=transition kind=\"circuit_breaker\"";
    assert_eq!(
        events.try_iter().collect::<Vec<_>>(),
        [
            format!("{begin} name=\"hosts\" {rest}"),
            format!("{begin} name=\"shown\" key=\"7\" {rest}"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_comes_after_the_state_and_outside_every_lock() {
    /// Asks the breaker that it hears of.
    struct Asks(CircuitBreaker, Sender<State>);
    impl Subscriber for Asks {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "maestro_circuit_breaker"
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn event(&self, _: &Event<'_>) {
            self.1.send(self.0.snapshot().state()).ok();
        }
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }
    let breaker = breaker();
    let (states, seen) = channel();
    let _guard = tracing::subscriber::set_default(Asks(breaker.clone(), states));
    for _ in 0..2 {
        breaker.try_acquire().unwrap().failure();
    }
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), [State::Open]);
}
