use std::{fmt, sync::OnceLock};

use metrics::{Recorder, with_recorder};

/// Handles of the recorder. They are taken at the first use after a recorder is installed, and then kept.
///
/// A handle that is looked up for each call costs several allocations.
pub(super) struct Handles<T: Register> {
    subject: T::Subject,
    kept: OnceLock<T>,
}

/// A set of handles that is registered at once.
pub(super) trait Register {
    /// The values of the labels.
    type Subject: fmt::Debug;
    fn register(subject: &Self::Subject, recorder: &dyn Recorder) -> Self;
}

impl<T: Register> Handles<T> {
    pub(super) const fn new(subject: T::Subject) -> Self {
        Self {
            subject,
            kept: OnceLock::new(),
        }
    }

    #[cfg(feature = "family")]
    pub(super) const fn subject(&self) -> &T::Subject {
        &self.subject
    }

    #[inline]
    pub(super) fn with(&self, record: impl FnOnce(&T)) {
        if let Some(handles) = self.kept.get().or_else(|| self.find()) {
            record(handles);
        }
    }

    /// Before a recorder is installed, `metrics` passes its `NoopRecorder`, whose handles never record. They are
    /// not kept. The only difference that shows is that this recorder has no field. The user of a recorder
    /// without a field calls `resolve`.
    #[cold]
    fn find(&self) -> Option<&T> {
        with_recorder(|recorder| (size_of_val(recorder) > 0).then(|| self.keep(recorder)))
    }

    fn keep(&self, recorder: &dyn Recorder) -> &T {
        self.kept
            .get_or_init(|| T::register(&self.subject, recorder))
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
