//~ is not a retry policy
//~ a `RetryLayer` cannot be made of this
//~ build it: `RetryPolicy::builder()` ends with `.build()`,
//~ of a policy behind a reference take a clone: it shares the budget

use maestro_retry::{RetryLayer, RetryPolicy};

fn main() {
    let _ = RetryLayer::new(RetryPolicy::builder());
    let _ = RetryLayer::new(3);
}
