use http::{Extensions, Request};
use tokio::time::Instant;

use crate::{deadline::Deadline, layer::DeadlineOf};

impl Deadline {
    /// Returns the deadline in the extensions of a request; [`NEVER`](Self::NEVER) if there is none.
    ///
    /// For layers, and for handlers: axum extracts `Extensions` and `Parts`. Its extractor `Extension<Deadline>` answers a
    /// request without a deadline with the status 500.
    #[must_use]
    pub fn from_extensions(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self::NEVER)
    }

    /// Inserts the deadline into the extensions of a request. If they have one already, the earlier one stays.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_timeout::Deadline;
    /// use std::time::Duration;
    ///
    /// let mut request = http::Request::new(());
    /// let whole = Deadline::after(Duration::from_secs(1));
    /// whole.insert_into(request.extensions_mut());
    ///
    /// // A longer deadline changes nothing.
    /// let longer = Deadline::after(Duration::from_secs(60));
    /// longer.insert_into(request.extensions_mut());
    /// assert_eq!(Deadline::from_extensions(request.extensions()), whole);
    /// ```
    pub fn insert_into(self, extensions: &mut Extensions) {
        if self < Self::from_extensions(extensions) {
            extensions.insert(self);
        }
    }
}

/// Returns the deadline in the extensions of a request. For the layers that take a closure.
///
/// # Examples
///
/// ```
/// use maestro_timeout::{TimeoutLayer, in_extensions};
/// use std::time::Duration;
///
/// let layer = TimeoutLayer::new(Duration::from_secs(1)).deadline(in_extensions::<String>);
/// # let _ = layer;
/// ```
#[must_use]
pub fn in_extensions<B>(request: &Request<B>) -> Option<Instant> {
    Deadline::from_extensions(request.extensions()).at()
}

/// The default for HTTP requests: reads the deadline from the extensions. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and create"
)]
pub struct InExtensions;

impl<B> DeadlineOf<Request<B>> for InExtensions {
    fn deadline_of(&self, request: &Request<B>) -> Option<Instant> {
        in_extensions(request)
    }
}
