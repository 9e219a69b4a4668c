//! Events of elapsed calls.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

#[cfg(feature = "http-body")]
use maestro_timeout::{BodyTimeout, BodyTimeoutLayer};
use maestro_timeout::{Deadline, DeadlineFilter, Elapsed, Override, Timeout, TimeoutLayer};
use tower::{Layer, Service, service_fn};
use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    dispatcher::with_default,
    field::{Field, Visit},
    span,
};

/// Sends each event as a line.
struct Lines(Sender<String>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        use std::fmt::Write;
        write!(self.0, " {field}={value:?}").expect("a string takes it");
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(format!(
            "{} {}",
            event.metadata().level(),
            event.metadata().target()
        ));
        event.record(&mut line);
        let _ = self.0.send(line.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn only_elapsed_calls_are_events() {
    let (lines, events) = channel();
    let _guard = tracing::subscriber::set_default(Lines(lines));
    let ms = Duration::from_millis;
    let mut service = TimeoutLayer::new(Timeout::new(ms(250)).named("store")).layer(service_fn(
        async |how_long: Duration| {
            tokio::time::sleep(how_long).await;
            Ok::<_, Elapsed>(())
        },
    ));
    assert!(service.call(ms(100)).await.is_ok());
    assert!(service.call(ms(300)).await.is_err());
    let late = Deadline::after(ms(50));
    assert!(late.run(std::future::pending::<()>()).await.is_err());
    tokio::time::advance(ms(1)).await;
    let filter = Arc::new(
        DeadlineFilter::builder()
            .dark(true)
            .build("orders")
            .unwrap(),
    );
    assert!(filter.check(late).is_ok());
    let events: Vec<_> = events
        .try_iter()
        .filter(|line| line.contains("maestro_timeout"))
        .collect();
    assert_eq!(
        events,
        [
            r#"DEBUG maestro_timeout message=elapsed kind="timeout" name="store" phase="call" after=250ms limit=250ms"#,
            r#"DEBUG maestro_timeout message=elapsed kind="timeout" name="deadline" phase="call" after=50ms limit=50ms"#,
            r#"DEBUG maestro_timeout message=expired kind="deadline_filter" name="orders" late=1ms rejected=false dark=true"#,
        ]
    );
}

#[test]
fn doubtful_settings_are_warnings() {
    let (lines, events) = channel();
    let _guard = tracing::subscriber::set_default(Lines(lines));
    let store = Timeout::new(Duration::from_secs(1)).named("store");
    assert!(events.try_recv().is_err());
    store.set_limit(Duration::ZERO);
    let line = events.try_recv().expect("an event");
    assert!(line.starts_with("WARN maestro_timeout"), "{line}");
    for field in [r#"kind="timeout""#, "store", "`limit` is zero"] {
        assert!(line.contains(field), "{line}");
    }
    assert_eq!(
        events.try_recv().expect("an event"),
        r#"INFO maestro_timeout message=limit changed kind="timeout" name="store" from=1s to=0ns cause="configured""#
    );
    let _unnamed = DeadlineFilter::new("");
    let line = events.try_recv().expect("an event");
    assert!(line.contains("the name is empty"), "{line}");
    assert!(line.contains(r#"kind="deadline_filter""#), "{line}");
    let _both = Timeout::builder().limit(Duration::ZERO).build("");
    for problem in ["the name is empty", "`limit` is zero"] {
        let line = events.try_recv().expect("an event");
        assert!(line.contains(problem), "{line}");
    }
    assert!(events.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_forced_limit_is_an_event_with_its_operator() {
    let (lines, events) = channel();
    let _guard = tracing::subscriber::set_default(Lines(lines));
    let second = Duration::from_secs(1);
    let store = Timeout::new(second).named("store");
    store.force_limit(2 * second, Override::new("alice", "drill").lasting(second));
    tokio::time::advance(second).await;
    assert_eq!(store.limit(), second);
    assert_eq!(
        events.try_iter().collect::<Vec<_>>(),
        [
            r#"INFO maestro_timeout message=limit changed kind="timeout" name="store" from=1s to=2s cause="forced" actor="alice" reason="drill""#,
            r#"INFO maestro_timeout message=limit changed kind="timeout" name="store" from=2s to=1s cause="override_over" actor="alice" reason="drill""#,
        ]
    );
}

#[cfg(feature = "http-body")]
#[tokio::test(start_paused = true)]
async fn events_of_a_body_timeout_name_its_kind() {
    let (lines, events) = channel();
    let _guard = tracing::subscriber::set_default(Lines(lines));
    let page = BodyTimeout::builder().headers(Duration::ZERO).build("page");
    let inner = service_fn(|()| std::future::pending::<Result<http::Response<String>, Elapsed>>());
    let mut service = BodyTimeoutLayer::new(page).layer(inner);
    assert!(service.call(()).await.is_err());
    let lines: Vec<_> = events.try_iter().collect();
    assert!(lines[0].contains("`headers` is zero"), "{}", lines[0]);
    assert!(lines[1].contains("message=elapsed"), "{}", lines[1]);
    for line in &lines {
        assert!(
            line.contains(r#"kind="body_timeout" name="page""#),
            "{line}"
        );
    }
    assert_eq!(lines.len(), 2);
}

#[expect(clippy::disallowed_types, reason = "a subscriber is `Sync`")]
type Mutex<T> = std::sync::Mutex<T>;

/// Holds the first event back until it is told to go on.
struct HoldsFirst {
    lines: Lines,
    holds: Sender<()>,
    go_on: Mutex<Option<Receiver<()>>>,
}

const BOUND: Duration = Duration::from_secs(60);

impl Subscriber for HoldsFirst {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let go_on = self.go_on.lock().expect("no test panics here").take();
        if let Some(go_on) = go_on {
            self.holds.send(()).expect("the test waits for it");
            go_on.recv_timeout(BOUND).expect("the test sends it");
        }
        self.lines.event(event);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn limit_events_are_in_the_order_of_the_changes() {
    let (lines, events) = channel();
    let (holds, held) = channel();
    let (go, go_on) = channel();
    let subscriber = Dispatch::new(HoldsFirst {
        lines: Lines(lines),
        holds,
        go_on: Mutex::new(Some(go_on)),
    });
    let store = Timeout::new(Duration::from_secs(1)).named("store");
    let (other, its) = (store.clone(), subscriber.clone());
    let first = std::thread::spawn(move || {
        with_default(&its, || other.set_limit(Duration::from_secs(2)));
    });
    held.recv_timeout(BOUND).expect("the first event");
    with_default(&subscriber, || store.set_limit(Duration::from_secs(3)));
    go.send(()).expect("the first event waits");
    first.join().expect("it changes the limit");
    let lines: Vec<_> = events.try_iter().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("to=2s"), "{lines:?}");
    assert!(lines[1].contains("to=3s"), "{lines:?}");
}

#[cfg(feature = "family")]
#[tokio::test(start_paused = true)]
async fn events_name_the_key_if_keys_are_shown() {
    let (lines, events) = channel();
    let _guard = tracing::subscriber::set_default(Lines(lines));
    let second = Duration::from_secs(1);
    let hosts = Timeout::builder().limit(second).build_family("hosts", 8);
    let hosts = hosts.expect("a capacity above 0").show_keys();
    let mut service = TimeoutLayer::new(hosts.by(|host: &&str| *host)).layer(service_fn(|_| {
        std::future::pending::<Result<(), Elapsed>>()
    }));
    hosts.get(&"a.example").set_limit(2 * second);
    assert!(service.call("a.example").await.is_err());
    assert_eq!(
        events.try_iter().collect::<Vec<_>>(),
        [
            r#"INFO maestro_timeout message=limit changed kind="timeout" name="hosts" key="a.example" from=1s to=2s cause="configured""#,
            r#"DEBUG maestro_timeout message=elapsed kind="timeout" name="hosts" key="a.example" phase="call" after=2s limit=2s"#,
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_forced_dark_mode_is_an_event_with_its_operator() {
    let (lines, events) = channel();
    let _guard = tracing::subscriber::set_default(Lines(lines));
    let filter = DeadlineFilter::new("orders");
    filter.force_dark(Override::new("alice", "drill"));
    assert!(filter.resume(Override::new("bob", "done")));
    assert_eq!(
        events.try_iter().collect::<Vec<_>>(),
        [
            r#"INFO maestro_timeout message=dark mode changed kind="deadline_filter" name="orders" cause="forced" actor="alice" reason="drill""#,
            r#"INFO maestro_timeout message=dark mode changed kind="deadline_filter" name="orders" cause="resumed" actor="bob" reason="done""#,
        ]
    );
}
