/// What one event means for the objective.
#[doc(alias = "SLI")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Event {
    /// It met the objective.
    Good,
    /// It did not meet the objective, and consumes budget.
    Bad,
    /// It says nothing about the objective, such as a malformed request or a health check, and is not counted.
    Excluded,
}

#[cfg(feature = "http")]
impl From<super::meaning::Meaning> for Event {
    /// The column of the objective in `meaning.md`.
    fn from(meaning: super::meaning::Meaning) -> Self {
        use super::meaning::Meaning;
        match meaning {
            Meaning::Done => Self::Good,
            // The caller decides about these. Good, a flood of them would hide an outage; bad, it would spend the budget.
            Meaning::Cancelled | Meaning::Stalled | Meaning::Throttled => Self::Excluded,
            // Also of a rejection: the work that was asked for is not done.
            Meaning::Rejected | Meaning::Unavailable | Meaning::Late | Meaning::Fault => Self::Bad,
        }
    }
}
