//! Measures what the layers add to an HTTP request over loopback:
//!
//! ```sh
//! cargo run --profile bench -p maestro-benches --features loopback --bin request
//! ```
//!
//! A server of axum has a thread, and a client of hyper-util another one. Their connections are kept alive. The layers stand in
//! the recommended order around the routes, around the client, or around both.
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
//! waits to be woken, which is half of the latency of a single connection. With several connections the threads are always
//! busy, and each request waits for the others: the latency, and what the layers add to it, is that of all of them.

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
