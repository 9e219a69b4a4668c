//! Error types in which a classifier sees rejections by other layers.

use std::{borrow::Cow, error::Error, ops::DerefMut};

use super::rejection::is_rejection;

/// An error type in which a classifier sees a rejection by another layer, which says nothing about the service.
///
/// A rejection has, or was caused by an error that has, the last source `do not retry here`, as the errors of an open
/// circuit breaker or a full bulkhead do.
///
/// You rarely name this trait. It is implemented for every [`Error`], for owners of a `dyn Error + Send + Sync` such as
/// tower's `BoxError`, and for some types that are no errors but stand for one in short programs. Implement it for a type
/// of your own that is not an `Error`: `impl MayReject for Failed {}`.
///
/// `M` says which of these it is, because a type could be of two kinds for all that the compiler knows. The compiler
/// infers it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Error`, so this layer cannot see which errors are rejections by other layers",
    label = "the classifier asks whether an error of this type is a rejection",
    note = "implement `std::error::Error` for `{Self}`, or `MayReject` if it is never a rejection,",
    note = "or decide by a closure what counts: `failure_if(Result::is_err)` of a circuit breaker, `retry_if(Result::is_err)` of a retry,",
    note = "or, where the type of the classifier is written out and the error is a `Box`, name its kind, `Boxed`: `IgnoreRejections<Boxed>`"
)]
pub trait MayReject<M = ()> {
    /// Whether this is a rejection.
    fn is_rejection(&self) -> bool {
        false
    }
}

/// The `M` of [`MayReject`] for owners of a `dyn Error + Send + Sync`: a `Box`, or such as `anyhow::Error`.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Boxed;

/// The `M` of [`MayReject`] for single types: text, numbers, `()` and boxed errors that are not `Send + Sync`.
#[derive(Clone, Copy, Debug, Default)]
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
