//! What listeners are told.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use maestro_bulkhead::{
    Aimd, Bulkhead, BulkheadLayer, Event, Outcome, Override, Queue, StaticBulkhead,
};
use parking_lot::Mutex;
use tokio::time::{advance, sleep};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, task};
use tower::{BoxError, Layer, Service, service_fn};

/// Collects events.
#[derive(Clone, Debug)]
struct Heard<T = Event>(Arc<Mutex<Vec<T>>>);

impl<T> Heard<T> {
    fn nothing() -> Self {
        Self(Arc::new(Mutex::new(Vec::new())))
    }

    fn add(&self, event: T) {
        self.0.lock().push(event);
    }

    fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.0.lock())
    }
}

impl Heard {
    fn listener(&self) -> impl Fn(&Event) + Send + Sync + 'static {
        let heard = self.clone();
        move |event| heard.add(event.clone())
    }
}

/// An event as text.
fn text(event: &Event) -> String {
    match event {
        Event::Rejected(full) => format!("rejected {}", full.cause().as_str()),
        Event::LimitChanged(change) => {
            let (from, to) = (change.from(), change.to());
            format!("{from} to {to} by {}", change.cause().as_str())
        }
        other => format!("{other:?}"),
    }
}

fn texts(heard: &Heard) -> Vec<String> {
    heard.take().iter().map(text).collect()
}

#[tokio::test(start_paused = true)]
async fn every_way_to_refuse_is_told() {
    let pool = Bulkhead::builder().limit(1).build("pool").unwrap();
    let heard = Heard::nothing();
    let _listener = pool.on_event(heard.listener());
    let held = pool.try_acquire().unwrap();
    let full = pool.try_acquire().unwrap_err();
    assert_eq!(heard.take(), [Event::Rejected(full)]);
    pool.try_acquire_many(2.try_into().unwrap()).unwrap_err();
    let second = Duration::from_secs(1);
    let mut service = BulkheadLayer::new(pool.clone())
        .queue(Queue::new(1, second))
        .layer(service_fn(async |()| Ok::<_, BoxError>(())));
    let mut waits = task::spawn(service.call(()));
    assert_pending!(waits.poll());
    assert_ready_err!(task::spawn(service.call(())).poll());
    advance(2 * second).await;
    assert_ready_err!(waits.poll());
    let told = ["too_heavy", "queue_full", "waited_too_long"];
    assert_eq!(texts(&heard), told.map(|cause| format!("rejected {cause}")));
    drop(held);
    pool.try_acquire().unwrap().success();
    assert_eq!(heard.take(), []);
}

