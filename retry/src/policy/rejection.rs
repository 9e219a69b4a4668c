//! Rejections by other layers, which are not retried by default.

use std::{
    borrow::Cow,
    error::Error,
    fmt::{self, Write as _},
    ops::DerefMut,
};

/// The text of the last source of a rejection.
const NO_RETRY: &str = "do not retry here";

/// No chain of sources is this long, unless it is a circle.
const LONGEST_CHAIN: usize = 64;

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
    let mut last = error;
    for _ in 0..LONGEST_CHAIN {
        match last.source() {
            Some(source) => last = source,
            None => return size_of_val(last) == 0 && has_text(last, NO_RETRY),
        }
    }
    false
}

/// An error type in which the default classifier sees a [rejection](is_rejection) by another layer.
///
/// You rarely name it. It is implemented for every [`Error`], for owners of a `dyn Error + Send + Sync` such as tower's
/// `BoxError`, and for some types that are no errors but stand for one in short programs.
///
/// `M` says which of these it is, because a type could be of two kinds for all that the compiler knows. The compiler
/// infers it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Error`, so the retry layer cannot see which errors are rejections by other layers",
    label = "the default classifier retries errors that are no rejections",
    note = "implement `std::error::Error` for `{Self}`,",
    note = "or say what is retried: `RetryPolicy::retry_if(Result::is_err)` retries every `Err`"
)]
pub trait MayReject<M = ()> {
    /// Whether this is a [rejection](is_rejection).
    fn is_rejection(&self) -> bool {
        false
    }
}

/// The `M` of [`MayReject`] for owners of a `dyn Error + Send + Sync`: a `Box`, or such as `anyhow::Error`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Boxed;

/// The `M` of [`MayReject`] for single types: text, numbers, `()` and boxed errors that are not `Send + Sync`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Listed;

impl<E: Error + 'static> MayReject for E {
    fn is_rejection(&self) -> bool {
        is_rejection(self)
    }
}

// Not `Deref`: an `Arc` of an error is an error itself, and would be of two kinds.
impl<E: DerefMut<Target = dyn Error + Send + Sync>> MayReject<Boxed> for E {
    fn is_rejection(&self) -> bool {
        is_rejection(&**self)
    }
}

impl MayReject<Listed> for Box<dyn Error> {
    fn is_rejection(&self) -> bool {
        is_rejection(&**self)
    }
}

impl MayReject<Listed> for Box<dyn Error + Send> {
    fn is_rejection(&self) -> bool {
        is_rejection(&**self)
    }
}

macro_rules! never_reject {
    ($($type:ty)*) => {$(
        impl MayReject<Listed> for $type {}
    )*};
}

never_reject!(() bool char &str String Cow<'_, str> i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

/// Whether `value` is displayed as `text`.
fn has_text(value: &dyn Error, text: &str) -> bool {
    let mut rest = Rest(text);
    write!(rest, "{value}").is_ok() && rest.0.is_empty()
}

/// The part of a text that has not been written yet.
struct Rest<'a>(&'a str);

impl fmt::Write for Rest<'_> {
    fn write_str(&mut self, written: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(written).ok_or(fmt::Error)?;
        Ok(())
    }
}
