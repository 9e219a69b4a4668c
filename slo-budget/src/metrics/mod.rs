//! Feature `metrics`: figures for a recorder, published when the user asks.
//!
//! The figures of a budget change with time: a window moves while no request comes. So gauges are set by
//! `publish_metrics`, which the user calls before each scrape, and are never older than the scrape. Counters are published
//! there too, by what is new since the last time. An event costs nothing more, and the counters of many threads stay
//! apart.
//!
//! No handles are kept. A look-up in the recorder costs little once a scrape, and a recorder may be installed late or
//! replaced.
//!
//! Rejected: a counter of the recorder for each event, which all threads would write; gauges that are set by events or by
//! the decisions of a gate, which would keep their last value when the traffic ends; a task that sets them.

mod alerts;
mod budget;
#[cfg(feature = "family")]
mod family;
mod gate;
mod series;

use series::{Metric, Series};
