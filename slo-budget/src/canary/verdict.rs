//! The answer about a release.

use std::fmt;

use super::{evidence::Evidence, reason::Reason};

/// What to do with a release now, with the reasons and the numbers. Its `Display` is a sentence.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[must_use = "a verdict changes nothing until it is followed"]
pub enum Verdict {
    /// Go on to the next step: raise its share of the requests and call [`Canary::advance`](crate::Canary::advance).
    Promote(Promotion),
    /// Keep the current share.
    Hold(Hold),
    /// Return to the baseline.
    RollBack(RollBack),
}

/// The release was shown to be good.
#[derive(Clone, Debug, PartialEq)]
pub struct Promotion {
    pub(super) to: u8,
    pub(super) reasons: Vec<Reason>,
    pub(super) evidence: Evidence,
}

/// Nothing has been shown yet, or something prevents a promotion.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    pub(super) if_none_fails: Option<u64>,
    pub(super) at_this_rate: Option<u64>,
    pub(super) reasons: Vec<Reason>,
    pub(super) evidence: Evidence,
}

/// The release was shown to be bad, or was not shown to be good in time.
#[derive(Clone, Debug, PartialEq)]
pub struct RollBack {
    pub(super) reasons: Vec<Reason>,
    pub(super) evidence: Evidence,
}

impl Verdict {
    /// The reasons, at least one.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Promote(Promotion { reasons, .. })
            | Self::Hold(Hold { reasons, .. })
            | Self::RollBack(RollBack { reasons, .. }) => reasons,
        }
    }

    /// The numbers behind it.
    #[must_use]
    pub const fn evidence(&self) -> &Evidence {
        match self {
            Self::Promote(Promotion { evidence, .. })
            | Self::Hold(Hold { evidence, .. })
            | Self::RollBack(RollBack { evidence, .. }) => evidence,
        }
    }

    /// Whether it is [`Promote`](Self::Promote).
    #[must_use]
    pub const fn is_promote(&self) -> bool {
        matches!(self, Self::Promote(_))
    }

    /// Whether it is [`Hold`](Self::Hold).
    #[must_use]
    pub const fn is_hold(&self) -> bool {
        matches!(self, Self::Hold(_))
    }

    /// Whether it is [`RollBack`](Self::RollBack).
    #[must_use]
    pub const fn is_roll_back(&self) -> bool {
        matches!(self, Self::RollBack(_))
    }
}

impl Promotion {
    /// The next share of requests, in per cent. The last is 100.
    #[must_use]
    pub const fn to(&self) -> u8 {
        self.to
    }
}

impl Hold {
    /// The number of further requests of the canary that show its errors to be within the guard if none of them fails: 0 if
    /// that is shown already. `None` if 10^12 are not enough.
    #[must_use]
    pub const fn if_none_fails(&self) -> Option<u64> {
        self.if_none_fails
    }

    /// An estimate of the further requests of the canary until it is promoted, if the errors and the latency of both arms
    /// continue as in this step. `None` if it is never promoted at this rate, or if that is not known yet.
    #[must_use]
    pub const fn at_this_rate(&self) -> Option<u64> {
        self.at_this_rate
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Promote(Promotion { to, .. }) => write!(f, "promote to {to} %: ")?,
            Self::Hold(_) => f.write_str("hold: ")?,
            Self::RollBack(_) => f.write_str("roll back: ")?,
        }
        for (n, reason) in self.reasons().iter().enumerate() {
            f.write_str(if n == 0 { "" } else { "; " })?;
            reason.fmt(f)?;
        }
        let Self::Hold(hold) = self else {
            return Ok(());
        };
        match hold.if_none_fails {
            Some(0) => {}
            Some(needed) => write!(
                f,
                "; within the guard after {needed} further requests, if none fails"
            )?,
            None => f.write_str("; no number of requests shows it to be within the guard")?,
        }
        match hold.at_this_rate {
            Some(needed) if needed > 0 => {
                write!(f, "; promoted after about {needed} at this rate")
            }
            _ => Ok(()),
        }
    }
}
