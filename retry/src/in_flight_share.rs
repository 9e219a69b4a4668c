use std::{fmt, sync::Arc};

use crate::{
    Budget, InvalidConfig, Now,
    flight::{Flight, Limit},
};

/// A budget that lets only a share of the calls in flight be retries: a cheap handle to counts that all its
/// clones share.
///
/// It is the retry budget of Envoy's
/// [circuit breakers](https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/circuit_breaker.proto):
/// a retry is counted from the decision to its end, its wait included, and a call from its beginning to its
/// end. Whenever a retry begins, and exactly so under threads,
///
/// ```text
/// retries in flight ≤ max(minimum, share × calls in flight)
/// ```
///
/// It needs no clock and remembers nothing: it bounds how much a dependency has to do at a time, not how many
/// retries there are in the end. A call costs six increments and decrements of shared words, four of
/// them of the handle's reference count.
///
/// # Examples
///
/// ```
/// use maestro_retry::{InFlightShare, RetryPolicy};
///
/// let budget = InFlightShare::builder().share(0.25).minimum(1).build("search")?;
/// let policy = RetryPolicy::builder().build()?.budget(budget.clone());
/// assert_eq!((budget.calls(), budget.retries()), (0, 0));
/// # let _ = policy;
/// # Ok::<(), maestro_retry::InvalidConfig>(())
/// ```
#[derive(Clone)]
pub struct InFlightShare(Arc<Shared>);

struct Shared {
    name: &'static str,
    limit: Limit,
    flight: Flight,
}

/// A call under way, as an [`InFlightShare`] counts it. It ends when this is dropped.
#[must_use = "dropping it ends the call"]
pub struct CallInFlight(InFlightShare);

/// A retry under way, as an [`InFlightShare`] counts it. It ends when this is dropped.
#[must_use = "dropping it ends the retry"]
pub struct RetryInFlight(InFlightShare);

/// The numbers of an [`InFlightShare`]. `Copy`, and usable in a `const`. The defaults are Envoy's.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a builder makes nothing until `build`"]
pub struct InFlightShareBuilder {
    pub(crate) share: f64,
    pub(crate) minimum: u32,
}

// === impl InFlightShare ===

impl InFlightShare {
    /// The configuration, to be completed by [`InFlightShareBuilder::build`].
    pub const fn builder() -> InFlightShareBuilder {
        InFlightShareBuilder {
            share: 0.2,
            minimum: 3,
        }
    }

    /// The name it was built with.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// How many calls are under way now.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.0.flight.counts().calls
    }

    /// How many retries are under way or wait for their turn now.
    #[must_use]
    pub fn retries(&self) -> u32 {
        self.0.flight.counts().retries
    }

    /// Counts a call in.
    pub fn begin(&self) -> CallInFlight {
        self.0.flight.call_begins();
        CallInFlight(self.clone())
    }

    /// Counts a retry in, if the share allows another one.
    #[must_use = "dropping it ends the retry"]
    pub fn try_retry(&self) -> Option<RetryInFlight> {
        let granted = self.0.flight.retry_begins(self.0.limit);
        granted.then(|| RetryInFlight(self.clone()))
    }
}

impl Budget for InFlightShare {
    type Call = CallInFlight;
    type Hold = RetryInFlight;
    type Retry = RetryInFlight;

    fn enter(&self, _: &Now) -> CallInFlight {
        self.begin()
    }

    fn try_hold(&self, _: &Now) -> Option<RetryInFlight> {
        self.try_retry()
    }

    fn spend(&self, hold: RetryInFlight) -> RetryInFlight {
        hold
    }
}

impl fmt::Debug for InFlightShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlightShare")
            .field("name", &self.0.name)
            .field("counts", &self.0.flight.counts())
            .finish_non_exhaustive()
    }
}

// === impl CallInFlight ===

impl Drop for CallInFlight {
    fn drop(&mut self) {
        self.0.0.flight.call_ends();
    }
}

impl fmt::Debug for CallInFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CallInFlight").field(&self.0.name()).finish()
    }
}

// === impl RetryInFlight ===

impl Drop for RetryInFlight {
    fn drop(&mut self) {
        self.0.0.flight.retry_ends();
    }
}

impl fmt::Debug for RetryInFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RetryInFlight")
            .field(&self.0.name())
            .finish()
    }
}

// === impl InFlightShareBuilder ===

impl InFlightShareBuilder {
    /// What share of the calls in flight may be retries: from 0 to 1, taken to a ten-thousandth. The default
    /// is 0.2.
    pub const fn share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// So many retries may be in flight at any rate: what a client with little traffic lives on. The default
    /// is 3; 0 is legal.
    pub const fn minimum(mut self, retries: u32) -> Self {
        self.minimum = retries;
        self
    }

    /// Builds a budget of its own, which shares counts with no other.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when the share is not from 0 to 1.
    pub fn build(self, name: &'static str) -> Result<InFlightShare, InvalidConfig> {
        if !(0.0..=1.0).contains(&self.share) {
            return Err(InvalidConfig::Share);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be from 0 to 1"
        )]
        let share = (self.share * 10_000.0).round() as u64;
        let limit = Limit {
            share,
            least: self.minimum,
        };
        Ok(InFlightShare(Arc::new(Shared {
            name,
            limit,
            flight: Flight::new(),
        })))
    }
}
