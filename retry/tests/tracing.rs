//! Tracing events of the decisions after failures.

use std::{
    fmt::{Debug, Write},
    sync::mpsc::{Sender, channel},
    time::Duration,
};

use maestro_retry::{
    Backoff, FallbackLayer, Hedge, Jitter, Override, RetryBudget, RetryLayer, RetryPolicy,
};
use tower::{Layer, ServiceExt, service_fn};
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
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = Line(format!("{} {}", metadata.level(), metadata.target()));
        event.record(&mut line);
        let _ = self.0.send(line.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn retries_and_final_failures_emit_events() {
    let (lines, events) = channel();
    let _guard = tracing::subscriber::set_default(Lines(lines));
    let backoff = Backoff::constant(Duration::from_millis(250)).jitter(Jitter::None);
    let policy = RetryPolicy::builder()
        .attempts(2)
        .backoff(backoff)
        .build()
        .unwrap();
    assert!(policy.run(async |_| Ok::<_, ()>(())).await.is_ok());
    let policy = policy.named("store");
    assert!(policy.run(async |_| Err::<(), _>(())).await.is_err());
    let hedge = Hedge::after(Duration::from_millis(100)).build().unwrap();
    let slow = service_fn(|()| async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        Ok::<_, String>(())
    });
    let service = RetryLayer::new(policy).hedge(hedge).layer(slow);
    assert!(service.oneshot(()).await.is_ok());
    let events: Vec<_> = events
        .try_iter()
        .filter(|line| line.contains("maestro_retry"))
        .collect();
    assert_eq!(
        events,
        [
            r#"DEBUG maestro_retry message=retry kind="retry" name="store" attempt=1 wait=250ms cause="failure""#,
            r#"DEBUG maestro_retry message=gave up kind="retry" name="store" attempts=2 cause="attempts""#,
            r#"DEBUG maestro_retry message=hedge kind="retry" name="store" result="credit""#,
        ]
    );
}

#[tokio::test]
async fn answered_failure_emits_an_event() {
    let (lines, events) = channel();
    let _guard = tracing::subscriber::set_default(Lines(lines));
    let layer = FallbackLayer::new(async |fails, _| if fails { Err("lost") } else { Ok(()) });
    let unnamed = layer.clone().layer(service_fn(async |_: bool| Err("lost")));
    assert!(unnamed.oneshot(false).await.is_ok());
    let named = layer
        .named("store")
        .layer(service_fn(async |_: bool| Err("lost")));
    assert!(named.oneshot(true).await.is_err());
    let events: Vec<_> = events
        .try_iter()
        .filter(|line| line.contains("maestro_retry"))
        .collect();
    assert_eq!(
        events,
        [
            r#"DEBUG maestro_retry message=fallback kind="fallback" result="answered""#,
            r#"DEBUG maestro_retry message=fallback kind="fallback" name="store" result="failed""#,
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn budget_that_refuses_emits_one_warning() {
    let (lines, events) = channel();
    let _guard = tracing::subscriber::set_default(Lines(lines));
    let budget = RetryBudget::builder().ratio(1.0).floor_per_second(0);
    let budget = budget.build("store").unwrap();
    for _ in 0..9 {
        assert!(budget.try_hold().is_none());
    }
    tokio::time::advance(Duration::from_secs(11)).await;
    budget.deposit();
    budget.try_hold().expect("a call paid for it").spend();
    assert_eq!(
        events.try_iter().collect::<Vec<_>>(),
        [
            r#"WARN maestro_retry message=budget refuses retries kind="retry_budget" name="store" state="refusing""#,
            r#"INFO maestro_retry message=budget grants retries kind="retry_budget" name="store" state="granting""#,
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn override_of_an_operator_emits_events() {
    let (lines, events) = channel();
    let _guard = tracing::subscriber::set_default(Lines(lines));
    let policy = RetryPolicy::builder().build().unwrap().named("store");
    let by = |actor: &str| Override::new(actor, "drill");
    policy.force_off(by("alice"));
    assert!(policy.resume(by("bob")));
    policy.force_off(by("carol").lasting(Duration::ZERO));
    assert_eq!(policy.forced(), None);
    let common = r#"INFO maestro_retry message=switched kind="retry" name="store" cause="#;
    assert_eq!(
        events.try_iter().collect::<Vec<_>>(),
        [
            format!(r#"{common}"forced" actor="alice" reason="drill""#),
            format!(r#"{common}"resumed" actor="bob" reason="drill""#),
            format!(r#"{common}"forced" actor="carol" reason="drill""#),
            format!(r#"{common}"override_over" actor="carol" reason="drill""#),
        ]
    );
}
