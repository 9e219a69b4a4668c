//~ a `Builder` has only numbers: call `.build()?` before this method
//~ .budget(RetryBudget::new("store"))
//~ a method of the `RetryPolicy` that `.build()?` returns
//~ .retry_if(|result| matches!(result, Err(StoreError::Busy)))

use maestro_retry::{InvalidConfig, RetryBudget, RetryPolicy};

enum StoreError {
    Busy,
    NoSuchTable,
}

fn main() -> Result<(), InvalidConfig> {
    let _policy = RetryPolicy::builder()
        .budget(RetryBudget::new("store"))
        .build()?;
    let policy = RetryPolicy::builder()
        .retry_if(|result| matches!(result, Err(StoreError::Busy)))
        .build()?;
    let _ = policy.run_blocking(|_| Err::<(), _>(StoreError::NoSuchTable));
    Ok(())
}
