use maestro_bulkhead::{Bulkhead, BulkheadLayer, Permit, StaticBulkhead};
use tower::Layer;

use super::floors::READY;
use crate::{Row, inner::Nothing};

static ROOMY: StaticBulkhead = Bulkhead::builder().limit(64).build_static("roomy");
static FULL: StaticBulkhead = Bulkhead::builder().limit(1).build_static("full");

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::service("bulkhead, in and out, Arc", READY, || {
            BulkheadLayer::new(roomy()).layer(Nothing)
        })
        .target(60.0, 4.0),
        Row::service("bulkhead, in and out, static", READY, || {
            BulkheadLayer::new(&ROOMY).layer(Nothing)
        })
        .target(40.0, 2.0),
        Row::service("bulkhead, full, Arc", READY, || {
            BulkheadLayer::new(full()).layer(Nothing)
        })
        .bad_in_16(16)
        .target(45.0, 0.0),
        Row::service("bulkhead, full, static", READY, || {
            fill_static();
            BulkheadLayer::new(&FULL).layer(Nothing)
        })
        .bad_in_16(16)
        .target(45.0, 0.0),
    ]
}

pub(super) fn roomy() -> Bulkhead {
    Bulkhead::builder()
        .limit(64)
        .build("roomy")
        .expect("64 is a limit")
}

/// A bulkhead whose one place is taken for good.
fn full() -> Bulkhead {
    let full = Bulkhead::builder()
        .limit(1)
        .build("full")
        .expect("1 is a limit");
    keep(full.try_acquire());
    full
}

/// Takes the one place of the static bulkhead, which the first row that is made does for all.
fn fill_static() {
    if FULL.in_flight() == 0 {
        keep(FULL.try_acquire());
    }
}

fn keep<P, E>(permit: Result<Permit<P>, E>)
where
    P: std::borrow::Borrow<maestro_bulkhead::Core>,
{
    permit.map(std::mem::forget).ok();
}
