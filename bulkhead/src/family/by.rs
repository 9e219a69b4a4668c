use std::{fmt, hash::Hash, sync::Arc, time::Duration};

use super::Bulkheads;
use crate::{
    acquire::{Acquire, Begun},
    config::Line,
    layer::{Source, sealed},
    limit::{Fixed, Regulate},
    permit::Permit,
    state::{Caller, Core, Patience, Pointer},
    types::{Cause, Full},
};

/// A family, and the function that reads the key of a request. Given to [`BulkheadLayer::new`](crate::BulkheadLayer::new).
pub struct By<K, F, R = Fixed> {
    family: Bulkheads<K, R>,
    key: F,
}

impl<K, F, R> By<K, F, R> {
    pub(super) const fn new(family: Bulkheads<K, R>, key: F) -> Self {
        Self { family, key }
    }
}

impl<K: Hash + Eq + Clone, F, R: Regulate> By<K, F, R> {
    fn with<Req, T>(&self, request: &Req, f: impl Fn(&Arc<Core<R>>) -> Option<T>) -> T
    where
        F: Fn(&Req) -> K,
    {
        self.family.0.with(&(self.key)(request), f)
    }
}

impl<Req, K, F, R> Source<Req> for By<K, F, R>
where
    K: Hash + Eq + Clone,
    F: Fn(&Req) -> K,
    R: Regulate,
    Arc<Core<R>>: Pointer<Regulator = R>,
{
    type Pointer = Arc<Core<R>>;

    fn try_acquire(&self, request: &Req) -> Result<Permit<Self::Pointer>, Full> {
        self.with(request, |core| {
            let entered = core.try_acquire_unless_retired(1)?;
            Some(entered.map(|()| Permit::new(Arc::clone(core))))
        })
    }

    fn begin(&self, request: &Req, line: &Line, patience: &Patience) -> Begun<Self::Pointer> {
        self.with(request, |core| match Acquire::begin(core, line, patience) {
            Begun::Retired => None,
            begun => Some(begun),
        })
    }

    fn visit<T>(&self, request: &Req, f: impl Fn(&Self::Pointer) -> Option<T>) -> T {
        self.with(request, f)
    }

    fn refuse(&self, request: &Req, cause: Cause) -> Option<Full> {
        let family = &self.family.0;
        family.find(&(self.key)(request), |core| {
            core.refuse(cause, Duration::ZERO, Caller::Outside)
        })
    }
}

impl<K, F, R> sealed::Sealed for By<K, F, R> {}

impl<K, F: Clone, R> Clone for By<K, F, R> {
    fn clone(&self) -> Self {
        Self {
            family: self.family.clone(),
            key: self.key.clone(),
        }
    }
}

impl<K, F, R> fmt::Debug for By<K, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("By").field(&self.family).finish()
    }
}
