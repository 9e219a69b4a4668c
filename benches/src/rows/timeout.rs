use maestro_timeout::TimeoutLayer;
use tower::Layer;

use super::floors::{PENDING, READY};
use crate::{
    Row,
    inner::{Nothing, PendingOnce},
    timed::LIMIT,
};

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::service("timeout, inner ready", READY, || {
            TimeoutLayer::new(LIMIT).layer(Nothing)
        })
        .target(40.0, 0.0),
        Row::service("timeout, inner pending once", PENDING, || {
            TimeoutLayer::new(LIMIT).layer(PendingOnce)
        })
        .timed()
        .target(640.0, 12.0),
    ]
}
