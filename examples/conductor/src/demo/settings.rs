//! The demo's service: the same stacks, with shorter times.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use super::acts::Pace;
use super::screen::Screen;
use crate::{Config, Server};

/// A month of the budget in an hour, and so its "1 h" in 5 s and its "5 m" in 0.4 s.
const PERIOD: Duration = Duration::from_hours(1);
/// One in a hundred may fail. At 99.9 % the faults of one minute would spend the budget of a whole
/// period, and the gate would be right to stay closed for the rest of it.
const OBJECTIVE: &str = "99%";

/// Less than a stalled peer fills at this load, so that the bulkhead is seen at work.
const IN_FLIGHT: usize = 6;

/// The stacks as they are outside, but for that bulkhead; only what is measured in days is scaled.
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
        "conductor on http://{address}, with a peer and a database of its own\n\
         load: {load} requests a second, open loop; two of three post a run, one reads one\n\
         SLO: {OBJECTIVE} good, windows scaled by 720: a month is an hour, \"1 h\" is 5 s\n\
         burn rates below are over \"1 h\", \"6 h\" and \"24 h\""
    ));
}
