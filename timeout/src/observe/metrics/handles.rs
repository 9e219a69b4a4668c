use std::{fmt, sync::OnceLock};

use metrics::{Recorder, with_recorder};

/// Handles of the recorder, kept from the first use on at which there is one.
pub(super) struct Handles<T: Register> {
    subject: T::Subject,
    kept: OnceLock<T>,
}

/// What is taken from a recorder, all at once.
pub(super) trait Register {
    /// What the labels are made of.
    type Subject: Copy + fmt::Debug;
    fn register(subject: Self::Subject, recorder: &dyn Recorder) -> Self;
}

impl<T: Register> Handles<T> {
    pub(super) const fn new(subject: T::Subject) -> Self {
        Self {
            subject,
            kept: OnceLock::new(),
        }
    }

    #[inline]
    pub(super) fn with(&self, record: impl FnOnce(&T)) {
        if let Some(handles) = self.kept.get().or_else(|| self.find()) {
            record(handles);
        }
    }

    /// Before a recorder is installed, `metrics` hands out one without a field, whose handles are dead
    /// for ever: those are not kept. Whoever writes a recorder without a field calls `resolve`.
    #[cold]
    fn find(&self) -> Option<&T> {
        with_recorder(|recorder| (size_of_val(recorder) > 0).then(|| self.keep(recorder)))
    }

    fn keep(&self, recorder: &dyn Recorder) -> &T {
        self.kept
            .get_or_init(|| T::register(self.subject, recorder))
    }

    pub(super) fn resolve(&self) {
        with_recorder(|recorder| {
            self.keep(recorder);
        });
    }
}

impl<T: Register> fmt::Debug for Handles<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handles")
            .field("subject", &self.subject)
            .field("resolved", &self.kept.get().is_some())
            .finish()
    }
}
