use http::{Extensions, Request};
use tokio::time::Instant;

use crate::{Deadline, DeadlineOf};

impl Deadline {
    /// The deadline in the extensions of a request; [`NEVER`](Self::NEVER) when there is none.
    #[must_use]
    pub fn from_extensions(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self::NEVER)
    }

    /// Puts it into the extensions of a request. If there is one already, the earlier one stays.
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
    /// // Nobody lengthens what was promised.
    /// let longer = Deadline::after(Duration::from_secs(60));
    /// longer.insert_into(request.extensions_mut());
    /// assert_eq!(Deadline::from_extensions(request.extensions()), whole);
    /// ```
    pub fn insert_into(self, extensions: &mut Extensions) {
        let earlier = self.min(Self::from_extensions(extensions));
        if earlier != Self::NEVER {
            extensions.insert(earlier);
        }
    }
}

/// The deadline in the extensions of a request, as a closure for the layers that ask for one.
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

/// The default where requests are HTTP's: the deadline in the extensions. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct InExtensions;

impl<B> DeadlineOf<Request<B>> for InExtensions {
    fn deadline_of(&self, request: &Request<B>) -> Option<Instant> {
        in_extensions(request)
    }
}
