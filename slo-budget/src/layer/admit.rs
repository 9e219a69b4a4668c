use std::hash::Hash;

use crate::{
    family::GateBy,
    gate::{Class, Gate, Spent},
};

/// What a [`GateLayer`](crate::GateLayer) can be made of: a [`Gate`], a `&'static` one, or a family
/// [by key](crate::Gates::by).
///
/// Sealed: the request is an argument because a family chooses the gate by it.
pub trait Admit<Req>: sealed::Sealed {
    /// Whether `request`, of this class, is admitted now.
    ///
    /// # Errors
    ///
    /// [`Spent`] as [`Gate::check`].
    fn admit(&self, class: Class, request: &Req) -> Result<(), Spent>;
}

impl<Req> Admit<Req> for Gate {
    fn admit(&self, class: Class, _: &Req) -> Result<(), Spent> {
        self.check(class)
    }
}

impl<Req> Admit<Req> for &'static Gate {
    fn admit(&self, class: Class, _: &Req) -> Result<(), Spent> {
        self.check(class)
    }
}

impl<Req, K: Hash + Eq + Clone, F: Fn(&Req) -> K> Admit<Req> for GateBy<K, F> {
    fn admit(&self, class: Class, request: &Req) -> Result<(), Spent> {
        if class == Class::Essential {
            // Whoever it is: no key is looked up.
            return Ok(());
        }
        let (gates, key) = self.parts();
        gates.with(&key(request), |gate| gate.check(class))
    }
}

mod sealed {
    use super::{Gate, GateBy};

    #[expect(unnameable_types, reason = "this is what seals `Admit`")]
    pub trait Sealed {}
    impl Sealed for Gate {}
    impl Sealed for &'static Gate {}
    impl<K, F> Sealed for GateBy<K, F> {}
}
