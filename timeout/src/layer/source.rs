use crate::{
    observe::Watch,
    timeout::Timeout,
    types::{Label, Nanos},
};

/// Where a [`TimeoutLayer`](crate::TimeoutLayer) finds the timeout of a request: a [`Timeout`], or a family with the key of the
/// request (`Timeouts::by`, feature `family`).
///
/// Sealed.
pub trait Source<Req>: Sealed {
    /// Whether the time counts for which the service is not ready. There is no request at that time.
    #[doc(hidden)]
    fn counts_readiness(&self) -> bool;

    /// What the timeout says to a call that begins now.
    #[doc(hidden)]
    fn terms(&self, request: &Req) -> Terms;
}

/// What a [`TimeoutLayer`](crate::TimeoutLayer) is made of: a [`Timeout`], a [`Duration`](std::time::Duration), or a family with
/// the key of a request (`Timeouts::by`, feature `family`).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a timeout",
    label = "a `TimeoutLayer` cannot be made of this",
    note = "build it: `Timeout::builder()` ends with `.build(\"name\")`,",
    note = "of a family choose the member: `timeouts.by(|request| ...)`,",
    note = "of a handle behind a reference take a clone: it shares the limit"
)]
pub trait IntoSource {
    /// Where the layer finds the timeout of a request.
    type Source;

    /// Returns it.
    fn into_source(self) -> Self::Source;
}

/// What a timeout says to a call that begins now.
#[expect(unnameable_types, reason = "of a sealed trait")]
#[derive(Debug)]
pub struct Terms {
    pub(super) label: Label,
    pub(super) limit: Nanos,
    pub(super) watch: Watch,
}

#[expect(unnameable_types, reason = "this is what seals `Source`")]
pub trait Sealed {}

impl Terms {
    #[inline]
    pub(crate) fn of(timeout: &Timeout) -> Self {
        Self {
            label: timeout.label(),
            limit: timeout.limit_in_nanos(),
            watch: timeout.watch().clone(),
        }
    }
}

impl Sealed for Timeout {}

impl<Req> Source<Req> for Timeout {
    #[inline]
    fn counts_readiness(&self) -> bool {
        self.counts_readiness()
    }

    #[inline]
    fn terms(&self, _: &Req) -> Terms {
        Terms::of(self)
    }
}

// Without `do_not_recommend` rustc reports the inner `Into` bound and drops the notes above.
#[diagnostic::do_not_recommend]
impl<T: Into<Timeout>> IntoSource for T {
    type Source = Timeout;

    fn into_source(self) -> Timeout {
        self.into()
    }
}
