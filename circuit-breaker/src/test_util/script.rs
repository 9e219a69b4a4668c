//! A service that answers by a script. This file and that of its calls are the same in all crates.

mod call;

use std::{
    collections::VecDeque,
    fmt, mem,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tower_service::Service;

pub use self::call::ScriptedCall;
use crate::sync::StaticMutex as Mutex;

/// A service whose answers a test writes down: the innermost service of a stack under test.
///
/// Each call takes the next step: [`ok`](Self::ok), [`err`](Self::err), [`after`](Self::after) or
/// [`pending`](Self::pending). After the last one, [`then_always`](Self::then_always) answers; without it the next call
/// panics, and [`assert_done`](Self::assert_done) panics too. [`not_ready`](Self::not_ready) and
/// [`ready_err`](Self::ready_err) are steps of the readiness: they act on `poll_ready` once the calls before them have
/// begun.
///
/// It keeps the contract of tower: an instance that was not polled ready since its last call panics when it is called,
/// and a clone is not ready. Clones share the script and the counts. The requests are kept, for
/// [`take_requests`](Self::take_requests). The module has an example.
#[must_use = "a script does nothing until a service is made of it"]
pub struct Script<Req, Res, Err> {
    shared: Shared<Req, Res, Err>,
    is_ready: bool,
}

/// What the clones of a script and their calls share.
type Shared<Req, Res, Err> = Arc<Mutex<State<Req, Res, Err>>>;

type Rest<Req, Res, Err> = Arc<dyn Fn(&Req) -> Result<Res, Err> + Send + Sync>;

struct State<Req, Res, Err> {
    steps: VecDeque<Step<Res, Err>>,
    written: usize,
    rest: Option<Rest<Req, Res, Err>>,
    requests: Vec<Req>,
    calls: usize,
    /// Those of the calls that found no step.
    beyond: usize,
    /// In the order in which they began.
    in_flight: Vec<InFlight<Res, Err>>,
    peak: usize,
    cancelled: usize,
    /// Those that wait until the service is ready.
    unready: Vec<Waker>,
}

struct InFlight<Res, Err> {
    number: usize,
    /// `None` until the test answers.
    result: Option<Result<Res, Err>>,
    waker: Option<Waker>,
}

enum Step<Res, Err> {
    Answer(Duration, Result<Res, Err>),
    Pending,
    NotReady,
    ReadyErr(Err),
}

// === impl Script: what is written ===

impl<Req, Res, Err> Script<Req, Res, Err> {
    /// A script without a step.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Mutex::new(State {
                steps: VecDeque::new(),
                written: 0,
                rest: None,
                requests: Vec::new(),
                calls: 0,
                beyond: 0,
                in_flight: Vec::new(),
                peak: 0,
                cancelled: 0,
                unready: Vec::new(),
            })),
            is_ready: false,
        }
    }

    /// The next call succeeds at its first poll.
    pub fn ok(self, response: Res) -> Self {
        self.after(Duration::ZERO, Ok(response))
    }

    /// The next call fails at its first poll.
    pub fn err(self, error: Err) -> Self {
        self.after(Duration::ZERO, Err(error))
    }

    /// The next call ends `time` after it began, on the clock of tokio.
    ///
    /// The call needs a runtime of tokio with a timer. On a paused clock it takes no time.
    pub fn after(self, time: Duration, result: Result<Res, Err>) -> Self {
        self.step(Step::Answer(time, result))
    }

    /// The next call is pending until the test [answers](Self::answer) it. A call that is not answered never ends.
    pub fn pending(self) -> Self {
        self.step(Step::Pending)
    }

    /// The service is not ready until [`set_ready`](Self::set_ready).
    pub fn not_ready(self) -> Self {
        self.step(Step::NotReady)
    }

    /// One `poll_ready` returns this error, as that of a client that cannot connect.
    pub fn ready_err(self, error: Err) -> Self {
        self.step(Step::ReadyErr(error))
    }

    /// `f` answers each call after the last step, in `call`. A panic of `f` is one of the service.
    pub fn then_always(self, f: impl Fn(&Req) -> Result<Res, Err> + Send + Sync + 'static) -> Self {
        self.shared.lock().rest = Some(Arc::new(f));
        self
    }

    fn step(self, step: Step<Res, Err>) -> Self {
        let mut state = self.shared.lock();
        state.written += 1;
        state.steps.push_back(step);
        drop(state);
        self
    }
}

// === impl Script: what a test does and sees ===

