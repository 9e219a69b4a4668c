use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    task::yield_now,
    time::{Sleep, sleep},
};

use crate::{Answers, Measured};

/// Something measured that arms tokio timers: a runtime is entered around it, outside the loop, and does not run.
pub(crate) struct Timed {
    measured: Box<dyn Measured>,
    // Dropped before the runtime whose timer wheel it is in.
    _earlier: Pin<Box<Sleep>>,
    runtime: Runtime,
}

/// When the timer ends that is always there, before the timers of every row. Nothing waits for it.
const EARLIER: Duration = Duration::from_hours(1);

/// The limit of the timeouts that are measured: never reached.
pub(crate) const LIMIT: Duration = Duration::from_hours(2);

impl Timed {
    /// Sets up a runtime, and in it what `make` makes.
    ///
    /// A timer that ends earlier than the measured ones is already armed, as in a service that has other
    /// requests under way: a timer that is the earliest of all also wakes the driver, which is
    /// another cost (one more bus-locked instruction) and a rare one.
    pub(crate) fn new(make: &dyn Fn() -> Box<dyn Measured>) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime of one thread and a timer needs nothing that could be missing");
        let mut earlier = {
            let _entered = runtime.enter();
            Box::pin(sleep(EARLIER))
        };
        runtime.block_on(async {
            poll_fn(|cx| Poll::Ready(earlier.as_mut().poll(cx).is_pending())).await;
            // The driver looks at its wheel once, without waiting, and learns when it would wake.
            yield_now().await;
        });
        let measured = {
            let _entered = runtime.enter();
            make()
        };
        Self {
            measured,
            _earlier: earlier,
            runtime,
        }
    }
}

impl Measured for Timed {
    fn run(&mut self, requests: u64) {
        let _entered = self.runtime.enter();
        self.measured.run(requests);
    }

    fn answers(&mut self, requests: u64) -> Answers {
        let _entered = self.runtime.enter();
        self.measured.answers(requests)
    }
}
