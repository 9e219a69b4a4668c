use std::error::Error;

use crate::types;

/// Whether `error` is, or was caused by, a rejection that is not to be retried here: the last error of its chain of
/// sources is of a type without fields, and has the text `do not retry here`.
///
/// A layer that rejects a call, such as an open circuit breaker, knows that the call would be rejected again. Its error
/// says so by this convention, and neither crate depends on the other. The errors of the sibling crates do: `Open`, `Full`,
/// `Spent`, and `Elapsed` if the deadline of the whole call has passed (but not if only the attempt took too long).
///
/// The default classifier and [`RetryHttp`](crate::RetryHttp) ask it. A closure given to
/// [`retry_if`](crate::RetryPolicy::retry_if) or [`classify`](crate::RetryPolicy::classify) decides alone, and may ask it
/// too.
///
/// [`MayReject::is_rejection`](crate::MayReject::is_rejection) asks the same as a method of the error. The sibling crate
/// `maestro-circuit-breaker` has only that method, in its own `MayReject`.
///
/// It follows up to 64 sources and allocates nothing. A type without fields has no text from a peer, which could otherwise
/// forbid retries, and no other error need be formatted.
///
/// # Examples
///
/// An error of your own that follows the convention:
///
/// ```
/// use std::{error::Error, fmt};
/// use maestro_retry::is_rejection;
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("do not retry here")]
/// struct NoRetry;
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("the tenant has used up its quota")]
/// struct OverQuota(#[source] NoRetry);
///
/// assert!(is_rejection(&OverQuota(NoRetry)));
/// assert!(is_rejection(&std::io::Error::other(OverQuota(NoRetry))));
/// assert!(!is_rejection(&fmt::Error));
/// ```
#[must_use]
pub fn is_rejection(error: &(dyn Error + 'static)) -> bool {
    types::is_rejection(error)
}
