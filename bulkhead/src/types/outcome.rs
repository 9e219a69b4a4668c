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
