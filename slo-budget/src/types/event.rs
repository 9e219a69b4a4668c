/// What one event means for the objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// It met the objective.
    Good,
    /// It did not, and consumes budget.
    Bad,
    /// It says nothing about the objective (a bad request, a health check) and is not counted at all.
    Excluded,
}
