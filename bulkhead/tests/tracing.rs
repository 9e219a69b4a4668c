//! The events of refusals and of changed limits.

use std::{
    fmt::{Debug, Write},
    sync::mpsc::{Sender, channel},
};

use maestro_bulkhead::Bulkhead;
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

#[test]
fn refusals_and_resizes_are_the_only_events() {
    let (lines, events) = channel();
    tracing::subscriber::with_default(Lines(lines), || {
        let bulkhead = Bulkhead::builder().limit(1).build("pool").unwrap();
        let held = bulkhead.try_acquire().unwrap();
        bulkhead.try_acquire().unwrap_err();
        drop(held);
        bulkhead.set_limit(2).unwrap();
    });
    let events: Vec<_> = events.try_iter().collect();
    assert_eq!(
        events,
        [
            "DEBUG message=refused bulkhead=\"pool\" cause=\"at_limit\" in_flight=1 queued=0 limit=1 waited=0ns",
            "DEBUG message=limit bulkhead=\"pool\" limit=2",
        ]
    );
}
