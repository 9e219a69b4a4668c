//! The stacks. The default order, outside in: whole deadline → retry → breaker → attempt timeout → bulkhead → client.
//! Each file states where its stack departs from that order, and why.

mod cache;
mod dispatch;
mod store;

pub(crate) use self::cache::cache;
pub(crate) use self::dispatch::dispatch;
pub(crate) use self::store::{lists, store};
