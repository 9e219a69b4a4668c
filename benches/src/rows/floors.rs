//! The floors: the same request without a layer, the same loop without an object.

use std::convert::Infallible;

use crate::{
    Kind, Row,
    inner::{FailsEveryOther, FailsOneIn, Nothing, PendingOnce},
};

pub(crate) const EMPTY: &str = "floor, an empty loop";
pub(crate) const READY: &str = "floor, ready";
pub(crate) const PENDING: &str = "floor, pending once";
pub(crate) const FAILS_1_IN_16: &str = "floor, one failure in 16";
pub(crate) const FAILS_EVERY_OTHER: &str = "floor, every other call fails";

pub(super) fn rows() -> Vec<Row> {
    [
        Row::object(EMPTY, EMPTY, || Ok::<_, Infallible>),
        Row::service(READY, READY, || Nothing),
        Row::service(PENDING, PENDING, || PendingOnce),
        Row::service(FAILS_1_IN_16, FAILS_1_IN_16, || FailsOneIn::<16>).bad_in_16(1),
        Row::service(FAILS_EVERY_OTHER, FAILS_EVERY_OTHER, FailsEveryOther::new).bad_in_16(8),
    ]
    .map(|row| row.kind(Kind::Floor))
    .into()
}
