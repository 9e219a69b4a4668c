//! The arguments.

use std::path::PathBuf;

use clap::{Parser, Subcommand, value_parser};

/// Measures what the layers add to an HTTP request over loopback, and prints Markdown.
///
/// Each round sends one block of requests in each mode: without layers, with the layers of the server, with those of the
/// client, and with both. Where a name ends with `until body end`, the layers read HTTP statuses, count a call until its body
/// has ended, and pass the deadline on to the server. The figures are medians over the rounds, and their intervals of 95 %.
///
/// The mode `bare, again` shows the noise of the machine. `server, an empty layer` is a layer of axum that does nothing, and
/// `client, a timeout of tower` one layer that is not ours.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    /// How long to measure. There are at least ten rounds.
    #[arg(long, default_value_t = 50.0, value_parser = seconds)]
    pub(crate) seconds: f64,
    /// How many requests are in flight at once. One table is printed for each number.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16], value_parser = value_parser!(u32).range(1..=64))]
    pub(crate) connections: Vec<u32>,
    /// Also writes the figures to this file.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sends requests in one mode over one connection, after a tenth as many to warm up. For a profiler: prints nothing.
    Run {
        /// The name of the mode, as the table has it.
        mode: String,
        requests: u32,
    },
}

/// At most an hour.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=3600.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("not in 0 to 3600".to_owned())
    }
}
