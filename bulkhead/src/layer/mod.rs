#[cfg(feature = "http-body")]
pub(crate) mod body;
pub(crate) mod classify;
pub(crate) mod future;
pub(crate) mod queue;
pub(crate) mod reject;
pub(crate) mod service;
pub(crate) mod source;

use tower_layer::Layer;

use crate::{
    Answer, Bulkhead, BulkheadService, ClassifyWith, Fallback, Full, Ignore, IntoError, NoDeadline,
    Outcome, OverloadIf, Queue, QueueLayer,
};

/// Puts a service behind a bulkhead.
///
/// The layer mints no state: whatever it is applied to shares the places of the bulkhead it was made of.
///
/// `C` says what results mean for load, `R` answers refused calls, `B` is the bulkhead or a `&'static` one.
#[derive(Clone, Copy, Debug)]
pub struct BulkheadLayer<C = Ignore, R = IntoError, B = Bulkhead> {
    pub(crate) classifier: C,
    pub(crate) reject: R,
    pub(crate) guard: B,
}

impl<B> BulkheadLayer<Ignore, IntoError, B> {
    /// A layer over `bulkhead`: a [`Bulkhead`] handle, or `&'static` to a [`StaticBulkhead`](crate::StaticBulkhead).
    #[must_use]
    pub const fn new(bulkhead: B) -> Self {
        Self {
            classifier: Ignore,
            reject: IntoError,
            guard: bulkhead,
        }
    }
}

impl<C, R, B> BulkheadLayer<C, R, B> {
    /// Counts a result as overload where `f` says yes, and as success where it says no.
    #[must_use]
    pub fn overload_if<Res, Err, F>(self, f: F) -> BulkheadLayer<OverloadIf<F>, R, B>
    where
        F: Fn(&Result<Res, Err>) -> bool + Clone,
    {
        self.classifier(OverloadIf(f))
    }

    /// Says with a closure what each result means for load.
    #[must_use]
    pub fn classify<Res, Err, F>(self, f: F) -> BulkheadLayer<ClassifyWith<F>, R, B>
    where
        F: Fn(&Result<Res, Err>) -> Outcome + Clone,
    {
        self.classifier(ClassifyWith(f))
    }

    /// Says with a type of your own, an implementation of [`Classify`](crate::Classify), what each result means for load.
    #[must_use]
    pub fn classifier<C2>(self, classifier: C2) -> BulkheadLayer<C2, R, B> {
        BulkheadLayer {
            classifier,
            reject: self.reject,
            guard: self.guard,
        }
    }

    /// Answers refused calls with `f(full)`: a 503, an error made by hand. The error type then needs no `From<Full>`.
    #[must_use]
    pub fn on_reject<Res, Err, F>(self, f: F) -> BulkheadLayer<C, Answer<F>, B>
    where
        F: Fn(Full) -> Result<Res, Err> + Clone,
    {
        BulkheadLayer {
            classifier: self.classifier,
            reject: Answer(f),
            guard: self.guard,
        }
    }

    /// Answers refused calls with `f(full, request)`, the request at hand: a value from a cache, by its key.
    ///
    /// For a fallback that must await, match on [`Full::find`] around the call.
    #[must_use]
    pub fn fallback<Req, Res, Err, F>(self, f: F) -> BulkheadLayer<C, Fallback<F>, B>
    where
        F: Fn(Full, Req) -> Result<Res, Err> + Clone,
    {
        BulkheadLayer {
            classifier: self.classifier,
            reject: Fallback(f),
            guard: self.guard,
        }
    }

    /// Lets calls that find no room wait for a while, in a queue that is bounded in length and in time.
    ///
    /// A layer of its own, since it asks for `S: Clone` and for tokio's timer; see [`QueueLayer`].
    #[must_use]
    pub const fn queue(self, queue: Queue) -> QueueLayer<C, R, NoDeadline, B> {
        QueueLayer::new(self, queue)
    }
}

impl<S, C: Clone, R: Clone, B: Clone> Layer<S> for BulkheadLayer<C, R, B> {
    type Service = BulkheadService<S, C, R, B>;

    fn layer(&self, inner: S) -> Self::Service {
        BulkheadService::new(
            inner,
            self.classifier.clone(),
            self.reject.clone(),
            self.guard.clone(),
        )
    }
}
