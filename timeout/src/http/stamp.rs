use std::time::Duration;

use http::Request;
use tokio::time::Instant;

use super::in_extensions;
use crate::{
    deadline::Deadline,
    layer::{DeadlineOf, TimeoutLayer},
};

/// Stores the end of each call in the extensions of its request. Created by [`stamp`](TimeoutLayer::stamp).
///
/// The deadline of a request is the earlier of the one in its extensions and the one that `D` reads.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<D>(D);

impl<R, D, L, T> TimeoutLayer<R, D, L, T> {
    /// Stores the end of each call as a [`Deadline`] in the extensions of its HTTP request, for the layers inside.
    /// If the extensions have an earlier one already, it stays, and it bounds this layer too.
    ///
    /// Without it only this layer knows its limit: a retry inside waits for an attempt that can no longer be in
    /// time, a queue keeps a place for a caller that will be gone, and an outgoing request carries no time left.
    /// With it these layers read the deadline by [`in_extensions`] or [`InExtensions`](crate::InExtensions). When
    /// such a layer and this one end a call at the same instant, the inner one answers.
    ///
    /// A request without a limit and without a deadline is not changed. Call it after
    /// [`deadline`](TimeoutLayer::deadline), which replaces it. A deadline that is stored costs the insertion into
    /// the extensions, with its allocations.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::Request;
    /// use maestro_timeout::{Deadline, Elapsed, TimeoutLayer};
    /// use std::time::Duration;
    /// use tower::{Service, ServiceBuilder, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let mut service = ServiceBuilder::new()
    ///     .layer(TimeoutLayer::new(Duration::from_secs(1)).stamp())
    ///     .service(service_fn(async |request: Request<()>| {
    ///         Ok::<_, Elapsed>(Deadline::from_extensions(request.extensions()).remaining())
    ///     }));
    /// assert_eq!(service.call(Request::new(())).await, Ok(Duration::from_secs(1)));
    /// # }
    /// ```
    #[must_use]
    pub fn stamp(self) -> TimeoutLayer<R, Stamp<D>, L, T> {
        self.map_deadline(Stamp)
    }
}

impl<B, D: DeadlineOf<Request<B>>> DeadlineOf<Request<B>> for Stamp<D> {
    fn deadline_of(&self, request: &Request<B>) -> Option<Instant> {
        let own = Deadline::from(self.0.deadline_of(request));
        own.min(in_extensions(request).into()).at()
    }

    fn tell(&self, request: &mut Request<B>, started: Instant, limit: Duration) {
        self.0.tell(request, started, limit);
        Deadline::after_at(limit, started).insert_into(request.extensions_mut());
    }
}
