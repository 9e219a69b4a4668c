//! For tests of code that uses this crate (feature `test-util`): a scripted service, and a clock that passes a limit.
//!
//! Enable the feature in `[dev-dependencies]`. It changes nothing but to add this module. A call is polled step by step with
//! [`tokio_test::task::spawn`](https://docs.rs/tokio-test/0.4/tokio_test/task/fn.spawn.html), which also tells whether the call
//! was woken. A timeout holds nothing, so there is no `assert_idle` here.
//!
//! # Examples
//!
//! ```
//! use maestro_timeout::{Elapsed, Timeout, TimeoutLayer, test_util::{Script, elapse}};
//! use std::time::Duration;
//! use tokio_test::{assert_pending, assert_ready_err, task};
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let timeout = Timeout::new(Duration::from_millis(250)).named("store");
//! let script = Script::<&str, &str, Elapsed>::new().pending();
//! let stack = ServiceBuilder::new().layer(TimeoutLayer::new(timeout.clone())).service(script.clone());
//!
//! let mut call = task::spawn(stack.oneshot("select 1"));
//! assert_pending!(call.poll());
//! elapse(&timeout).await;
//! assert!(call.is_woken());
//! assert_eq!(assert_ready_err!(call.poll()).name(), "store");
//! // The client saw one call, and it was cancelled.
//! assert_eq!((script.take_requests(), script.cancelled()), (vec!["select 1"], 1));
//! script.assert_done();
//! # }
//! ```

mod script;

use std::time::Duration;

use tokio::time::sleep;

pub use self::script::{Script, ScriptedCall};
use crate::timeout::Timeout;

/// Waits until a call that begins now has elapsed by the limit of `timeout`.
///
/// Use it on a paused clock of tokio (`start_paused`, or `tokio::time::pause`). There it returns when all tasks wait, and
/// what other timers were due before has happened in its order. On another clock it takes the whole limit.
///
/// # Panics
///
/// If the timeout has no limit, as that of [`Duration::MAX`].
pub async fn elapse(timeout: &Timeout) {
    let (name, limit) = (timeout.name(), timeout.limit());
    assert!(
        limit < Duration::MAX,
        "timeout `{name}` has no limit: no call elapses"
    );
    sleep(limit).await;
}
