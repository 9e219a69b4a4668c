//! The report: as Markdown, and for machines.

use std::fmt;

use serde::Serialize;

use crate::{
    modes::{BARE, BARE_AGAIN},
    rounds::{Compared, Measured},
    statistics::Estimate,
};

/// All figures.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    compiler: &'static str,
    measured: Vec<Measured>,
}

// === impl Report ===

impl Report {
    pub(crate) fn new(measured: Vec<Measured>) -> Self {
        Self {
            compiler: env!("MAESTRO_COMPILER"),
            measured,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "What the layers add to a request over loopback, in µs, with intervals of 95 %. A difference as small as that of \
             `{BARE_AGAIN}` means nothing. Compiler: {}.",
            self.compiler
        )?;
        for measured in &self.measured {
            write!(f, "\n{measured}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "In flight: {}. Rounds: {}, of {} requests in each mode.\n\n\
             | layers | latency | more | % | processor time | more | % |\n\
             |---|--:|--:|--:|--:|--:|--:|",
            self.connections, self.rounds, self.requests
        )?;
        writeln!(
            f,
            "| {BARE} | {:.2} | | | {:.2} | | |",
            self.bare.latency, self.bare.processor_time
        )?;
        for figures in &self.modes {
            write!(f, "| {} |", figures.mode)?;
            for compared in [figures.latency, figures.processor_time] {
                let Compared {
                    micros,
                    more,
                    percent,
                } = compared;
                write!(f, " {micros:.2} | {more} | {percent} |")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, low, high } = self;
        write!(f, "{median:+.2} ({low:+.2} to {high:+.2})")
    }
}
