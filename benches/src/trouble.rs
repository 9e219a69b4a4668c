use std::{error::Error, fmt};

use maestro_bulkhead::Full;
use maestro_circuit_breaker::Open;
use maestro_slo_budget::Spent;
use maestro_timeout::Elapsed;

/// The error of every measured stack: an enum with a variant for each rejection, as services have it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// The inner service failed, as the row requires.
    Failed,
    /// The circuit breaker rejected.
    Open(Open),
    /// The bulkhead refused.
    Full(Full),
    /// The timeout gave up.
    Elapsed(Elapsed),
    /// The gate refused.
    Spent(Spent),
}

impl From<Open> for Trouble {
    fn from(open: Open) -> Self {
        Self::Open(open)
    }
}

impl From<Full> for Trouble {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}

impl From<Elapsed> for Trouble {
    fn from(elapsed: Elapsed) -> Self {
        Self::Elapsed(elapsed)
    }
}

impl From<Spent> for Trouble {
    fn from(spent: Spent) -> Self {
        Self::Spent(spent)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed => f.write_str("the inner service failed"),
            Self::Open(open) => open.fmt(f),
            Self::Full(full) => full.fmt(f),
            Self::Elapsed(elapsed) => elapsed.fmt(f),
            Self::Spent(spent) => spent.fmt(f),
        }
    }
}

impl Error for Trouble {}
