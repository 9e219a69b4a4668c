//! The events that tracing gets, with their levels and fields.

use std::{
    fmt::{Debug, Write},
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    task::{Context, Wake, Waker},
};

use maestro_bulkhead::{Bulkhead, Override};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// Sends each event as a line.
struct Lines(Sender<String>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").expect("a string takes it");
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.send(line.0).expect("the test still listens");
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

fn traced(f: impl FnOnce()) -> Vec<String> {
    let (lines, events) = channel();
    tracing::subscriber::with_default(Lines(lines), f);
    events.try_iter().collect()
}

#[test]
fn a_call_that_finds_a_place_is_not_traced() {
    let pool = Bulkhead::builder().limit(1).build("pool").unwrap();
    let events = traced(|| pool.try_acquire().unwrap().success());
    assert_eq!(events, [""; 0]);
}

#[test]
fn refusals_and_changes_are_traced() {
    let events = traced(|| {
        let bulkhead = Bulkhead::builder().limit(1).build("pool").unwrap();
        let held = bulkhead.try_acquire().unwrap();
        bulkhead.try_acquire().unwrap_err();
        drop(held);
        bulkhead.set_limit(2).unwrap();
        bulkhead.set_limit(2).unwrap();
        let by = Override::new("maria", "trouble");
        bulkhead.force_limit(1, by).unwrap();
        assert!(bulkhead.resume(Override::new("jo", "over")));
        drop(bulkhead.close());
    });
    assert_eq!(
        events,
        [
            "DEBUG message=refused kind=\"bulkhead\" name=\"pool\" cause=\"at_limit\" in_flight=1 queued=0 limit=1 waited=0ns",
            "INFO message=limit changed kind=\"bulkhead\" name=\"pool\" cause=\"configured\" from=1 to=2",
            "INFO message=limit changed kind=\"bulkhead\" name=\"pool\" cause=\"forced\" from=2 to=1 actor=\"maria\" reason=\"trouble\"",
            "INFO message=limit changed kind=\"bulkhead\" name=\"pool\" cause=\"resumed\" from=1 to=2 actor=\"jo\" reason=\"over\"",
            "INFO message=closed kind=\"bulkhead\" name=\"pool\"",
            "INFO message=drained kind=\"bulkhead\" name=\"pool\"",
        ]
    );
}

/// Changes the limit when it wakes.
struct Resizes(Bulkhead, usize);

impl Wake for Resizes {
    fn wake(self: Arc<Self>) {
        self.0.set_limit(self.1).expect("a limit above zero");
    }
}

#[test]
fn limit_changes_are_traced_in_their_order() {
    let pool = Bulkhead::builder().limit(1).build("pool").unwrap();
    let _held = pool.try_acquire().unwrap();
    let waker = Waker::from(Arc::new(Resizes(pool.clone(), 3)));
    let mut waits = std::pin::pin!(pool.acquire());
    let mut context = Context::from_waker(&waker);
    assert!(waits.as_mut().poll(&mut context).is_pending());
    // The caller that waits is woken between this change and its event.
    let events = traced(|| pool.set_limit(2).unwrap());
    let change = "INFO message=limit changed kind=\"bulkhead\" name=\"pool\" cause=\"configured\"";
    assert_eq!(
        events,
        [
            format!("{change} from=1 to=2"),
            format!("{change} from=2 to=3")
        ]
    );
}

#[cfg(feature = "family")]
#[test]
fn a_shown_key_is_traced() {
    let builder = Bulkhead::builder().limit(1);
    let hosts = builder.build_family("hosts", 1).unwrap().show_keys();
    let host = hosts.get(&"a.example");
    let _held = host.try_acquire().unwrap();
    let events = traced(|| {
        host.try_acquire().unwrap_err();
        host.set_limit(2).unwrap();
    });
    let shown = "name=\"hosts\" key=\"a.example\"";
    assert_eq!(events.len(), 2);
    assert!(
        events.iter().all(|event| event.contains(shown)),
        "{events:?}"
    );
}
