//! For tests of code that uses this crate (feature `test-util`): a scripted service, a full bulkhead, and an assertion that
//! nothing is held.
//!
//! Enable the feature in `[dev-dependencies]`. It changes nothing but to add this module. A call is polled step by step with
//! [`tokio_test::task::spawn`](https://docs.rs/tokio-test/0.4/tokio_test/task/fn.spawn.html), which also tells whether the call
//! was woken.
//!
//! # Examples
//!
//! ```
//! use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full, test_util};
//! use maestro_bulkhead::test_util::Script;
//! use std::time::Duration;
//! use tokio_test::{assert_pending, assert_ready, task};
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), maestro_bulkhead::InvalidConfig> {
//! let pool = Bulkhead::new("postgres", 20)?;
//! let script = Script::<&str, &str, Full>::new().ok("row");
//! let stack = ServiceBuilder::new()
//!     .layer(BulkheadLayer::new(pool.clone()).queue((8, Duration::from_millis(250))))
//!     .service(script.clone());
//!
//! let mut places = test_util::fill(&pool);
//! let mut call = task::spawn(stack.oneshot("select 1"));
//! assert_pending!(call.poll()); // it waits for a place
//! assert_eq!((pool.queued(), script.calls()), (1, 0));
//! places.pop();
//! assert!(call.is_woken());
//! assert_eq!(assert_ready!(call.poll()), Ok("row"));
//!
//! drop(places);
//! script.assert_done();
//! test_util::assert_idle(&pool);
//! # Ok(())
//! # }
//! ```

mod script;

use std::iter;

pub use self::script::{Script, ScriptedCall};
use crate::{bulkhead::Bulkhead, permit::Permit, state::Pointer};

/// Takes all places that are free, one permit for each. The bulkhead is full until one of them is dropped.
///
/// It takes none if the bulkhead is full or [closed](Bulkhead::close), or calls wait for a place. The permits report nothing
/// when they are dropped: they teach an adaptive limit nothing.
///
/// # Panics
///
/// If the bulkhead has no limit, as that of `usize::MAX`.
#[must_use = "dropping the permits at once gives the places back"]
pub fn fill<P: Pointer + Clone>(bulkhead: &Bulkhead<P>) -> Vec<Permit<P>> {
    let limit = bulkhead.limit();
    assert!(
        limit < usize::MAX,
        "bulkhead `{}` has no limit: it is never full",
        bulkhead.name()
    );
    iter::from_fn(|| {
        // A bulkhead that only counts refuses nothing.
        let is_full = bulkhead.in_flight() >= limit;
        (!is_full).then(|| bulkhead.try_acquire().ok())?
    })
    .collect()
}

/// Asserts that the bulkhead holds nothing: no place is taken, and no call waits for one.
///
/// # Panics
///
/// If it holds something. The message says what.
#[track_caller]
pub fn assert_idle<P: Pointer>(bulkhead: &Bulkhead<P>) {
    let (held, queued) = (bulkhead.in_flight(), bulkhead.queued());
    assert!(
        (held, queued) == (0, 0),
        "bulkhead `{}` is not idle: places held: {held} of {}, waiting calls: {queued}",
        bulkhead.name(),
        bulkhead.limit()
    );
}
