pub(crate) mod share;
pub(crate) mod word;

use crate::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    window::share::Share,
    window::word::Window,
};

/// The window that the requests of all threads share.
///
/// One word and one read-modify-write a request, so that no two requests spend the same credit. Relaxed:
/// nothing else is published with it.
#[derive(Debug)]
pub(crate) struct Credit(AtomicU64);

impl Credit {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// One more request at `now`, in milliseconds: whether it is to be rejected.
    pub(crate) fn request(&self, now: u64, share: Share, period: u64, is_expired: bool) -> bool {
        let mut seen = self.0.load(Relaxed);
        loop {
            let (next, is_rejected) =
                Window::from_word(seen).request(now, share, period, is_expired);
            // Nothing to write: a full window, or a share of none. The load was the decision.
            if next.word() == seen {
                return is_rejected;
            }
            match self
                .0
                .compare_exchange_weak(seen, next.word(), Relaxed, Relaxed)
            {
                Ok(_) => return is_rejected,
                Err(other) => seen = other,
            }
        }
    }
}
