use std::time::Duration;

use tokio::time::Instant;

/// How long one instance of a service has waited for the readiness of the next call; `None` where it has
/// not, or where nobody counts.
#[derive(Debug, Default)]
pub(crate) struct Readiness(Option<Wait>);

#[derive(Debug)]
struct Wait {
    /// Since when the inner service is asked and not ready; `None` when it is.
    since: Option<Instant>,
    before: Duration,
}

/// A clone is not ready and has not waited: what its original did is no time of its calls.
impl Clone for Readiness {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Readiness {
    /// The inner service is not ready.
    #[cold]
    pub(crate) fn pending(&mut self) {
        let wait = self.0.get_or_insert(Wait {
            since: None,
            before: Duration::ZERO,
        });
        wait.since.get_or_insert_with(Instant::now);
    }

    /// The inner service has answered. Idle time from now on is nobody's wait.
    #[inline]
    pub(crate) fn ended(&mut self) {
        if let Some(wait) = &mut self.0 {
            wait.end();
        }
    }

    /// What the call that is made now has waited, if it has.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Duration> {
        self.0.take().map(|wait| wait.before)
    }
}

impl Wait {
    #[cold]
    fn end(&mut self) {
        if let Some(since) = self.since.take() {
            self.before = self.before.saturating_add(since.elapsed());
        }
    }
}
