//! The HTTP side.

mod health;
mod problem;
mod routes;
mod runs;
mod slo;

pub(crate) use self::routes::routes;
