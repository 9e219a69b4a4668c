//~ type mismatch resolving `<CostBucket as Budget>::Retry == ()`

use maestro_retry::{CostBucket, RetryPolicy};
use tower::retry::Policy;

fn for_tower(quota: CostBucket, attempts: std::num::NonZeroU32) -> impl Policy<u8, u8, String> {
    RetryPolicy::new(attempts).budget(quota).into_tower()
}

fn main() {
    let _ = for_tower;
}
