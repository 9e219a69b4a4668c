//! The leases against a naive model: a list of bodies, each with the end of its lease.

use std::time::Duration;

use proptest::prelude::*;

use super::{super::Core, LAST_TICK, Lease, STEPS, UNLIMITED, ticks};
use crate::{config::Builder, limit::Fixed, types::Label};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A body begins: the number of its places.
    Begin(u32),
    /// The number of the body, modulo those that exist.
    Poll(usize),
    End(usize),
    /// Callers without a place look for leases that are over.
    Reclaim,
    Wait(u64),
    /// Another length, in seconds.
    Reconfigure(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_u32..4).prop_map(Step::Begin),
        4 => any::<usize>().prop_map(Step::Poll),
        4 => any::<usize>().prop_map(Step::End),
        2 => Just(Step::Reclaim),
        4 => (0_u64..400).prop_map(Step::Wait),
        1 => (1_u64..120).prop_map(Step::Reconfigure),
    ]
}

struct Body {
    places: u32,
    lease: Option<Lease>,
    polled: u64,
    counts: bool,
}

impl Body {
    fn end(&self) -> u64 {
        self.lease.as_ref().expect("each has a lease").end
    }
}

fn places(bodies: &[Body], which: impl Fn(&Body) -> bool) -> u32 {
    let bodies = bodies.iter().filter(|body| which(body));
    bodies.map(|body| body.places).sum()
}

proptest! {
    #[test]
    fn any_history_of_leases_agrees_with_a_list(
        reconfigures in any::<bool>(),
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let builder = Builder::new().limit(10_000);
        let core = Core::new(Label::new("model"), builder, Fixed);
        let mut bodies: Vec<Body> = Vec::new();
        let mut now = 0;
        let idle = ticks(Duration::from_secs(60));
        for step in steps {
            match step {
                Step::Begin(places) => {
                    core.try_acquire(places).unwrap();
                    let mut lease = None;
                    core.renew_at(&mut lease, places, Some(now));
                    bodies.push(Body { places, lease, polled: now, counts: true });
                }
                Step::Poll(who) if !bodies.is_empty() => {
                    let who = who % bodies.len();
                    let body = &mut bodies[who];
                    core.renew_at(&mut body.lease, body.places, Some(now));
                    (body.polled, body.counts) = (now, true);
                }
                Step::End(who) if !bodies.is_empty() => {
                    let body = bodies.swap_remove(who % bodies.len());
                    core.end_lease(&body.lease.unwrap(), body.places);
                    core.release(body.places);
                }
                Step::Reclaim => {
                    core.reclaim_at(now);
                    for body in &mut bodies {
                        body.counts &= body.end() >= now;
                    }
                }
                Step::Wait(time) => now += time,
                Step::Reconfigure(secs) if reconfigures => {
                    let idle = Duration::from_secs(secs);
                    core.reconfigure(builder.body_idle(idle)).unwrap();
                }
                Step::Poll(_) | Step::End(_) | Step::Reconfigure(_) => {}
            }
            // A new body may take a slot whose leases are over, which reclaims them.
            let counted = places(&bodies, |body| body.counts);
            let late = places(&bodies, |body| body.counts && body.end() < now);
            let held = u32::try_from(core.snapshot().held()).unwrap();
            prop_assert!(held <= counted && held >= counted - late, "{held} {counted} {late}");
            if !reconfigures {
                for body in &bodies {
                    let end = body.end() - body.polled;
                    prop_assert!(end > idle && end <= idle + idle / STEPS, "{end}");
                }
            }
        }
        core.reclaim_at(now);
        let alive = places(&bodies, |body| body.end() >= now);
        prop_assert_eq!(core.snapshot().held(), alive as usize);
        for body in bodies {
            core.end_lease(&body.lease.unwrap(), body.places);
            core.release(body.places);
        }
        prop_assert_eq!(core.snapshot().held(), 0);
    }
}

#[test]
fn ticks_saturate() {
    assert_eq!(ticks(Duration::MAX), UNLIMITED);
    assert_eq!(ticks(Duration::from_nanos(1)), 1);
    let long = Builder::new().body_idle(Duration::from_secs(2_000_000_000));
    let core = Core::new(Label::new("long"), long, Fixed);
    core.try_acquire(1).unwrap();
    let mut lease = None;
    core.renew_at(&mut lease, 1, Some(LAST_TICK));
    assert_eq!(lease.as_ref().unwrap().end, LAST_TICK);
    core.renew_at(&mut lease, 1, None);
    assert!(lease.is_none(), "no length, no lease");
    core.release(1);
    assert_eq!(core.snapshot().held(), 0);
}
