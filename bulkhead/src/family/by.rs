use std::{fmt, hash::Hash, sync::Arc, time::Duration};

use super::Bulkheads;
use crate::{
    Acquire, Cause, Core, Full, Guard, Permit,
    acquire::Begun,
    core::{Line, Standing},
};

/// A family, and how a request says its key. Given to [`BulkheadLayer::new`](crate::BulkheadLayer::new).
pub struct By<K, F> {
    family: Bulkheads<K>,
    key: F,
}

impl<K, F> By<K, F> {
    pub(super) const fn new(family: Bulkheads<K>, key: F) -> Self {
        Self { family, key }
    }
}

impl<K: Hash + Eq + Clone, F> By<K, F> {
    fn with<Req, T>(&self, request: &Req, f: impl Fn(&Arc<Core>) -> Option<T>) -> T
    where
        F: Fn(&Req) -> K,
    {
        self.family.0.with(&(self.key)(request), f)
    }
}

impl<Req, K: Hash + Eq + Clone, F: Fn(&Req) -> K> Guard<Req> for By<K, F> {
    type Pointer = Arc<Core>;

    fn try_acquire(&self, request: &Req) -> Result<Permit, Full> {
        self.with(request, |core| {
            let entered = core.try_acquire_unless_retired()?;
            Some(entered.map(|()| Permit::new(Arc::clone(core))))
        })
    }

    fn begin(&self, request: &Req, line: Line) -> Begun<Arc<Core>> {
        self.with(request, |core| {
            match Acquire::begin(Arc::clone(core), line) {
                Begun::Retired => None,
                begun => Some(begun),
            }
        })
    }

    fn refuse(&self, request: &Req, cause: Cause) -> Option<Full> {
        self.with(request, |core| {
            Some(core.refuse(cause, Duration::ZERO, Standing::Outside))
        })
    }
}

impl<K, F: Clone> Clone for By<K, F> {
    fn clone(&self) -> Self {
        Self {
            family: self.family.clone(),
            key: self.key.clone(),
        }
    }
}

impl<K, F> fmt::Debug for By<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("By").field(&self.family).finish()
    }
}
