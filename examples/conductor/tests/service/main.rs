//! Tests of the conductor over real sockets, with free ports, separate databases and real faults.

mod admission;
mod bounds;
mod client;
mod connections;
mod durability;
mod faults;
mod figures;
mod gate;
mod hosts;
mod log;
mod outbox;
mod process;
mod raw;
mod readiness;
mod rows;
mod runs;
mod schema;
mod sockets;
mod stage;
mod start;
