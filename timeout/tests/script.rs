//! The scripted service of the test kit, which all crates have. Here it is tested.

use std::{
    pin::Pin,
    sync::{Arc, mpsc::channel},
    task::{Context, Wake, Waker},
    time::Duration,
};

use maestro_timeout::test_util::{Script, ScriptedCall};
use static_assertions::assert_impl_all;
use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{Service, ServiceExt};

type Store = Script<&'static str, usize, String>;

assert_impl_all!(Store: Clone, Send, Sync, Unpin, std::fmt::Debug);

type Call = ScriptedCall<u8, u8, String>;

fn failed() -> String {
    "failed".to_owned()
}

#[test]
fn a_script_answers_in_its_order() {
    let script = Store::new().ok(1).err(failed()).ok(3);
    let call = || assert_ready!(task::spawn(script.clone().oneshot("get")).poll());
    assert_eq!([call(), call(), call()], [Ok(1), Err(failed()), Ok(3)]);
    assert_eq!(
        (script.calls(), script.peak(), script.cancelled()),
        (3, 1, 0)
    );
    script.assert_done();
}

#[tokio::test(start_paused = true)]
async fn a_timed_step_ends_on_the_clock_of_tokio() {
    let time = Duration::from_millis(40);
    let script = Store::new().after(time, Ok(1));
    let mut service = script.clone();
    let call = service.ready().await.unwrap().call("get");
    let begun = Instant::now();
    // The time counts from the call, and not from the first poll.
    tokio::time::advance(Duration::from_millis(30)).await;
    assert_eq!(call.await, Ok(1));
    assert_eq!(begun.elapsed(), time);
}

#[test]
fn an_answer_ends_the_oldest_pending_call() {
    let script = Store::new().pending().ok(0).pending();
    let mut first = task::spawn(script.clone().oneshot("a"));
    assert_pending!(first.poll());
    assert_eq!(
        assert_ready!(task::spawn(script.clone().oneshot("b")).poll()),
        Ok(0)
    );
    let mut third = task::spawn(script.clone().oneshot("c"));
    assert_pending!(third.poll());
    assert_eq!((script.in_flight(), script.peak()), (2, 2));

    script.answer(Ok(1));
    assert!(first.is_woken() && !third.is_woken());
    assert_eq!(assert_ready!(first.poll()), Ok(1));
    script.answer(Err(failed()));
    assert!(third.is_woken());
    assert_eq!(assert_ready!(third.poll()), Err(failed()));
    assert_eq!(script.in_flight(), 0);
    assert_eq!(script.take_requests(), ["a", "b", "c"]);
    assert!(script.take_requests().is_empty());
    script.assert_done();
}

#[test]
fn an_answer_may_come_before_the_first_poll() {
    let script = Store::new().pending();
    let mut service = script.clone();
    assert_ready_ok!(task::spawn(service.ready()).poll());
    let mut call = task::spawn(service.call("get"));
    script.answer(Ok(1));
    assert_eq!(assert_ready!(call.poll()), Ok(1));
}

