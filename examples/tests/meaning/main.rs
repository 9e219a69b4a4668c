//! What responses mean to the five layers, over real sockets: the table that the crates publish (`src/meaning.md`), row
//! by row. `tests/recipes` has stacks to copy.
//!
//! Nothing here waits for a clock. A call without an end ends by an event, or by a paused clock.

mod answers;
mod classifiers;
mod client;
mod ending;
mod grpc;
mod http;
mod layers;
mod server;
mod table;
