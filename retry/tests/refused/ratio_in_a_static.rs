//~ the ratio of a retry budget must be from 0 to 10: 0.2 allows one retry in five calls

use maestro_retry::{RetryBudget, StaticRetryBudget};

static DB: StaticRetryBudget = RetryBudget::builder().ratio(-1.0).build_static("db");

fn main() {
    println!("{}", DB.name());
}
