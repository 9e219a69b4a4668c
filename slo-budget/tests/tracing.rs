//! An event for each change and each refusal, and none for a request that is admitted.

use std::{
    fmt::{Debug, Write},
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use maestro_slo_budget::{Alerts, Class, ErrorBudget, Event, Gate, Objective, Override};
use tokio::time::advance;
use tracing::{
    Metadata, Subscriber,
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
        metadata.target() == "maestro_slo_budget"
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
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

#[tokio::test(start_paused = true)]
async fn each_change_of_a_gate_and_each_refusal_is_an_event() {
    let (events, _guard) = listen();
    let gate = Gate::new(ErrorBudget::new("api", Objective::new(999, 1000).unwrap()));
    assert!(gate.check(Class::Optional).is_ok());
    (0..4000).for_each(|_| gate.budget().record(Event::Good));
    (0..1000).for_each(|_| gate.budget().record(Event::Bad));
    advance(Duration::from_secs(1)).await;
    assert!(!gate.is_open());
    gate.force_closed(Override::new("alice", "a migration"));
    assert!(gate.check(Class::Optional).is_err());
    assert!(gate.check(Class::Essential).is_ok());
    gate.resume(Override::new("bob", "it is done"));
    advance(Duration::from_secs(3600)).await;
    assert!(gate.is_open());
    let burns = "it burns at 200.0 where 14.4 is allowed, so 80 % are admitted";
    let common = "kind=\"gate\" name=\"api\" cause=";
    assert_eq!(
        events.try_iter().collect::<Vec<_>>(),
        [
            format!("WARN message=transition {common}\"refusing\" is_open=false reasons={burns}"),
            format!(
                "INFO message=transition {common}\"forced\" is_open=false actor=\"alice\" reason=\"a migration\""
            ),
            format!(
                "DEBUG message=refused {common}\"forced\" reasons=an operator closed it retry_after=3600s"
            ),
            format!(
                "INFO message=transition {common}\"resumed\" is_open=false actor=\"bob\" reason=\"it is done\""
            ),
            format!("INFO message=transition {common}\"recovered\" is_open=true"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_of_a_member_has_the_key_if_keys_are_shown() {
    let (events, _guard) = listen();
    for shows in [false, true] {
        let mut budgets = ErrorBudget::builder().build_family("hosts", 2).unwrap();
        if shows {
            budgets = budgets.show_keys();
        }
        let gates = Gate::builder().build_family(budgets).unwrap();
        gates
            .get(&"a.example")
            .force_open(Override::new("alice", "a test"));
        let line = events.recv().unwrap();
        assert_eq!(line.contains("key=\"a.example\""), shows, "{line}");
        assert!(line.contains("name=\"hosts\""), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_firing_alert_is_a_warning_and_a_resolved_one_is_not() {
    let (events, _guard) = listen();
    let budget = ErrorBudget::new("api", Objective::new(999, 1000).unwrap());
    let alerts = Alerts::new(budget.clone());
    (0..50).for_each(|_| budget.record(Event::Bad));
    alerts.evaluate();
    let severities = |level: &str, line: &String| {
        let common = format!("{level} message=alert kind=\"alerts\" name=\"api\" severity=");
        let rest = line.strip_prefix(&common);
        rest.unwrap_or_else(|| panic!("{line}"))
            .split(" burn")
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let fired: Vec<_> = events.try_iter().collect();
    assert_eq!(
        [0, 1].map(|n| severities("WARN", &fired[n])),
        ["\"page\" state=firing is_inhibited=false"; 2]
    );
    assert_eq!(
        [2, 3].map(|n| severities("INFO", &fired[n])),
        ["\"ticket\" state=firing is_inhibited=true"; 2],
        "nobody needs to know of an inhibited alert"
    );
    for _ in 0..60 {
        (0..1000).for_each(|_| budget.record(Event::Good));
        advance(Duration::from_secs(60)).await;
        alerts.evaluate();
    }
    let resolved: Vec<_> = events.try_iter().collect();
    let page = "\"page\" state=resolved is_inhibited=false";
    assert!(
        resolved
            .iter()
            .any(|line| line.starts_with("INFO") && line.contains(page)),
        "{resolved:?}"
    );
}
