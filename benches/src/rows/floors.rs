//! The floors: the same request without a layer, the same loop without an object.

use std::convert::Infallible;

use super::waiting::two_calls;
use crate::{
    Kind, Row,
    inner::{FailsEveryOther, FailsOneIn, Nothing, PendingOnce, Refuses, SucceedsOneIn},
};

pub(crate) const EMPTY: &str = "floor, an empty loop";
pub(crate) const READY: &str = "floor, ready";
pub(crate) const PENDING: &str = "floor, pending once";
pub(crate) const FAILS_1_IN_16: &str = "floor, one failure in 16";
pub(crate) const FAILS_EVERY_OTHER: &str = "floor, every other call fails";
pub(crate) const FAILS: &str = "floor, every call fails";
pub(crate) const SUCCEEDS_1_IN_100: &str = "floor, 99 of 100 calls fail";
/// Of rows that refuse each request: the inner service is asked whether it is ready, and is not called.
pub(crate) const REFUSED: &str = "floor, refused";
pub(crate) const TWO_CALLS: &str = "floor, two calls, pending once";

pub(super) fn rows() -> Vec<Row> {
    [
        Row::object(EMPTY, EMPTY, || Ok::<_, Infallible>),
        Row::service(READY, READY, || Nothing),
        Row::service(PENDING, PENDING, || PendingOnce),
        Row::service(FAILS_1_IN_16, FAILS_1_IN_16, || FailsOneIn::<16>).bad_in_16(1),
        Row::service(FAILS_EVERY_OTHER, FAILS_EVERY_OTHER, FailsEveryOther::new).bad_in_16(8),
        Row::service(FAILS, FAILS, || FailsOneIn::<1>).bad_in_16(16),
        Row::service(
            SUCCEEDS_1_IN_100,
            SUCCEEDS_1_IN_100,
            || SucceedsOneIn::<100>,
        )
        .bad_in_1600(1_584),
        Row::service(REFUSED, REFUSED, || Refuses).bad_in_16(16),
        Row::object(TWO_CALLS, TWO_CALLS, || two_calls(PendingOnce)),
    ]
    .map(|row| row.kind(Kind::Floor))
    .into()
}
