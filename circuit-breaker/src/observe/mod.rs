//! What others see of a breaker: listeners, metrics and events. Without a listener or a feature
//! nothing here does anything.

#[cfg(feature = "family")]
mod family;
mod listeners;
mod metrics;
mod tracing;

use tokio::sync::watch;

#[cfg(feature = "family")]
use self::family::Member;
pub use self::listeners::Listener;
use self::listeners::Listeners;
pub(crate) use self::listeners::contained;
#[cfg(feature = "family")]
pub(crate) use self::metrics::Labels;
pub(crate) use self::metrics::{Begun, IS_ON as HAS_METRICS, Meter};
#[cfg(feature = "family")]
pub(crate) use self::{family::Hears, listeners::Subscribers};
use crate::{
    sync::OnceLock,
    types::{Change, KeyNumber, State, Transition},
};

/// The observers of one breaker.
#[derive(Debug)]
pub(crate) struct Observers {
    name: &'static str,
    /// Of a member of a family that shows its keys.
    key: KeyNumber,
    #[cfg(feature = "family")]
    member: Member,
    meter: Meter,
    /// Made with the first listener.
    listeners: OnceLock<Box<Listeners>>,
}

/// Whether transitions are announced even without a listener.
const IS_WATCHED: bool = tracing::IS_ON || metrics::IS_ON;

impl Observers {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            key: KeyNumber::NONE,
            #[cfg(feature = "family")]
            member: Member::new(),
            meter: Meter::new(name),
            listeners: OnceLock::new(),
        }
    }

    #[inline]
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    pub(crate) const fn key(&self) -> KeyNumber {
        self.key
    }

    #[inline]
    pub(crate) const fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Queues a transition. Only under the transition lock, which keeps them in order. To be
    /// followed by [`deliver`](Self::deliver) without it.
    pub(crate) fn put(&self, change: Change) {
        let is_watched = IS_WATCHED || self.is_heard_by_family();
        if is_watched {
            self.listeners().put(change, is_watched);
        } else if let Some(listeners) = self.listeners.get() {
            listeners.put(change, is_watched);
        }
    }

    /// Delivers what is queued. Called with no lock held.
    pub(crate) fn deliver(&self, state: impl Fn() -> State) {
        if let Some(listeners) = self.listeners.get() {
            listeners.deliver(|change| {
                tracing::transition(self.name, self.key, change);
                self.meter.moved(change, &state);
                #[cfg(feature = "family")]
                self.member.hear(change);
            });
        }
    }

    /// Announces that a user has changed the numbers. Called with no lock held.
    pub(crate) fn reconfigured(&self) {
        tracing::reconfigured(self.name, self.key);
    }

    pub(crate) fn listen(&self, hear: impl Fn(&Change) + Send + Sync + 'static) -> Listener {
        self.listeners().listen(hear)
    }

    /// The channel of the latest transition, made by `subscribe` at the first use.
    pub(crate) fn watch(
        &self,
        subscribe: impl FnOnce() -> watch::Sender<Option<Transition>>,
    ) -> watch::Receiver<Option<Transition>> {
        self.listeners().watch(subscribe)
    }

    #[cfg(feature = "family")]
    pub(crate) fn has_listeners(&self) -> bool {
        self.listeners.get().is_some_and(|some| some.has_any())
    }

    #[cfg(feature = "family")]
    fn is_heard_by_family(&self) -> bool {
        self.member.is_heard()
    }

    #[cfg(not(feature = "family"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    const fn is_heard_by_family(&self) -> bool {
        false
    }

    fn listeners(&self) -> &Listeners {
        self.listeners.get_or_init(|| Box::new(Listeners::new()))
    }
}
