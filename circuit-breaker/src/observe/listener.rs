use std::fmt;

/// Hears of transitions for as long as it lives; dropped, it hears no more.
///
/// One that is being delivered at that moment may still reach it.
#[must_use = "dropping it at once unsubscribes: keep it, or `detach` it"]
pub struct Listener(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Listener {
    pub(crate) fn new(forget: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(forget)))
    }

    /// Listens on, for as long as the circuit breaker lives.
    pub fn detach(mut self) {
        self.0 = None;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(forget) = self.0.take() {
            forget();
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}
