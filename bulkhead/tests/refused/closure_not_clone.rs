//~ the trait bound `AtomicU64: Clone` is not satisfied in
//~ .overload_if(move |r: &Result<u8, String>| seen.fetch_add(1, Relaxed) > 9 || r.is_err())

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use maestro_bulkhead::{Bulkhead, BulkheadLayer};

fn main() {
    let seen = AtomicU64::new(0);
    let _layer = BulkheadLayer::new(Bulkhead::new("store", 1).unwrap())
        .overload_if(move |r: &Result<u8, String>| seen.fetch_add(1, Relaxed) > 9 || r.is_err());
}
