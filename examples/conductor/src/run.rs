//! A run: its specification and its status.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::spec::RunSpec;

/// The id of a run. A UUID of version 7: ids sort by creation time, so a list needs no second column for its cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(crate) struct RunId(Uuid);

/// The status of a run. It changes once, from `Queued` to one of the other two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Stored, not yet taken by the dispatch API.
    Queued,
    /// Taken by the dispatch API.
    Dispatched,
    /// The dispatch API will never take it: it answered 400, 409, 413 or 422.
    Refused,
}

/// A run as it is stored and as responses contain it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) status: Status,
    pub(crate) created_at: Timestamp,
    /// The time at which it left the queue.
    pub(crate) settled_at: Option<Timestamp>,
    pub(crate) spec: RunSpec,
    /// The `Idempotency-Key` that the client sent.
    #[serde(skip)]
    pub(crate) client_key: Option<String>,
}

// === impl RunId ===

impl RunId {
    pub(crate) fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// Parses an id in any usual notation. The caller treats `None` as "no such run".
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

    /// The bytes of a run in memory: its texts, and 256 for the rest of it and for the entry that holds it.
    pub(crate) fn bytes(&self) -> usize {
        let key = self.client_key.as_ref().map_or(0, String::len);
        self.spec.as_str().len() + key + 256
    }

    /// The same run, after it has left the queue.
    pub(crate) fn settled(&self, status: Status, at: Timestamp) -> Self {
        Self {
            status,
            settled_at: Some(at),
            ..self.clone()
        }
    }
}
