//~ the trait bound `AtomicU64: Clone` is not satisfied in
//~ .retry_if(move |r: &Result<u8, String>| seen.fetch_add(1, Relaxed) > 9 || r.is_err())

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use maestro_retry::RetryPolicy;

fn main() {
    let seen = AtomicU64::new(0);
    let _policy = RetryPolicy::new(NonZeroU32::MIN)
        .retry_if(move |r: &Result<u8, String>| seen.fetch_add(1, Relaxed) > 9 || r.is_err());
}
