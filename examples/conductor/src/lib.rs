#![doc = include_str!("../README.md")]

mod api;
mod cache;
mod cli;
mod conductor;
mod config;
mod connections;
mod controls;
mod demo;
mod dependency;
mod dispatch;
mod metrics;
mod outbox;
mod outcomes;
mod peer;
mod readiness;
mod rejection;
mod run;
mod server;
mod slo;
mod spec;
mod stacks;
mod start;
mod store;
mod watch;

pub use cli::{Cli, Command};
pub use config::{Attempt, Config, Tuning};
pub use demo::{Broken, demo};
pub use peer::{Fault, Peer};
pub use server::Server;
pub use start::StartError;
