//! A run: what was asked, and how far it has come.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::spec::RunSpec;

/// The name of a run. Version 7, so that ids sort by the time they were given out and a list needs
/// no second column to page by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(crate) struct RunId(Uuid);

/// How far a run has come. It only ever moves from `Queued` to one of the other two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Stored, and not yet taken by the dispatch API.
    Queued,
    /// Taken by the dispatch API.
    Dispatched,
    /// The dispatch API said that it will never take it: 400, 409, 413 or 422.
    Refused,
}

/// A run as it is stored and as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) status: Status,
    pub(crate) created_at: Timestamp,
    /// When it left the queue.
    pub(crate) settled_at: Option<Timestamp>,
    pub(crate) spec: RunSpec,
    /// The `Idempotency-Key` the client sent with it.
    #[serde(skip)]
    pub(crate) client_key: Option<String>,
}

// === impl RunId ===

impl RunId {
    pub(crate) fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// Reads an id in any of the usual spellings; `None` is "no such run".
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Uuid::parse_str(text).ok().map(Self)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl Status ===

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Dispatched => "dispatched",
            Self::Refused => "refused",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::Dispatched, Self::Refused]
            .into_iter()
            .find(|s| s.as_str() == text)
    }
}

// === impl Run ===

impl Run {
    pub(crate) fn new(spec: RunSpec, client_key: Option<String>) -> Self {
        Self {
            id: RunId::new(),
            status: Status::Queued,
            created_at: Timestamp::now(),
            settled_at: None,
            spec,
            client_key,
        }
    }

    /// The same run, out of the queue.
    pub(crate) fn settled(&self, status: Status, at: Timestamp) -> Self {
        Self {
            status,
            settled_at: Some(at),
            ..self.clone()
        }
    }
}
