use std::{fmt, sync::Arc, time::Duration};

use crate::{
    builder::builder,
    hedge::pace::{Pace, Terms},
    types::{InvalidConfig, InvalidConfigKind},
};

/// When the calls of a [`RetryLayer`](crate::RetryLayer) are hedged: a cheap handle to a delay and to credit that all its
/// clones share.
///
/// A call that has no answer after the delay is sent a second time, and the first answer counts. The delay is
/// [fixed](Self::after), or follows a [quantile](Self::at_quantile) of the latencies. An attempt of a retry is a call of its
/// own here.
///
/// Each call that succeeds before the delay pays a [share](HedgeBuilder::share) of a hedge, 0.02 by default, and up to a
/// [burst](HedgeBuilder::burst) of 10 are saved up. There is no credit in the beginning. So over any latencies, and exactly
/// so under threads,
///
/// ```text
/// hedges ≤ share × calls that succeeded before the delay
/// ```
///
/// and from any moment on at most `burst` more than the calls from then on pay for. A service that is slow for every call
/// gets no hedges once the burst is used up: nothing is paid in.
///
/// A call that needs no hedge costs one compare-and-swap of a shared word, with a fixed delay and full credit only a
/// load; two operations of the handle's reference count unless it is [leaked](Self::leak); and a timer if the service does
/// not answer at the first poll.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maestro_retry::Hedge;
///
/// let (ms, secs) = (Duration::from_millis, Duration::from_secs);
/// let hedge = Hedge::at_quantile(0.99).delay(ms(50)).min_delay(ms(5)).max_delay(secs(1)).build()?;
/// assert_eq!((hedge.delay(), hedge.credit()), (ms(50), 0));
/// assert!(Hedge::at_quantile(99.0).build().is_err());
/// # Ok::<(), maestro_retry::InvalidConfig>(())
/// ```
#[derive(Clone)]
#[doc(alias("hedgingPolicy", "HedgingStrategyOptions"))]
pub struct Hedge(Arc<Pace>);

builder! {
    /// The numbers of a [`Hedge`]. `Copy`, and usable in a `const`.
    ///
    /// Made by [`Hedge::after`] and [`Hedge::at_quantile`].
    pub struct HedgeBuilder named "hedge" derive(Clone, Copy, Debug, PartialEq) {
        // Well above the usual latency of a service in the same data centre.
        #[cfg_attr(feature = "serde", serde(with = "crate::duration"))]
        delay: Duration = Duration::from_millis(100),
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        quantile: Option<f64> = None,
        // The resolution of tokio's timers.
        #[cfg_attr(feature = "serde", serde(with = "crate::duration"))]
        min_delay: Duration = Duration::from_millis(1),
        #[cfg_attr(feature = "serde", serde(with = "crate::duration"))]
        max_delay: Duration = Duration::from_secs(10),
        // Twice the calls beyond the 99th percentile, so that they all have credit, and 2 % of load at most.
        share: f64 = 0.02,
        burst: u32 = 10,
    }
}

// === impl Hedge ===

impl Hedge {
    /// A hedge after a fixed delay.
    #[doc(alias("hedgingDelay"))]
    pub const fn after(delay: Duration) -> HedgeBuilder {
        HedgeBuilder(Numbers::new()).delay(delay)
    }

    /// A hedge after a delay that follows this quantile of the latencies: from 0.5 to 0.999. With 0.99 one call in a hundred
    /// reaches the delay.
    ///
    /// The delay starts at [`HedgeBuilder::delay`]. A call that succeeds earlier lowers it a little, a call that reaches it
    /// raises it: at 0.99 eight calls in a row double it, and 800 calls below it halve it. It is stochastic approximation
    /// ([Robbins and Monro, 1951](https://doi.org/10.1214/aoms/1177729586)) with a constant step, and needs only whether
    /// the delay was reached, which is known also of an attempt that was dropped because its hedge won. Of calls one after
    /// another that are all faster than 0.9 × [`max_delay`](HedgeBuilder::max_delay), random or not
    /// ([Gibbs and Candès, 2021](https://arxiv.org/abs/2106.00170)),
    ///
    /// ```text
    /// calls that reach the delay ≤ (1 − quantile) × calls + 8 × log2(max_delay / delay)
    /// ```
    ///
    /// The share stays as it is: below 0.99 set [`share`](HedgeBuilder::share) to `1 − quantile` or more if all calls that
    /// reach the delay are to be hedged.
    pub const fn at_quantile(quantile: f64) -> HedgeBuilder {
        let mut builder = HedgeBuilder(Numbers::new());
        builder.0.quantile = Some(quantile);
        builder
    }

