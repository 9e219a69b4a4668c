//! For tests of code that uses this crate (feature `test-util`): a scripted service, a spent budget, and an assertion that
//! nothing is held.
//!
//! Enable the feature in `[dev-dependencies]`. It changes nothing but to add this module. A call is polled step by step with
//! [`tokio_test::task::spawn`](https://docs.rs/tokio-test/0.4/tokio_test/task/fn.spawn.html), which also tells whether the call
//! was woken.
//!
//! # Examples
//!
//! ```
//! use maestro_retry::{RetryBudget, RetryLayer, RetryPolicy, test_util};
//! use maestro_retry::test_util::Script;
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), maestro_retry::InvalidConfig> {
//! let budget = RetryBudget::new("store");
//! let policy = RetryPolicy::builder().attempts(3).build()?.budget(budget.clone());
//! let script = Script::<&str, &str, &str>::new().err("busy").ok("row").err("busy");
//! let stack = ServiceBuilder::new().layer(RetryLayer::new(policy)).service(script.clone());
//!
//! assert_eq!(stack.clone().oneshot("select 1").await, Ok("row")); // the second attempt
//! let _spent = test_util::spend(&budget);
//! assert_eq!(stack.oneshot("select 2").await, Err("busy")); // no second attempt
//! assert_eq!(script.take_requests(), ["select 1", "select 1", "select 2"]);
//! script.assert_done();
//! # Ok(())
//! # }
//! ```

mod script;

use std::{borrow::Borrow, iter};

pub use self::script::{Script, ScriptedCall};
use crate::{
    budget::{Budget, InFlightCore, InFlightShare},
    types::Now,
};

/// More than any budget grants at one instant, but one without an end.
const MOST: usize = 10_000_000;

/// Spends all retries that the budget grants now, so that the next one is refused.
///
/// A floor grants new ones as time passes, and calls pay for new ones. An [`InFlightShare`] has none left only while the
/// returned retries are kept.
///
/// # Panics
///
/// If the budget has no end, as [`Unlimited`](crate::Unlimited).
#[must_use = "dropping the retries at once ends those in flight"]
pub fn spend<B: Budget>(budget: &B) -> Vec<B::Retry> {
    let now = Now::unread();
    let granted = iter::from_fn(|| Some(budget.spend(budget.try_hold(&now)?)));
    let retries: Vec<_> = granted.take(MOST).collect();
    assert!(
        retries.len() < MOST,
        "the budget granted {MOST} retries: it has no end"
    );
    retries
}

/// Asserts that nothing is in flight by the counts of the budget: no call and no retry, waits of retries included.
///
/// The other budgets do not count what is in flight: their retries are spent when they begin. [`Script::in_flight`] has the
/// calls.
///
/// # Panics
///
/// If something is in flight. The message says what.
#[track_caller]
pub fn assert_idle<P: Borrow<InFlightCore>>(budget: &InFlightShare<P>) {
    let (calls, retries) = (budget.calls(), budget.retries());
    assert!(
        (calls, retries) == (0, 0),
        "budget `{}` is not idle: calls in flight: {calls}, retries in flight: {retries}",
        budget.name()
    );
}
