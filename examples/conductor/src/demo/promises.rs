//! The promises of the demo. It exits with 0 only if all of them were kept.

use std::fmt::Display;

use thiserror::Error;

use super::acts::Act;
use super::tally::Tally;
use crate::StartError;

/// A promise of the demo that was not kept.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct Broken(#[from] What);

#[derive(Debug, Error)]
pub(super) enum What {
    #[error("the demo's service: {0}")]
    Service(#[from] StartError),
    #[error(
        "the demo needs a directory for its database: {0}; point TMPDIR at one that can be written"
    )]
    Scratch(std::io::Error),
    #[error("the demo's lock on the database: {0}")]
    Lock(rusqlite::Error),
    #[error("the demo broke a promise: {0}")]
    Promise(String),
}

// === impl Broken ===

impl Broken {
    pub(super) fn scratch(error: std::io::Error) -> Self {
        What::Scratch(error).into()
    }

    pub(super) fn lock(error: rusqlite::Error) -> Self {
        What::Lock(error).into()
    }

    pub(super) fn promise(what: impl Display) -> Self {
        What::Promise(what.to_string()).into()
    }
}

impl From<StartError> for Broken {
    fn from(error: StartError) -> Self {
        What::Service(error).into()
    }
}

/// Checks all promises, the most important first.
pub(super) fn kept(phases: &[Tally], accepted: usize, delivered: usize) -> Result<(), Broken> {
    let promise = |holds: bool, otherwise: String| {
        if holds {
            Ok(())
        } else {
            Err(Broken::promise(otherwise))
        }
    };
    let phase = |name: &str| phases.iter().find(|tally| tally.name == name);
    let lost = accepted - delivered;
    promise(
        lost == 0,
        format!("{lost} of {accepted} accepted runs never reached the peer"),
    )?;
    promise(accepted > 0, "no run was accepted".into())?;
    for act in Act::ALL {
        let name = act.name();
        let tally = phase(name).ok_or_else(|| Broken::promise(format!("no phase {name}")))?;
        let breaker = act.breaker();
        promise(
            act.has_opened(tally),
            format!("the breaker {breaker} did not open in phase {name}"),
        )?;
        let otherwise = match act {
            Act::StoreLocked => format!("the gate refused no run in phase {name}"),
            _ => format!("no run was queued in phase {name}"),
        };
        promise(act.has_held_back(tally), otherwise)?;
    }
    let any = |what: &str| phases.iter().any(|tally| tally.entered(what));
    promise(
        any("gate open"),
        "the gate refused runs and did not open again".into(),
    )?;
    let refused: u32 = phases.iter().map(|tally| tally.reads_refused).sum();
    promise(refused == 0, format!("the gate refused {refused} reads"))
}
