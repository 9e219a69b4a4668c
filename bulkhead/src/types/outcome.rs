/// What the result of a call says about the load of the service behind the bulkhead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The service had capacity for this call.
    Success,
    /// The service, or something on the way to it, is overloaded.
    Overload,
    /// Nothing about load: a bad request, or a rejection by an inner layer.
    Ignored,
}

#[cfg(feature = "http")]
impl From<super::Meaning> for Outcome {
    /// The column of the bulkhead in the table of `meaning.md`.
    fn from(meaning: super::Meaning) -> Self {
        use super::Meaning;
        match meaning {
            Meaning::Done => Self::Success,
            Meaning::Throttled | Meaning::Unavailable | Meaning::Late => Self::Overload,
            // The request stalled because of the caller. A fault may come faster or later than a healthy answer.
            Meaning::Cancelled | Meaning::Rejected | Meaning::Stalled | Meaning::Fault => {
                Self::Ignored
            }
        }
    }
}
