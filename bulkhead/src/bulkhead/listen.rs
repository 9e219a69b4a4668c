//! Listening to a bulkhead.

use super::Bulkhead;
use crate::{observe::Listener, state::Pointer, types::Event};

impl<P: Pointer> Bulkhead<P> {
    /// Calls `f` with each event until the [`Listener`] is dropped: a rejection, another limit, the end.
    ///
    /// The caller that causes an event runs `f` before it goes on, or another thread does that is delivering events already. No
    /// lock is held, so `f` may use the bulkhead; the events that it causes are delivered after it has returned. A panic of `f`
    /// is caught. A slow `f` delays the refused calls: send to a channel.
    ///
    /// Listens to all clones. Of a family this is one member; see [`Bulkheads::on_event`](crate::Bulkheads::on_event). A call
    /// that finds a place pays nothing. A rejection pays one load, and a lock once the bulkhead had a listener.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Bulkhead, Event};
    /// use std::sync::mpsc;
    ///
    /// let pool = Bulkhead::builder().limit(1).build("postgres")?;
    /// let (to, events) = mpsc::channel();
    /// let _listener = pool.on_event(move |event| {
    ///     to.send(event.clone()).ok();
    /// });
    /// let _held = pool.try_acquire()?;
    /// let full = pool.try_acquire().unwrap_err();
    /// assert_eq!(events.recv(), Ok(Event::Rejected(full)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "onCallRejected")]
    #[doc(alias = "on_call_rejected")]
    pub fn on_event(&self, f: impl Fn(&Event) + Send + Sync + 'static) -> Listener {
        self.0.core().events().listen(f)
    }
}
