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

    /// Finds the timeout of `request`.
    #[doc(hidden)]
    fn find(&self, request: &Req) -> Found<'_>;
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

/// The timeout of a call that begins now.
///
/// A single timeout is read where a value is needed. Read before the clock, the values are kept across that call, and a call
/// that is ready at once took 45 instructions in place of 39. A source is inlined, so the variant is known where it is built.
#[expect(unnameable_types, reason = "of a sealed trait")]
#[derive(Debug)]
pub struct Found<'a>(Kind<'a>);

#[derive(Debug)]
enum Kind<'a> {
    Single(&'a Timeout),
    /// The answers of a member of a family, which may be evicted at any time.
    #[cfg(feature = "family")]
    Member {
        label: Label,
        limit: Nanos,
        watch: Watch,
    },
}

#[expect(unnameable_types, reason = "this is what seals `Source`")]
pub trait Sealed {}

// === impl Found ===

impl Found<'_> {
    #[cfg(feature = "family")]
    #[inline]
    pub(crate) fn member(timeout: &Timeout) -> Found<'static> {
        Found(Kind::Member {
            label: timeout.label(),
            limit: timeout.limit_in_nanos(),
            watch: timeout.watch().clone(),
        })
    }

    #[inline]
    pub(super) fn label(&self) -> Label {
        match &self.0 {
            Kind::Single(timeout) => timeout.label(),
            #[cfg(feature = "family")]
            Kind::Member { label, .. } => *label,
        }
    }

    #[inline]
    pub(super) fn limit(&self) -> Nanos {
        match &self.0 {
            Kind::Single(timeout) => timeout.limit_in_nanos(),
            #[cfg(feature = "family")]
            Kind::Member { limit, .. } => *limit,
        }
    }

    #[inline]
    pub(super) fn watch(self) -> Watch {
        match self.0 {
            Kind::Single(timeout) => timeout.watch().clone(),
            #[cfg(feature = "family")]
            Kind::Member { watch, .. } => watch,
        }
    }
}

// === impl Source ===

impl Sealed for Timeout {}

impl<Req> Source<Req> for Timeout {
    #[inline]
    fn counts_readiness(&self) -> bool {
        self.counts_readiness()
    }

    #[inline]
    fn find(&self, _: &Req) -> Found<'_> {
        Found(Kind::Single(self))
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