impl<Req, Res, Err> Script<Req, Res, Err> {
    /// Answers the oldest call in flight that is [pending](Self::pending), and wakes its task.
    ///
    /// # Panics
    ///
    /// If no call is pending: none has begun, or it was dropped.
    #[track_caller]
    pub fn answer(&self, result: Result<Res, Err>) {
        let mut state = self.shared.lock();
        let calls = state.calls;
        let pending = state
            .in_flight
            .iter_mut()
            .find(|call| call.result.is_none());
        let Some(call) = pending else {
            drop(state);
            panic!("no call is pending: calls until now: {calls}");
        };
        call.result = Some(result);
        let waker = call.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Ends a [`not_ready`](Self::not_ready), and wakes the tasks that wait for the readiness.
    ///
    /// # Panics
    ///
    /// If the next step of the script is another one.
    #[track_caller]
    pub fn set_ready(&self) {
        let mut state = self.shared.lock();
        let is_unready = matches!(state.steps.front(), Some(Step::NotReady));
        if is_unready {
            state.steps.pop_front();
        }
        let unready = mem::take(&mut state.unready);
        drop(state);
        assert!(is_unready, "the next step of the script is no `not_ready`");
        unready.into_iter().for_each(Waker::wake);
    }

    /// How many calls have begun.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.shared.lock().calls
    }

    /// How many calls are in flight now: their futures are neither ready nor dropped.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.lock().in_flight.len()
    }

    /// The most calls that were in flight at once.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.shared.lock().peak
    }

    /// How many calls were cancelled: their futures were dropped before they were ready.
    #[must_use]
    pub fn cancelled(&self) -> usize {
        self.shared.lock().cancelled
    }

    /// The requests of all calls since this was last asked, in order.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Req> {
        mem::take(&mut self.shared.lock().requests)
    }

    /// Asserts that the script is done: each step was taken, no call came after the last one, and none is in flight.
    ///
    /// # Panics
    ///
    /// If it is not done. The message says what is left.
    #[track_caller]
    pub fn assert_done(&self) {
        let state = self.shared.lock();
        let (left, written) = (state.steps.len(), state.written);
        let (in_flight, beyond) = (state.in_flight.len(), state.beyond);
        drop(state);
        assert!(
            (left, in_flight, beyond) == (0, 0, 0),
            "the script is not done: steps left: {left} of {written}, calls in flight: {in_flight}, calls without a step: {beyond}"
        );
    }
}

impl<Req, Res, Err> Default for Script<Req, Res, Err> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Req, Res, Err> Clone for Script<Req, Res, Err> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            is_ready: false,
        }
    }
}

impl<Req, Res, Err> fmt::Debug for Script<Req, Res, Err> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("Script")
            .field("steps", &state.steps.len())
            .field("calls", &state.calls)
            .field("in_flight", &state.in_flight.len())
            .field("cancelled", &state.cancelled)
            .finish_non_exhaustive()
    }
}

impl<Req, Res, Err> Service<Req> for Script<Req, Res, Err> {
    type Response = Res;
    type Error = Err;
    type Future = ScriptedCall<Req, Res, Err>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Err>> {
        self.is_ready = false;
        let mut state = self.shared.lock();
        match state.steps.pop_front() {
            Some(Step::NotReady) => {
                state.steps.push_front(Step::NotReady);
                state.unready.push(cx.waker().clone());
                return Poll::Pending;
            }
            Some(Step::ReadyErr(error)) => return Poll::Ready(Err(error)),
            Some(step) => state.steps.push_front(step),
            None => {}
        }
        drop(state);
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    /// # Panics
    ///
    /// If this instance was not polled ready, or no step is left and there is no [`then_always`](Script::then_always).
    fn call(&mut self, request: Req) -> Self::Future {
        assert!(
            mem::take(&mut self.is_ready),
            "the script was called without `poll_ready`: use `oneshot`, or `ready` before each call"
        );
        let mut state = self.shared.lock();
        state.calls += 1;
        let number = state.calls;
        // A step of the readiness acts on the polls that follow. This instance was ready before it.
        let next =
            (state.steps.iter()).position(|step| matches!(step, Step::Answer(..) | Step::Pending));
        let (after, result) = match next.and_then(|index| state.steps.remove(index)) {
            Some(Step::Answer(after, result)) => (after, Some(result)),
            Some(_) => (Duration::ZERO, None),
            None => {
                let Some(rest) = state.rest.clone() else {
                    state.beyond += 1;
                    let written = state.written;
                    drop(state);
                    panic!("no step for call {number}: steps of the script: {written}");
                };
                // Not under the lock: it may ask the script.
                drop(state);
                let result = rest(&request);
                state = self.shared.lock();
                (Duration::ZERO, Some(result))
            }
        };
        state.requests.push(request);
        state.in_flight.push(InFlight {
            number,
            result,
            waker: None,
        });
        state.peak = state.peak.max(state.in_flight.len());
        drop(state);
        ScriptedCall::new(Arc::clone(&self.shared), number, after)
    }
}
