use std::{any::type_name, fmt};

/// How important a request is to a [`Gate`](crate::Gate).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// Never refused: reads that people wait for, health checks, work that repairs the service.
    Essential,
    /// Refused in part while the budget burns: work that can wait, and work that puts the service at risk.
    Optional,
}

/// Chooses the class of a request. Implement it for your own type, or pass a closure to
/// [`class`](crate::GateLayer::class).
pub trait ClassOf<Req> {
    /// The class of `request`.
    fn class(&self, request: &Req) -> Class;
}

/// The default: every request is optional. Zero-sized.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct AllOptional;

/// Classes by a closure. Made by [`class`](crate::GateLayer::class).
#[derive(Clone, Copy)]
pub struct ClassBy<F>(pub(crate) F);

impl<Req> ClassOf<Req> for AllOptional {
    fn class(&self, _: &Req) -> Class {
        Class::Optional
    }
}

impl<Req, F: Fn(&Req) -> Class> ClassOf<Req> for ClassBy<F> {
    fn class(&self, request: &Req) -> Class {
        (self.0)(request)
    }
}

impl<F> fmt::Debug for ClassBy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClassBy({})", type_name::<F>())
    }
}
