/// What one event means for the objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// It met the objective.
    Good,
    /// It did not meet the objective, and consumes budget.
    Bad,
    /// It says nothing about the objective, such as a malformed request or a health check, and is not counted.
    Excluded,
}
