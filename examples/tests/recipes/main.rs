//! Stacks to copy, one for each client or server, with tests of what `GUIDE.md` says about them. Each file begins with its
//! stack.

mod axum;
mod hyper;
mod postgres;
mod redis;
mod refusing;
mod reqwest;
mod tonic;

// The servers of the tests of meanings, which use more of them.
#[path = "../meaning/client.rs"]
#[expect(dead_code, reason = "the recipes make single calls only")]
mod client;
#[path = "../meaning/ending.rs"]
#[expect(dead_code, reason = "the recipes do not ask about an ending")]
mod ending;
#[path = "../meaning/server.rs"]
#[expect(
    dead_code,
    reason = "the recipes do not count on the side of the server"
)]
mod server;

#[path = "../servers/mod.rs"]
#[expect(dead_code, reason = "only PostgreSQL is started")]
mod servers;
