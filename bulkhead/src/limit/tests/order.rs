//! Windows that are closed while the law is busy, or in another order.

use std::{
    sync::{Arc, OnceLock, mpsc},
    thread,
    time::Duration,
};

use super::simulation::Places;
use crate::{
    limit::{Adaptive, Limit, Window},
    types::Outcome,
};

/// Tells the successes and the length of each window.
struct Tells(mpsc::Sender<(u64, Duration)>);

impl Limit for Tells {
    fn next(&mut self, window: &Window) -> usize {
        let seen = (window.successes(), window.length());
        self.0.send(seen).expect("the test listens");
        window.limit()
    }
}

const SECOND: u64 = 1_000_000;

fn ten_calls<L: Limit>(law: &Adaptive<L>, now: u64) {
    (0..10).for_each(|_| law.record(now, 1, Outcome::Success, &Places::new(20)));
}

#[test]
fn a_call_of_an_earlier_window_is_in_the_next_one() {
    let (tells, told) = mpsc::channel();
    let law = Adaptive::new(Tells(tells), Duration::from_secs(1));
    ten_calls(&law, 2 * SECOND);
    // The call that closed the first window comes late to the law.
    law.record(2 * SECOND, 1, Outcome::Success, &Places::new(20));
    law.decide(SECOND, &Places::new(20));
    ten_calls(&law, 4 * SECOND);
    let two = Duration::from_secs(2);
    // The tenth of them closes the window, so the eleventh is the first of the next.
    let seen: Vec<_> = told.try_iter().collect();
    assert_eq!(seen, [(10, two), (10, two)]);
}

/// While it answers, calls of its bulkhead end.
struct Slow(Arc<OnceLock<Adaptive<Self>>>);

impl Limit for Slow {
    fn next(&mut self, window: &Window) -> usize {
        let of = self.0.get().expect("it is set before the first call");
        ten_calls(of, 9 * SECOND);
        window.limit() + 1
    }
}

#[test]
fn no_call_waits_for_a_law() {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let place = Arc::new(OnceLock::new());
        let law = Adaptive::new(Slow(Arc::clone(&place)), Duration::from_secs(1));
        let law = place.get_or_init(|| law);
        ten_calls(law, 2 * SECOND);
        done.send(()).expect("the test waits for it");
    });
    // The real clock matters only in a failure: a deadlock hangs for ever.
    assert_eq!(is_done.recv_timeout(Duration::from_secs(20)), Ok(()));
}
