//! Listening to a bulkhead.

use super::Bulkhead;
use crate::{observe::Listener, state::Pointer, types::Event};

impl<P: Pointer> Bulkhead<P> {
    /// Calls `f` with each event until the [`Listener`] is dropped: a rejection, another limit, the end.
    ///
    /// A rejection is told in the thread of the refused call, before that call gets it. Rejections of several callers may
    /// arrive at once, and have no order with other events. All other events arrive in order, one at a time: in the thread
    /// that causes the event, or in one that is delivering events already.
    ///
    /// No lock is held, so `f` may use the bulkhead. Changes that it causes are told after it has returned, rejections at
    /// once. A panic of `f` is caught. A slow `f` delays the refused calls: send to a channel. `f` must not own the bulkhead
    /// that it listens to, nor its family, or neither is ever dropped.
    ///
    /// Listens to all clones. Of a family this is one member, which the listener does not keep: hold its handle, or listen to
    /// the family with [`Bulkheads::on_event`](crate::Bulkheads::on_event).
    ///
    /// A call that finds a place pays nothing, and a rejection one load. Once the bulkhead has had a listener, a rejection
    /// takes a short lock, and allocates if there are listeners now.
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
