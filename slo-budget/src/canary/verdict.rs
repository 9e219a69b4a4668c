use std::fmt;

use crate::canary::{Evidence, Reason};

/// What is to be done with a release now, why, and by which numbers. Its `Display` is a sentence.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[must_use = "a verdict is there to be followed"]
pub enum Verdict {
    /// On to the next step: send it that share of the requests, and call [`Canary::advance`](crate::Canary::advance).
    Promote(Promotion),
    /// Leave everything as it is.
    Hold(Hold),
    /// Back to the baseline.
    RollBack(RollBack),
}

/// It has been shown to be good.
#[derive(Clone, Debug, PartialEq)]
pub struct Promotion {
    pub(crate) to: u8,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) evidence: Evidence,
}

/// Nothing has been shown yet, or something is in the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    pub(crate) if_none_fails: Option<u64>,
    pub(crate) at_this_rate: Option<u64>,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) evidence: Evidence,
}

/// It has been shown to be bad, or was not shown to be good in time.
#[derive(Clone, Debug, PartialEq)]
pub struct RollBack {
    pub(crate) reasons: Vec<Reason>,
    pub(crate) evidence: Evidence,
}

impl Verdict {
    /// Why, at least one reason.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Promote(Promotion { reasons, .. })
            | Self::Hold(Hold { reasons, .. })
            | Self::RollBack(RollBack { reasons, .. }) => reasons,
        }
    }

    /// The numbers it was made of.
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
    /// The share of requests that it may have now, in per cent: 100 is the last.
    #[must_use]
    pub const fn to(&self) -> u8 {
        self.to
    }
}

impl Hold {
    /// How many further requests of the canary are needed until its errors are shown to be within the guard, if none of
    /// them fails: 0 where they are. `None` where 10^12 are not enough.
    #[must_use]
    pub const fn if_none_fails(&self) -> Option<u64> {
        self.if_none_fails
    }

    /// About how many further requests of the canary are needed until it is promoted, if errors and latency of both
    /// sides go on as in this step so far: an extrapolation. `None` where it never is at this rate, or that cannot be said
    /// yet.
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
