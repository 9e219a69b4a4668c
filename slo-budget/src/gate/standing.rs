//! What requests follow, packed into words that a check loads.

use crate::gate::{
    Reasons,
    law::{Figures, Law, WHOLE},
};

/// What requests follow, in one word: the admitted share, the time to try again, and the reasons.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing(pub(super) u64);

/// The share has 20 bits, the seconds 8 at 32, the reasons 16 at 48.
impl Standing {
    pub(super) const OPEN: Self = Self(WHOLE as u64);

    pub(super) const fn new(share: u32, reasons: Reasons, seconds: u8) -> Self {
        Self((reasons.bits() as u64) << 48 | (seconds as u64) << 32 | share as u64)
    }

    /// The admitted share, in millionths.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    pub(super) const fn share(self) -> u32 {
        self.0 as u32
    }

    /// How long the rise to the whole share takes, in seconds.
    pub(super) const fn seconds(self) -> u64 {
        self.0 >> 32 & 0xff
    }

    /// The reasons with their numbers.
    pub(super) const fn reasons(self, figures: Figures) -> Reasons {
        Reasons::new((self.0 >> 48) as u16, self.share(), figures)
    }
}

/// What the policy says.
pub(super) fn decided(law: &Law, strict: Reasons, floor: u32) -> Standing {
    let reasons = if law.share() < WHOLE {
        strict.with_burning()
    } else {
        strict
    };
    let share = if strict.is_empty() {
        law.share()
    } else {
        law.share().min(floor)
    };
    Standing::new(share, reasons, Law::rise(law.share()))
}

pub(super) const fn pack(figures: Figures) -> u64 {
    (figures.pace as u64) << 32 | figures.burn as u64
}

#[expect(clippy::cast_possible_truncation, reason = "the halves")]
pub(super) const fn unpack(word: u64) -> Figures {
    Figures {
        pace: (word >> 32) as u32,
        burn: word as u32,
    }
}
