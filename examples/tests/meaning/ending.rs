//! How gRPC calls end.

use std::fmt;

/// How a gRPC call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The head has the code, and nothing follows.
    TrailersOnly,
    /// The head is followed by trailers with the code.
    TrailersAtOnce,
    /// One message, then trailers with the code.
    TrailersAfterData,
    /// One message. At [`Server::cut`](crate::server::Server::cut) the stream is reset.
    ResetAfterData,
    /// One message. At [`Server::cut`](crate::server::Server::cut) the connection is closed.
    ClosedAfterData,
    /// The head. At [`Server::cut`](crate::server::Server::cut) the stream is reset.
    ResetAfterHead,
    /// The connection is closed instead of an answer.
    ClosedAtOnce,
    /// One message. The stream does not end.
    GoesOn,
    /// No answer.
    Hangs,
}

impl Ending {
    pub(crate) const ALL: [Self; 9] = [
        Self::TrailersOnly,
        Self::TrailersAtOnce,
        Self::TrailersAfterData,
        Self::ResetAfterData,
        Self::ClosedAfterData,
        Self::ResetAfterHead,
        Self::ClosedAtOnce,
        Self::GoesOn,
        Self::Hangs,
    ];

    /// Those that a service of tonic can make.
    pub(crate) const OF_TONIC: [Self; 4] = [
        Self::TrailersOnly,
        Self::TrailersAfterData,
        Self::GoesOn,
        Self::Hangs,
    ];

    /// Whether the code reaches the client.
    pub(crate) const fn has_code(self) -> bool {
        matches!(
            self,
            Self::TrailersOnly | Self::TrailersAtOnce | Self::TrailersAfterData
        )
    }

    /// Whether a message comes before the end.
    pub(crate) const fn has_data(self) -> bool {
        matches!(
            self,
            Self::TrailersAfterData | Self::ResetAfterData | Self::ClosedAfterData | Self::GoesOn
        )
    }

    /// Whether the call ends at [`Server::cut`](crate::server::Server::cut), after its message.
    pub(crate) const fn is_cut_after_data(self) -> bool {
        matches!(self, Self::ResetAfterData | Self::ClosedAfterData)
    }

    /// Whether the server ends the call.
    pub(crate) const fn has_end(self) -> bool {
        !matches!(self, Self::GoesOn | Self::Hangs)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
