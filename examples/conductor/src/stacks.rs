//! The stacks: outside in, whole deadline → retry → breaker → attempt timeout → bulkhead → client.
//! Each file says where it departs from that, and why.

mod cache;
mod dispatch;
mod store;

pub(crate) use self::cache::cache;
pub(crate) use self::dispatch::dispatch;
pub(crate) use self::store::store;