#[test]
fn a_limit_set_by_hand_is_told_if_it_changes() {
    static POOL: StaticBulkhead = Bulkhead::builder().limit(4).build_static("pool");
    let heard = Heard::nothing();
    let _listener = POOL.on_event(heard.listener());
    POOL.set_limit(4).unwrap();
    POOL.set_limit(2).unwrap();
    POOL.set_limit(0).unwrap_err();
    POOL.reconfigure(Bulkhead::builder().limit(usize::MAX))
        .unwrap();
    let to = usize::MAX;
    assert_eq!(
        texts(&heard),
        [
            "4 to 2 by configured".to_owned(),
            format!("2 to {to} by configured")
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_a_law_is_told() {
    let builder = Bulkhead::builder().limit(10);
    let pool = builder.build_adaptive("pool", Aimd::new()).unwrap();
    let heard = Heard::nothing();
    let _listener = pool.on_event(heard.listener());
    for _ in 0..2 {
        let permits: Vec<_> = (0..10).map(|_| pool.try_acquire().unwrap()).collect();
        sleep(Duration::from_secs(1)).await;
        for permit in permits {
            permit.finish(Outcome::Success);
        }
    }
    let told = texts(&heard);
    assert_eq!(told[0], "10 to 11 by law");
}

#[test]
fn a_close_and_its_end_are_told_once() {
    let pool = Bulkhead::builder().limit(2).build("pool").unwrap();
    let heard = Heard::nothing();
    let _listener = pool.on_event(heard.listener());
    let permits = [pool.try_acquire().unwrap(), pool.try_acquire().unwrap()];
    let mut drain = task::spawn(pool.close());
    assert_pending!(drain.poll());
    drop(pool.close());
    assert_eq!(heard.take(), [Event::Closed]);
    drop(permits);
    assert_eq!(heard.take(), [Event::Drained]);
    assert_ready!(drain.poll());
    drop(pool.close());
    assert_eq!(heard.take(), []);
    let idle = Bulkhead::builder().build("idle").unwrap();
    let _listener = idle.on_event(heard.listener());
    drop(idle.close());
    assert_eq!(heard.take(), [Event::Closed, Event::Drained]);
}

#[tokio::test(start_paused = true)]
async fn an_event_is_a_line_for_a_log() {
    let pool = Bulkhead::builder().limit(1).build("pool").unwrap();
    let heard = Heard::nothing();
    let _listener = pool.on_event(heard.listener());
    let by = || Override::new("maria", "a test");
    let second = Duration::from_secs(1);
    let held = pool.try_acquire().unwrap();
    let full = pool.try_acquire().unwrap_err();
    pool.set_limit(2).unwrap();
    pool.force_limit(usize::MAX, by().lasting(second)).unwrap();
    advance(second).await;
    pool.force_limit(1, by()).unwrap();
    pool.resume(by());
    drop(held);
    drop(pool.close());
    let lines: Vec<_> = heard.take().iter().map(ToString::to_string).collect();
    let rejected = full.to_string();
    assert_eq!(
        lines,
        [
            &*rejected,
            "limit 1 to 2, configured",
            "limit 2 to unlimited, forced by maria: a test",
            "limit unlimited to 2, at the end of the override by maria: a test",
            "limit 2 to 1, forced by maria: a test",
            "limit 1 to 2, resumed by maria: a test",
            "closed",
            "drained",
        ]
    );
}

#[test]
fn a_dropped_listener_hears_nothing_and_a_detached_one_all() {
    let pool = Bulkhead::builder().limit(1).build("pool").unwrap();
    let (gone, kept) = (Heard::nothing(), Heard::nothing());
    drop(pool.on_event(gone.listener()));
    pool.on_event(kept.listener()).detach();
    pool.clone().set_limit(2).unwrap();
    assert_eq!((gone.take().len(), kept.take().len()), (0, 1));
}

#[test]
fn a_listener_may_use_its_bulkhead_and_may_panic() {
    let pool = Bulkhead::builder().limit(2).build("pool").unwrap();
    let heard = Heard::nothing();
    let (again, limits) = (pool.clone(), heard.clone());
    let _panics = pool.on_event(|_| panic!("in a listener"));
    let _listener = pool.on_event(move |event| {
        limits.add(event.clone());
        if again.limit() < 4 {
            again.set_limit(4).expect("legal");
        }
    });
    let result = catch_unwind(AssertUnwindSafe(|| pool.set_limit(3)));
    result.expect("the panic is caught").expect("legal");
    assert_eq!(
        texts(&heard),
        ["2 to 3 by configured", "3 to 4 by configured"]
    );
}

/// A listener that holds the first call, with what it heard, the sign that it holds it, and what lets it go.
fn holds_the_first() -> (
    impl Fn(&Event) + Send + Sync + 'static,
    Heard,
    mpsc::Receiver<()>,
    mpsc::Sender<()>,
) {
    let heard = Heard::nothing();
    let (holds, is_held) = mpsc::channel();
    let (let_go, goes) = mpsc::channel();
    let (adds, goes) = (heard.clone(), Mutex::new(Some(goes)));
    let listener = move |event: &Event| {
        adds.add(event.clone());
        let goes = goes.lock().take();
        if let Some(goes) = goes {
            holds.send(()).expect("the test listens");
            goes.recv().expect("the test lets it go");
        }
    };
    (listener, heard, is_held, let_go)
}

#[test]
fn a_rejection_is_told_in_the_thread_of_its_call() {
    let pool = Bulkhead::builder().limit(1).build("pool").unwrap();
    let (listener, heard, is_held, let_go) = holds_the_first();
    let _listener = pool.on_event(listener);
    let _held = pool.try_acquire().unwrap();
    let again = pool.clone();
    let first = thread::spawn(move || again.try_acquire().is_err());
    // The real clock matters only in a failure.
    is_held.recv_timeout(Duration::from_secs(20)).unwrap();
    pool.try_acquire().unwrap_err();
    assert_eq!(texts(&heard), ["rejected at_limit"; 2]);
    let_go.send(()).unwrap();
    assert!(first.join().unwrap());
}

#[test]
fn those_that_wait_are_served_before_a_change_is_told() {
    static POOL: StaticBulkhead = Bulkhead::builder().limit(1).build_static("pool");
    let heard = Heard::nothing();
    let to = heard.clone();
    let _listener = POOL.on_event(move |event| {
        if !matches!(event, Event::Rejected(_)) {
            to.add(POOL.queued());
        }
    });
    let _held = POOL.try_acquire().unwrap();
    let one_waits = || {
        let mut waits = task::spawn(POOL.acquire());
        assert_pending!(waits.poll());
        waits
    };
    let mut waiters = vec![one_waits()];
    POOL.set_limit(2).unwrap();
    waiters.push(one_waits());
    POOL.force_limit(3, Override::new("maria", "a test"))
        .unwrap();
    waiters.push(one_waits());
    POOL.resume(Override::new("maria", "a test"));
    POOL.reconfigure(Bulkhead::builder().limit(1).metrics_only(true))
        .unwrap();
    POOL.reconfigure(Bulkhead::builder().limit(2)).unwrap();
    waiters.push(one_waits());
    drop(POOL.close());
    assert_eq!(heard.take(), [0, 0, 1, 0, 0, 0]);
}

#[cfg(feature = "family")]
#[test]
fn a_family_tells_a_rejection_in_the_thread_of_its_call() {
    let hosts = Bulkhead::builder().limit(1).build_family("hosts", 2);
    let hosts = hosts.unwrap();
    let (listener, heard, is_held, let_go) = holds_the_first();
    let _listener = hosts.on_event(move |_, event| listener(event));
    let [one, other] = [hosts.get(&1), hosts.get(&2)];
    let _held = [one.try_acquire().unwrap(), other.try_acquire().unwrap()];
    let first = thread::spawn(move || one.try_acquire().is_err());
    is_held.recv_timeout(Duration::from_secs(20)).unwrap();
    other.try_acquire().unwrap_err();
    assert_eq!(texts(&heard), ["rejected at_limit"; 2]);
    let_go.send(()).unwrap();
    assert!(first.join().unwrap());
}

#[cfg(feature = "family")]
#[test]
fn a_changed_limit_has_the_key_that_is_shown() {
    for (is_shown, expected) in [(true, Some("a.example")), (false, None)] {
        let hosts = Bulkhead::builder().build_family("hosts", 2).unwrap();
        let hosts = if is_shown { hosts.show_keys() } else { hosts };
        let keys = Heard::<Option<String>>::nothing();
        let to = keys.clone();
        let _listener = hosts.on_event(move |_, event| {
            if let Event::LimitChanged(change) = event {
                to.add(change.key().as_deref().map(str::to_owned));
            }
        });
        hosts.get(&"a.example").set_limit(3).unwrap();
        assert_eq!(keys.take(), [expected.map(str::to_owned)]);
    }
}

#[cfg(feature = "family")]
#[test]
fn a_family_tells_whose_event_it_is() {
    let hosts = Bulkhead::builder().limit(1).build_family("hosts", 2);
    let hosts = hosts.unwrap();
    let before = hosts.get(&"before");
    let heard = Heard::<(Option<&str>, String)>::nothing();
    let to = heard.clone();
    let listener = hosts.on_event(move |key, event| to.add((key.copied(), text(event))));
    let after = hosts.get(&"after");
    let overflow = hosts.overflow();
    for member in [&before, &after, &overflow] {
        let _held = member.try_acquire().unwrap();
        member.try_acquire().unwrap_err();
    }
    let rejected = || "rejected at_limit".to_owned();
    let told = [Some("before"), Some("after"), None].map(|key| (key, rejected()));
    assert_eq!(heard.take(), told);
    hosts.reconfigure(Bulkhead::builder().limit(2)).unwrap();
    let mut told = heard.take();
    told.sort();
    let set =
        [None, Some("after"), Some("before")].map(|key| (key, "1 to 2 by configured".to_owned()));
    assert_eq!(told, set);
    drop(listener);
    before.set_limit(3).unwrap();
    assert_eq!(heard.take(), []);
}
