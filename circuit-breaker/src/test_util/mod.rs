//! For tests of code that uses this crate (feature `test-util`): a scripted service, forced states, and an assertion that
//! nothing is held.
//!
//! Enable the feature in `[dev-dependencies]`. It changes nothing but to add this module. A call is polled step by step with
//! [`tokio_test::task::spawn`](https://docs.rs/tokio-test/0.4/tokio_test/task/fn.spawn.html), which also tells whether the call
//! was woken.
//!
//! # Examples
//!
//! ```
//! use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open, State, test_util};
//! use maestro_circuit_breaker::test_util::Script;
//! use tokio_test::{assert_pending, assert_ready, assert_ready_err, task};
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! let breaker = CircuitBreaker::builder().probes(1).build("store")?;
//! let script = Script::<&str, &str, Open>::new().pending();
//! let stack = ServiceBuilder::new()
//!     .layer(CircuitBreakerLayer::new(breaker.clone()))
//!     .service(script.clone());
//!
//! test_util::open(&breaker);
//! let mut rejected = task::spawn(stack.clone().oneshot("select 1"));
//! assert_eq!(assert_ready_err!(rejected.poll()).name(), "store");
//!
//! test_util::half_open(&breaker);
//! let mut probe = task::spawn(stack.clone().oneshot("select 2"));
//! assert_pending!(probe.poll());
//! assert_eq!(breaker.snapshot().probes_in_flight(), 1);
//! script.answer(Ok("row"));
//! assert!(probe.is_woken());
//! assert_eq!(assert_ready!(probe.poll()), Ok("row"));
//! assert_eq!(breaker.state(), State::Closed);
//!
//! script.assert_done();
//! test_util::assert_idle(&breaker);
//! # Ok::<(), maestro_circuit_breaker::InvalidConfig>(())
//! ```

mod script;

use std::borrow::Borrow;

use tokio::time::Instant;

pub use self::script::{Script, ScriptedCall};
use crate::{
    breaker::CircuitBreaker,
    call::Core,
    types::{Override, State},
};

fn by_a_test() -> Override {
    Override::new("test-util", "a test asked for this state")
}

/// Opens the breaker, from any state. Its wait begins now; a breaker that is open already waits on.
///
/// It is as after a [`trip`](CircuitBreaker::trip): [`Cause::Tripped`](crate::Cause::Tripped), and listeners, metrics and
/// logs see it. No time passes. An override ends.
pub fn open<P: Borrow<Core>>(breaker: &CircuitBreaker<P>) {
    breaker.trip(by_a_test());
}

/// Opens the breaker and ends its wait, from any state: the next calls are probes, and decide. One that is half-open already
/// stays as it is.
///
/// Listeners, metrics and logs see both transitions. No time passes, and no clock has to be paused. An override ends.
pub fn half_open<P: Borrow<Core>>(breaker: &CircuitBreaker<P>) {
    let now = Instant::now();
    if breaker.state_at(now) != State::HalfOpen {
        breaker.trip_at(by_a_test(), now);
        let core = breaker.core();
        core.machine().end_wait(core.ticks(now));
    }
}

/// Closes the breaker, from any state, with nothing counted. Calls in flight are late: their results change nothing.
///
/// It is as after a [`resume`](CircuitBreaker::resume) and a [`reset`](CircuitBreaker::reset): listeners, metrics and logs
/// see it. An override ends.
pub fn close<P: Borrow<Core>>(breaker: &CircuitBreaker<P>) {
    let now = Instant::now();
    breaker.resume_at(by_a_test(), now);
    breaker.reset_at(by_a_test(), now);
}

/// Asserts that the breaker holds nothing: no probe is in flight, and no call waits to be admitted.
///
/// Other calls in flight are not counted by a breaker. [`Script::in_flight`] has them.
///
/// # Panics
///
/// If it holds something. The message says what.
#[track_caller]
pub fn assert_idle<P: Borrow<Core>>(breaker: &CircuitBreaker<P>) {
    let (probes, waiting) = (breaker.snapshot().probes_in_flight(), breaker.waiting());
    assert!(
        (probes, waiting) == (0, 0),
        "circuit `{}` is not idle: probes in flight: {probes}, waiting calls: {waiting}",
        breaker.name()
    );
}
