//! The HTTP API: routes, handlers and error bodies.

mod arrival;
mod health;
mod host;
mod problem;
mod routes;
mod runs;
mod slo;

pub(crate) use self::routes::routes;
