use std::{convert::Infallible, time::Duration};

use maestro_slo_budget::{
    CanaryPolicy, Class, ErrorBudget, ErrorBudgetLayer, Event, Factor, Gate, GateLayer, Objective,
    WhenSpent, canary::Arm,
};
use tokio::time::Instant;
use tower::Layer;

use super::floors::{EMPTY, READY, REFUSED};
use crate::{Request, Row, inner::Nothing};

pub(super) fn rows() -> Vec<Row> {
    (recording().into_iter())
        .chain(gates())
        .chain([canary()])
        .collect()
}

fn recording() -> [Row; 6] {
    [
        Row::object("slo, record", EMPTY, || {
            let budget = budget();
            move |_| {
                budget.record(Event::Good);
                Ok::<_, Infallible>(())
            }
        }),
        Row::object("slo, record, the clock read before", EMPTY, || {
            let (budget, now) = (budget(), Instant::now());
            move |_| {
                budget.record_at(Event::Good, now);
                Ok::<_, Infallible>(())
            }
        }),
        Row::object("slo, 8 windows read, the clock read before", EMPTY, || {
            let (budget, now) = aged();
            move |_| Ok::<_, Infallible>(budget.counts_of_at(WINDOWS, now))
        }),
        Row::object("slo, report, the clock read before", EMPTY, || {
            let (budget, now) = aged();
            move |_| Ok::<_, Infallible>(budget.report_at(now))
        }),
        Row::service("slo, recording layer, Arc", READY, || {
            ErrorBudgetLayer::new(budget()).layer(Nothing)
        }),
        Row::service("slo, recording layer, static", READY, || {
            ErrorBudgetLayer::new(leak(budget())).layer(Nothing)
        }),
    ]
}

fn gates() -> [Row; 7] {
    [
        Row::object("slo, gate open, check", EMPTY, || {
            let gate = Gate::new(budget());
            move |_| gate.check(Class::Optional)
        }),
        Row::service("slo, gate open, layer, Arc", READY, || {
            GateLayer::new(Gate::new(budget())).layer(Nothing)
        }),
        Row::service("slo, gate open, layer, static", READY, || {
            GateLayer::new(leak(Gate::new(budget()))).layer(Nothing)
        }),
        Row::service("slo, gate open, layer, one of a family", READY, || {
            let tenants = ErrorBudget::builder().build_family("tenants", 16);
            let tenants = tenants.expect("the defaults are legal");
            let gates = Gate::builder().build_family(tenants);
            let gates = gates.expect("the defaults are legal");
            GateLayer::new(gates.by(|request: &Request| request % 8)).layer(Nothing)
        }),
        Row::object("slo, gate closed, check", EMPTY, || {
            let gate = closed();
            move |_| gate.check(Class::Optional)
        })
        .bad_in_16(16),
        Row::service("slo, gate closed, layer, Arc", REFUSED, || {
            GateLayer::new(closed()).layer(Nothing)
        })
        .bad_in_16(16),
        Row::service("slo, gate closed, layer, static", REFUSED, || {
            GateLayer::new(leak(closed())).layer(Nothing)
        })
        .bad_in_16(16),
    ]
}

/// Not a request: a batch of a thousand requests, which a canary observes once a minute.
fn canary() -> Row {
    Row::object("slo, canary, a batch of a thousand observed", EMPTY, || {
        let mut now = Instant::now();
        let mut canary = CanaryPolicy::new().start_at(now);
        let mut batches = 0;
        move |_| {
            batches += 1;
            now += Duration::from_mins(1);
            let baseline = Arm::new(899 * batches, batches).latency(45 * batches, 0);
            let tried = Arm::new(100 * batches, 0).latency(5 * batches, 0);
            canary.observe_at(baseline, tried, now)
        }
    })
}

/// The windows of the usual alerts, and the period.
const WINDOWS: [Duration; 8] = [
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(6),
    Duration::from_hours(24),
    Duration::from_hours(72),
    Duration::from_hours(720),
];

pub(crate) fn budget() -> ErrorBudget {
    ErrorBudget::new(
        "api",
        Objective::new(999, 1000).expect("99.9 % is an objective"),
    )
}

/// A budget that has counted for longer than its longest window, and the current instant. In a young budget every
/// window has all events, so nothing is looked up.
pub(crate) fn aged() -> (ErrorBudget, Instant) {
    let (budget, mut now) = (budget(), Instant::now());
    for _ in 0..31 * 24 {
        now += Duration::from_hours(1);
        budget.record_at(Event::Good, now);
    }
    (budget, now)
}

/// A gate whose budget is spent and which admits one request in a million. It has decided at a moment that is yet to
/// come, so that this stays its decision.
fn closed() -> Gate {
    let (budget, later) = (budget(), Instant::now() + Duration::from_hours(24 * 30));
    for _ in 0..10_000 {
        budget.record_at(Event::Bad, later);
    }
    let floor = Factor::new(1, 1_000_000).expect("a share");
    let gate = Gate::builder().when_spent(WhenSpent::Refuse).floor(floor);
    let gate = gate.build(budget).expect("these numbers are legal");
    assert!(!gate.snapshot_at(later).is_open());
    gate
}

/// A handle without a reference count. It leaks some kilobytes for each row that is created.
pub(super) fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}
