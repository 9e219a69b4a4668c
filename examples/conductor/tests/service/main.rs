//! The conductor over real sockets: free ports, databases of their own, real faults.

mod client;
mod connections;
mod durability;
mod faults;
mod figures;
mod gate;
mod process;
mod runs;
mod stage;
mod start;
