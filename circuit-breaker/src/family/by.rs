use std::{fmt, hash::Hash, sync::Arc};

use tokio::time::Instant;

use super::CircuitBreakers;
use crate::{
    call::{Call, Core},
    layer::{Sealed, Source},
    types::Open,
};

/// A family, and how a request names its key. Made by [`CircuitBreakers::by`], given to
/// [`CircuitBreakerLayer::new`](crate::CircuitBreakerLayer::new).
pub struct By<K, F> {
    family: CircuitBreakers<K>,
    key: F,
}

impl<K, F> By<K, F> {
    pub(super) const fn new(family: CircuitBreakers<K>, key: F) -> Self {
        Self { family, key }
    }
}

impl<K: Hash + Eq + Clone, F> By<K, F> {
    fn core<Req>(&self, request: &Req) -> Arc<Core>
    where
        F: Fn(&Req) -> K,
    {
        self.family.core(&(self.key)(request))
    }
}

impl<K, F> Sealed for By<K, F> {}

impl<Req, K: Hash + Eq + Clone, F: Fn(&Req) -> K> Source<Req> for By<K, F> {
    type Pointer = Arc<Core>;

    fn is_rejecting(&self) -> bool {
        false
    }

    fn try_acquire(&self, request: &Req) -> Result<Call, Open> {
        let core = self.core(request);
        let admission = core.admit(Instant::now)?;
        Ok(Call::new(core, admission, Instant::now))
    }

    fn reject(&self, request: &Req) -> Open {
        self.core(request).refuse()
    }

    fn pointer(&self, request: &Req) -> Arc<Core> {
        self.core(request)
    }

    fn readiness_failed(&self) {}
}

impl<K, F: Clone> Clone for By<K, F> {
    fn clone(&self) -> Self {
        Self::new(self.family.clone(), self.key.clone())
    }
}

impl<K, F> fmt::Debug for By<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("By").field(&self.family).finish()
    }
}
