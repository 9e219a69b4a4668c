//! The units: primitives that every layer uses.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Waker},
};

use tokio::time::{Instant, sleep};

use super::floors::EMPTY;
use crate::{Kind, Row, timed::LIMIT};

pub(super) fn rows() -> Vec<Row> {
    [
        // `u`, the unit of time that is comparable between machines.
        Row::object("unit, fetch_add", EMPTY, || {
            let word = Arc::new(AtomicU64::new(0));
            move |n| done(word.fetch_add(n, Relaxed))
        }),
        Row::object("unit, Arc clone and drop", EMPTY, || {
            let shared = Arc::new(0_u64);
            move |_| done(Arc::clone(&shared))
        }),
        Row::object("unit, Instant::now", EMPTY, || |_| done(Instant::now())),
        Row::object("unit, tokio Sleep made and dropped", EMPTY, || {
            |_| {
                drop(std::hint::black_box(sleep(LIMIT)));
                done(())
            }
        })
        .timed(),
        Row::object("unit, tokio Sleep armed and dropped", EMPTY, || {
            |_| {
                let armed = pin!(sleep(LIMIT)).poll(&mut Context::from_waker(Waker::noop()));
                done(armed.is_pending())
            }
        })
        .timed(),
    ]
    .map(|row| row.kind(Kind::Unit))
    .into()
}

#[expect(clippy::unnecessary_wraps, reason = "an object answers with a result")]
const fn done<T>(value: T) -> Result<T, Infallible> {
    Ok(value)
}
