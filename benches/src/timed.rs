use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    task::yield_now,
    time::{Sleep, sleep},
};

use crate::{Answers, Measured};

/// Whether the clock is the one of a service.
///
/// # Errors
///
/// If the build has the feature `behaviour`, which turns on tokio's `test-util`; the text says so.
pub fn exact_clock() -> Result<(), String> {
    if cfg!(feature = "behaviour") {
        return Err(
            "the feature `behaviour` puts a lock into every reading of the clock: build without it to measure".into(),
        );
    }
    Ok(())
}

/// A measured service that arms tokio timers. A runtime is entered outside the loop and is never driven. The drivers of
/// several threads share it, as the threads of a service do.
///
/// The clock is not paused: tokio's `test-util` puts a lock into every reading of it.
pub(crate) struct Timed {
    measured: Box<dyn Measured>,
    wheel: Arc<Wheel>,
}

struct Wheel {
    // Dropped before the runtime, whose timer wheel holds it.
    _earlier: Pin<Box<Sleep>>,
    runtime: Runtime,
}

/// The end of the timer that is always armed. It is earlier than the timers of every row, and nothing waits for it.
const EARLIER: Duration = Duration::from_hours(1);

/// The limit of the measured timeouts. It is never reached.
pub(crate) const LIMIT: Duration = Duration::from_hours(2);

// === impl Timed ===

impl Timed {
    /// Creates a runtime, and in it the services that `make` creates.
    pub(crate) fn all(make: impl FnOnce() -> Vec<Box<dyn Measured>>) -> Vec<Box<dyn Measured>> {
        let wheel = Arc::new(Wheel::new());
        let all = {
            let _entered = wheel.runtime.enter();
            make()
        };
        let timed = |measured| -> Box<dyn Measured> {
            Box::new(Self {
                measured,
                wheel: Arc::clone(&wheel),
            })
        };
        all.into_iter().map(timed).collect()
    }
}

// === impl Wheel ===

impl Wheel {
    /// An earlier timer is armed before. tokio's driver is woken if a timer becomes the earliest of all, which costs
    /// one more bus-locked instruction. In a service with other requests in flight this is rare, because their timers
    /// end earlier.
    fn new() -> Self {
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
            // Makes the driver poll its wheel once, so that it knows when it would wake.
            yield_now().await;
        });
        Self {
            _earlier: earlier,
            runtime,
        }
    }
}

impl Measured for Timed {
    fn run(&mut self, requests: u64) {
        let _entered = self.wheel.runtime.enter();
        self.measured.run(requests);
    }

    fn answers(&mut self, requests: u64) -> Answers {
        let _entered = self.wheel.runtime.enter();
        self.measured.answers(requests)
    }
}
