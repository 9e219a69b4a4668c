//! Measures what the layers add to an HTTP request over loopback:
//!
//! ```sh
//! cargo run --profile bench -p maestro-benches --features loopback --bin request
//! ```
//!
//! A server of axum has a thread, and a client of hyper-util another one. Their connections are kept alive. The layers stand in
//! the recommended order around the routes, around the client, or around both.
//!
//! # Modes
//!
//! * `bare`: a router with one route, and a client with a pool of connections.
//! * `server`: the order of the guide for a server. Each layer but the body timeout ends with the head of the response.
//! * `client`: gate, error budget, limit of the call, retry with a budget, breaker, limit of an attempt, and bulkhead, with their
//!   default classifiers.
//! * `both`: both of them.
//! * `…, until body end`: the same layers. They read HTTP statuses, count a call until its body has ended, limit the pauses of
//!   the body, and pass the deadline of the call on to the server.
//! * `server, an empty layer`: a layer of axum that does nothing. It boxes a future for each request.
//! * `client, a timeout of tower`: one layer that is not ours, and arms a timer for each request.
//!
//! The client clones its stack for each request, as a handler does.
//!
//! # How it measures
//!
//! A round sends one block of requests in each mode, in random order. The bare server and the bare client have two blocks in
//! it. The difference of a mode is its block minus the first bare block of the same round, so that what slows the machine down
//! for longer than a round cancels out. The program prints the median over all rounds, and its interval of 95 %.
//!
//! The second bare block shows the noise: a difference as small as that between the two means nothing.
//!
//! Two figures are measured. The *latency* is the time from the call of the stack to the end of the body, as its caller sees it.
//! The *processor time* is that of both threads, with the share of the kernel. It does not include the time in which a thread
//! waits to be woken. With several connections the threads are always busy, and each request waits for the others: the latency,
//! and what the layers add to it, is that of all of them.

mod arguments;
mod block;
mod client;
mod modes;
mod rounds;
mod server;
mod statistics;
mod table;

#[cfg(test)]
mod tests;

use std::{fs, time::Duration};

use clap::Parser;
use maestro_benches::exact_clock;
use tower::BoxError;

use crate::{
    arguments::{Arguments, Command},
    block::Load,
    modes::Modes,
    rounds::measure,
    table::Report,
};

fn main() -> Result<(), BoxError> {
    let arguments = Arguments::parse();
    exact_clock()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let modes = Modes::start()?;
    if let Some(Command::Run { mode, requests }) = &arguments.command {
        return runtime.block_on(modes.run(mode, *requests));
    }
    let time =
        Duration::try_from_secs_f64(arguments.seconds)? / arguments.connections.len().try_into()?;
    let mut measured = Vec::new();
    for &connections in &arguments.connections {
        measured.push(runtime.block_on(measure(&modes, Load::of(connections), time))?);
    }
    let report = Report::new(measured);
    print!("{report}");
    if let Some(path) = &arguments.json {
        let json = serde_json::to_string_pretty(&report)?;
        fs::write(path, json + "\n").map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
