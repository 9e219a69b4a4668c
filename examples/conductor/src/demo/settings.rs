//! The configuration of the demo's service.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use super::acts::Pace;
use super::screen::Screen;
use crate::{Config, Server};

/// The period of the budget: a month in an hour, so that "1 h" is 5 s and "5 m" is 0.4 s.
const PERIOD: Duration = Duration::from_hours(1);
/// The objective. At 99.9 % nine seconds of outage in a "month" of 3,600 s would spend the budget of the whole period more
/// than twice. At 99 % they spend a quarter. The seconds of the gate are not scaled: it refuses runs in the second second of
/// the fault, and opens again within half a minute of its end.
const OBJECTIVE: &str = "99%";

/// The limit of the dispatch bulkhead: small enough that a stalled peer fills it at this load.
const IN_FLIGHT: usize = 6;

/// The default stacks except for that bulkhead. Only the period is scaled.
pub(super) fn config(database: &Path) -> Config {
    let mut config = Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        database: database.to_owned(),
        objective: OBJECTIVE.parse().expect("an objective"),
        period: PERIOD,
        ..Config::default()
    };
    config.dispatch.attempt.bulkhead = config.dispatch.attempt.bulkhead.limit(IN_FLIGHT);
    config
}

pub(super) fn introduce(screen: &Screen, server: &Server, pace: Pace) {
    let (address, load) = (server.address(), pace.per_second);
    screen.say(&format!(
        "conductor on http://{address}, with a peer in this process and a\n\
         temporary database\n\
         load: {load} requests a second, open loop; two of three post a run, one reads one\n\
         SLO: {OBJECTIVE} good, windows scaled by 720: a month is an hour, \"1h\" is 5 s\n\
         figures: breaker, calls in flight and their limit, retries that the budget\n\
         allows; burn rates of the error budget over \"1h\", \"6h\" and \"24h\"; the gate;\n\
         queued runs in the outbox"
    ));
}
