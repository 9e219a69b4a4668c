//! What the compiler says if a method of the policy is called before [`Builder::build`].

use tokio::time::Instant;

use crate::{
    policy::Builder,
    types::{Attempt, Event, Override, Verdict},
};

/// No type implements it.
#[diagnostic::on_unimplemented(
    message = "a `Builder` has only numbers: call `.build()?` before this method",
    label = "a method of the `RetryPolicy` that `.build()?` returns"
)]
#[expect(unnameable_types, reason = "only for its message")]
pub trait IsBuilt {}

/// Declares methods whose calls never compile. The closures have their signatures, because the compiler would ask for
/// the types of their arguments before it looks at the bound.
///
/// `for<'a>`: a bound without any parameter fails where it is declared.
macro_rules! after_build {
    ($($method:ident $(<$($type:ident),+>)? ($($argument:ty)?);)*) => {$(
        #[doc(hidden)]
        pub fn $method$(<$($type),+>)?(self $(, _: $argument)?) -> Self
        where
            for<'a> &'a Self: IsBuilt,
        {
            self
        }
    )*};
}

impl Builder {
    after_build! {
        budget<B>(B);
        unlimited();
        classify<Res, Err>(impl Fn(&Result<Res, Err>) -> Verdict);
        classify_attempt<Req, Res, Err>(impl Fn(&Attempt<'_, Req>, &Result<Res, Err>) -> Verdict);
        classifier<V>(V);
        retry_if<Res, Err>(impl Fn(&Result<Res, Err>) -> bool);
        retry_rejections();
        replay<Req>(impl Fn(&Req) -> Option<Req>);
        replayer<Q>(Q);
        http();
        grpc(fn(&str) -> bool);
        deadline<Req>(impl Fn(&Req) -> Option<Instant>);
        named<N>(N);
        on_event(impl Fn(&Event));
        leak();
        reconfigure(Builder);
        force_off(Override);
        resume(Override);
        into_tower();
    }
}