    /// The time after which a call is hedged that begins now.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.0.delay()
    }

    /// The number of hedges that calls have paid for.
    #[must_use]
    pub fn credit(&self) -> u32 {
        self.0.credit()
    }

    /// Replaces the numbers, while calls run. All clones of the handle have the new ones, and so have all layers.
    ///
    /// Hedges that calls have paid for stay, up to the new [burst](HedgeBuilder::burst). A delay that follows a quantile before
    /// and after stays, within its new bounds; any other begins at [`HedgeBuilder::delay`]. An attempt that has begun keeps the
    /// delay it has.
    ///
    /// # Errors
    ///
    /// The errors of [`HedgeBuilder::build`]; nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maestro_retry::Hedge;
    ///
    /// let ms = Duration::from_millis;
    /// let hedge = Hedge::after(ms(50)).build()?;
    /// hedge.clone().reconfigure(Hedge::after(ms(80)))?;
    /// assert_eq!(hedge.delay(), ms(80));
    /// assert!(hedge.reconfigure(Hedge::after(ms(0))).is_err());
    /// # Ok::<(), maestro_retry::InvalidConfig>(())
    /// ```
    pub fn reconfigure(&self, to: HedgeBuilder) -> Result<(), InvalidConfig> {
        self.0
            .change(to.0.check().map_err(InvalidConfigKind::unnamed)?);
        Ok(())
    }

    /// Moves the handle to the heap for the rest of the program, and returns a reference to it, which a layer takes too.
    ///
    /// No call then counts references. The memory is never freed, so call it once for each hedge, where the program is
    /// set up.
    #[must_use = "the handle is leaked either way"]
    pub fn leak(self) -> &'static Self {
        Box::leak(Box::new(self))
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.0
    }
}

impl fmt::Debug for Hedge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hedge")
            .field("delay", &self.delay())
            .field("credit", &self.credit())
            .finish_non_exhaustive()
    }
}

// === impl HedgeBuilder ===

impl HedgeBuilder {
    /// The fixed delay, or the first one of a live quantile: from 1 ms to an hour. The default is 100 ms.
    ///
    /// A first delay that is too long costs no load. It falls by half each `1 / (1 − quantile)` × 8 calls.
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.0.delay = delay;
        self
    }

    /// The shortest delay of a live quantile: 1 ms or more. The default is 1 ms. A fixed delay ignores it.
    pub const fn min_delay(mut self, delay: Duration) -> Self {
        self.0.min_delay = delay;
        self
    }

    /// The longest delay of a live quantile: at most an hour. The default is 10 s. A fixed delay ignores it.
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.0.max_delay = delay;
        self
    }

    /// The part of a hedge that a call pays for if it succeeds before the delay: from 0 to 1, rounded to a ten-thousandth. The
    /// default is 0.02, so that hedges are at most 2 % of the calls. With 0 there are none.
    pub const fn share(mut self, share: f64) -> Self {
        self.0.share = share;
        self
    }

    /// The most hedges that are saved up: from 1 to 1,000. The default is 10.
    pub const fn burst(mut self, hedges: u32) -> Self {
        self.0.burst = hedges;
        self
    }

    /// Builds a new handle, which shares its delay and credit with no other.
    ///
    /// It has no name: its hedges are events and metrics of the [named](crate::RetryPolicy::named) policies that use it.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if a number is out of the range that its method names, or if the first delay of a live quantile is
    /// not between its bounds.
    pub fn build(self) -> Result<Hedge, InvalidConfig> {
        let terms = self.0.check().map_err(InvalidConfigKind::unnamed)?;
        Ok(Hedge(Arc::new(Pace::new(terms))))
    }
}

// === impl Numbers ===

/// The bounds of all delays: the resolution of tokio's timers, and longer than anyone waits.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(3_600);

impl Numbers {
    fn check(self) -> Result<Terms, InvalidConfigKind> {
        let Self {
            delay,
            quantile,
            share,
            burst,
            ..
        } = self;
        let (min, max) = match quantile {
            Some(_) => (self.min_delay, self.max_delay),
            None => (SHORTEST, LONGEST),
        };
        if min < SHORTEST || delay < min || max < delay || LONGEST < max {
            return Err(InvalidConfigKind::HedgeDelay { min, delay, max });
        }
        if !(0.0..=1.0).contains(&share) {
            return Err(InvalidConfigKind::HedgeShare(share));
        }
        if !(1..=1_000).contains(&burst) {
            return Err(InvalidConfigKind::HedgeBurst(burst));
        }
        let terms = Terms::fixed(delay, share, burst);
        match quantile {
            None => Ok(terms),
            Some(quantile) if (0.5..=0.999).contains(&quantile) => {
                Ok(terms.live(quantile, min, max))
            }
            Some(quantile) => Err(InvalidConfigKind::Quantile(quantile)),
        }
    }
}
