//~ `limit` of a bulkhead must be at least 1: with 0 it would refuse every call

use maestro_bulkhead::{Bulkhead, StaticBulkhead};

static DB: StaticBulkhead = Bulkhead::builder().limit(0).build_static("db");

fn main() {
    println!("{}", DB.name());
}
