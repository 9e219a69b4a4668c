use std::time::Duration;

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Gradient2, Permit, Queue, StaticBulkhead};
use tower::Layer;

use super::floors::{READY, REFUSED};
use crate::{Request, Response, Row, Trouble, inner::Nothing};

static ROOMY: StaticBulkhead = Bulkhead::builder().limit(64).build_static("roomy");
static FULL: StaticBulkhead = Bulkhead::builder().limit(1).build_static("full");

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::service("bulkhead, in and out, Arc", READY, || {
            BulkheadLayer::new(roomy()).layer(Nothing)
        }),
        Row::service("bulkhead, in and out, static", READY, || {
            BulkheadLayer::new(&ROOMY).layer(Nothing)
        }),
        Row::service("bulkhead, full, Arc", REFUSED, || {
            BulkheadLayer::new(full()).layer(Nothing)
        })
        .bad_in_16(16)
        .target(60.0, 0.0),
        Row::service("bulkhead, full, static", REFUSED, || {
            fill_static();
            BulkheadLayer::new(&FULL).layer(Nothing)
        })
        .bad_in_16(16)
        .target(60.0, 0.0),
        // The cost of a queue while no call waits.
        Row::service("bulkhead, queue, in and out, Arc", READY, || {
            BulkheadLayer::new(roomy()).queue(QUEUE).layer(Nothing)
        })
        .target(120.0, 4.0),
        Row::service("bulkhead, queue, in and out, static", READY, || {
            BulkheadLayer::new(&ROOMY).queue(QUEUE).layer(Nothing)
        }),
        Row::service("bulkhead, by key, in and out", READY, || {
            let tenants = Bulkhead::builder().limit(64).build_family("tenants", 16);
            let tenants = tenants.expect("64 and 16 are legal");
            BulkheadLayer::new(tenants.by(|request: &Request| request % 8)).layer(Nothing)
        }),
        // Two readings of the clock and the sums of the window.
        Row::service("bulkhead, adaptive, in and out", READY, || {
            let found = Bulkhead::builder().limit(64);
            let found = found.build_adaptive("found", Gradient2::new());
            BulkheadLayer::new(found.expect("the defaults are legal"))
                .overload_if(|r: &Result<Response, Trouble>| r.is_err())
                .layer(Nothing)
        }),
    ]
}

pub(super) const QUEUE: Queue = Queue::new(64, Duration::from_secs(1));

pub(super) fn roomy() -> Bulkhead {
    Bulkhead::builder()
        .limit(64)
        .build("roomy")
        .expect("64 is a limit")
}

/// A bulkhead whose only place is taken.
fn full() -> Bulkhead {
    let full = Bulkhead::builder()
        .limit(1)
        .build("full")
        .expect("1 is a limit");
    keep(full.try_acquire());
    full
}

/// Takes the only place of the static bulkhead. The first row that is created does it for all.
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