/// A waker that is the last reference to its task: dropping it drops what the task holds.
struct LastOfATask(#[expect(dead_code, reason = "held, and dropped")] Call);

impl Wake for LastOfATask {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn dropping_a_waker_may_cancel_another_call() {
    let (done, is_done) = channel();
    std::thread::spawn(move || {
        let script = Script::<u8, u8, String>::new().pending().pending();
        let mut service = script.clone();
        let mut call = |request| {
            assert_ready_ok!(task::spawn(service.ready()).poll());
            service.call(request)
        };
        let (mut one, other) = (call(1), call(2));
        let waker = Waker::from(Arc::new(LastOfATask(other)));
        let polled = Pin::new(&mut one).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        drop(waker);
        let polled = Pin::new(&mut one).poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        assert_eq!((script.in_flight(), script.cancelled()), (1, 1));
        done.send(()).expect("the test waits for it");
    });
    // The real clock matters only in a failure: a deadlock hangs for ever.
    is_done
        .recv_timeout(Duration::from_secs(20))
        .expect("a waker is dropped outside the lock");
}

#[test]
fn a_dropped_call_is_cancelled_and_takes_no_answer() {
    let script = Store::new().pending().pending();
    let mut dropped = task::spawn(script.clone().oneshot("a"));
    assert_pending!(dropped.poll());
    let mut kept = task::spawn(script.clone().oneshot("b"));
    assert_pending!(kept.poll());
    drop(dropped);
    assert_eq!((script.in_flight(), script.cancelled()), (1, 1));
    script.answer(Ok(2));
    assert_eq!(assert_ready!(kept.poll()), Ok(2));
    drop(kept);
    assert_eq!(
        script.cancelled(),
        1,
        "a call that has ended is not cancelled"
    );
}

#[test]
fn a_step_of_readiness_holds_until_the_test_ends_it() {
    let script = Store::new().ok(1).not_ready().ready_err(failed()).ok(2);
    let mut service = script.clone();
    assert_eq!(
        assert_ready!(task::spawn(script.clone().oneshot("a")).poll()),
        Ok(1)
    );
    {
        let mut ready = task::spawn(service.ready());
        assert_pending!(ready.poll());
        script.set_ready();
        assert!(ready.is_woken());
        assert_eq!(assert_ready_err!(ready.poll()), failed());
    }
    assert_ready_ok!(task::spawn(service.ready()).poll());
    assert_eq!(assert_ready!(task::spawn(service.call("b")).poll()), Ok(2));
    script.assert_done();
}

#[test]
fn an_instance_that_was_ready_before_a_step_is_called() {
    let script = Store::new().ok(1).not_ready().ok(2);
    let (mut first, mut second) = (script.clone(), script.clone());
    for service in [&mut first, &mut second] {
        assert_ready_ok!(task::spawn(service.ready()).poll());
    }
    assert_eq!(assert_ready!(task::spawn(first.call("a")).poll()), Ok(1));
    assert_eq!(assert_ready!(task::spawn(second.call("b")).poll()), Ok(2));
}

#[test]
fn the_rest_of_a_script_answers_each_later_call() {
    let script = Store::new()
        .err(failed())
        .then_always(|request| Ok(request.len()));
    let call = |request| assert_ready!(task::spawn(script.clone().oneshot(request)).poll());
    assert_eq!(
        [call("a"), call("bb"), call("ccc")],
        [Err(failed()), Ok(2), Ok(3)]
    );
    script.assert_done();
}

#[test]
fn the_rest_of_a_script_may_ask_the_script() {
    let script = Store::new();
    let asked = script.clone();
    let script = script.then_always(move |_| Ok(asked.calls()));
    assert_eq!(
        assert_ready!(task::spawn(script.oneshot("a")).poll()),
        Ok(1)
    );
}

#[test]
#[should_panic(expected = "no step for call 2: steps of the script: 1")]
fn a_call_beyond_the_script_panics() {
    let script = Store::new().ok(1);
    for _ in 0..2 {
        let _ = task::spawn(script.clone().oneshot("get")).poll();
    }
}

#[tokio::test]
#[should_panic(expected = "steps left: 0 of 0, calls in flight: 0, calls without a step: 1")]
async fn a_call_beyond_the_script_is_not_done() {
    let script = Store::new();
    // A task catches the panic, and the test would not see it.
    let task = tokio::spawn(script.clone().oneshot("get"));
    assert!(task.await.unwrap_err().is_panic());
    script.assert_done();
}

#[test]
#[should_panic(expected = "the script is not done: steps left: 2 of 3, calls in flight: 0")]
fn a_script_with_a_step_left_is_not_done() {
    let script = Store::new().ok(1).not_ready().ok(2);
    assert_ready_ok!(task::spawn(script.clone().oneshot("get")).poll());
    script.assert_done();
}

#[test]
#[should_panic(expected = "the script is not done: steps left: 0 of 1, calls in flight: 1")]
fn a_script_with_a_call_in_flight_is_not_done() {
    let script = Store::new().pending();
    let mut call = task::spawn(script.clone().oneshot("get"));
    assert_pending!(call.poll());
    script.assert_done();
}

#[test]
#[should_panic(expected = "the script was called without `poll_ready`")]
fn a_clone_of_a_ready_script_is_not_ready() {
    let mut service = Store::new().ok(1);
    assert_ready_ok!(task::spawn(service.ready()).poll());
    drop(service.clone().call("get"));
}

#[test]
#[should_panic(expected = "the script was called without `poll_ready`")]
fn a_script_is_polled_ready_before_each_call() {
    let mut service = Store::new().ok(1).ok(2);
    assert_ready_ok!(task::spawn(service.ready()).poll());
    drop(service.call("a"));
    drop(service.call("b"));
}

#[test]
#[should_panic(expected = "no call is pending: calls until now: 1")]
fn an_answer_without_a_pending_call_panics() {
    let script = Store::new().ok(1);
    assert_ready_ok!(task::spawn(script.clone().oneshot("get")).poll());
    script.answer(Ok(2));
}

#[test]
#[should_panic(expected = "the next step of the script is no `not_ready`")]
fn a_script_that_is_ready_is_not_set_ready() {
    Store::new().ok(1).set_ready();
}
