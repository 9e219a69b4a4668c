use std::time::Duration;

use maestro_timeout::{Timeout, TimeoutLayer};
use tower::Layer;

use super::floors::{PENDING, READY};
use crate::{
    Request, Row,
    inner::{Nothing, PendingOnce},
    timed::LIMIT,
};

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::service("timeout, inner ready", READY, || {
            TimeoutLayer::new(LIMIT).layer(Nothing)
        })
        .target(115.0, 0.0),
        Row::service("timeout, by key, inner ready", READY, || {
            let hosts = Timeout::builder().limit(LIMIT).build_family("hosts", 16);
            let hosts = hosts.expect("16 is legal");
            TimeoutLayer::new(hosts.by(|request: &Request| request % 8)).layer(Nothing)
        }),
        Row::service("timeout, inner pending once", PENDING, || {
            TimeoutLayer::new(LIMIT).layer(PendingOnce)
        })
        .timed()
        .target(640.0, 12.0),
        // With a limit of zero a call is polled once.
        Row::service("timeout, elapsed", PENDING, || {
            TimeoutLayer::new(Duration::ZERO).layer(PendingOnce)
        })
        .timed()
        .bad_in_16(16),
    ]
}
