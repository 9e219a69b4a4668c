//! For tests of code that uses this crate (feature `test-util`): a scripted service, a spent budget, and a gate that
//! refuses.
//!
//! Enable the feature in `[dev-dependencies]`. It changes nothing but to add this module. A call is polled step by step with
//! [`tokio_test::task::spawn`](https://docs.rs/tokio-test/0.4/tokio_test/task/fn.spawn.html), which also tells whether the call
//! was woken. Neither a budget nor a gate holds anything for a call, so there is no `assert_idle` here.
//!
//! # Examples
//!
//! ```
//! use maestro_slo_budget::{ErrorBudget, Gate, GateLayer, Spent, test_util};
//! use maestro_slo_budget::test_util::Script;
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let budget = ErrorBudget::new("api", "99.9%".parse()?);
//! let gate = Gate::new(budget.clone());
//! let script = Script::<&str, &str, Spent>::new().then_always(|_| Ok("page"));
//! let mut stack = ServiceBuilder::new().layer(GateLayer::new(gate.clone())).service(script.clone());
//! assert_eq!(stack.ready().await?.call("/").await?, "page");
//!
//! test_util::shed(&gate, 0.01).await;
//! assert_eq!(stack.ready().await?.call("/").await.unwrap_err().name(), "api");
//! assert_eq!(script.calls(), 1);
//! # Ok(())
//! # }
//! ```

mod script;

use std::time::Duration;

use tokio::time::sleep;

pub use self::script::{Script, ScriptedCall};
use crate::{budget::ErrorBudget, gate::Gate, types::Event};

const MOST_SECONDS: u32 = 600;

/// An outage that lasts until the gate admits at most `share` of the optional requests: in each second a thousand events,
/// all bad, after which the gate decides.
///
/// With the defaults of a gate that is 1 to 5 s for a `share` of 0.5, by the objective, and 12 s more for the lowest share of
/// 0.01. Use it on a paused clock of tokio. On another clock it takes that time. For a gate that refuses everything,
/// [`Gate::force_closed`] takes none.
///
/// # Panics
///
/// If the gate admits more for 10 minutes: its [floor](crate::GateBuilder::floor) is higher, an operator forces it
/// open, or no outage burns this budget too fast.
pub async fn shed(gate: &Gate, share: f64) {
    let mut lowest = f64::INFINITY;
    for _ in 0..MOST_SECONDS {
        lowest = lowest.min(gate.snapshot().share());
        if lowest <= share {
            return;
        }
        (0..1_000).for_each(|_| gate.budget().record(Event::Bad));
        sleep(Duration::from_secs(1)).await;
    }
    panic!(
        "the gate of `{}` admitted a share of {lowest} or more in {MOST_SECONDS} s of failures, not {share}",
        gate.budget().name()
    );
}

/// Records events until [`ErrorBudget::consumed`] is `share`: 1.0 for the whole budget. A budget that has consumed more
/// stays as it is.
///
/// It takes a bad event and as many good ones as the objective asks for, or more bad ones where events were counted already:
/// in a budget without events, 1,000 for the whole budget at 99.9 %, and 2,000 for half of it. No time passes.
///
/// It spends the budget of the traffic until now. A gate decides by bursts of bad events, for which there is [`shed`], or
/// by the budget of a whole period.
///
/// # Panics
///
/// If `share` is not above 0, or if it is not possible: an objective of 100 % has no budget, at 99 % no traffic consumes
/// more than a hundredfold budget, and slices of time need time to pass.
#[track_caller]
pub fn spend(budget: &ErrorBudget, share: f64) {
    let (name, objective) = (budget.name(), budget.objective());
    let bad_share = share * objective.budget_share();
    assert!(
        share > 0.0 && bad_share > 0.0 && bad_share <= 1.0,
        "budget `{name}` of {objective} cannot consume {share} of itself"
    );
    assert!(
        budget.report().unit() == "events",
        "budget `{name}` counts slices of time: record events while the clock passes"
    );
    if budget.consumed().is_some_and(|consumed| consumed >= share) {
        return;
    }
    let good = budget.counts(budget.period()).good();
    assert!(
        bad_share < 1.0 || good == 0,
        "budget `{name}` has {good} good events: no traffic consumes {share} of it"
    );
    while budget.consumed().is_none_or(|consumed| consumed < share) {
        budget.record(Event::Bad);
    }
    let counts = budget.counts(budget.period());
    // One more would be too many. What is missing to a whole number is an error of rounding.
    let events = as_f64(counts.bad().into()) / bad_share + 1e-6;
    let mut total = counts.total() + 1;
    while as_f64(total) <= events {
        budget.record(Event::Good);
        total += 1;
    }
}

#[expect(clippy::cast_precision_loss, reason = "no test counts 2^53 events")]
const fn as_f64(events: u128) -> f64 {
    events as f64
}
