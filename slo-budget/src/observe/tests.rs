//! The loom model of `listeners.rs`.

use std::sync::Arc;

use loom::thread;

use crate::{observe::Listeners, sync::explore};

#[test]
fn every_event_is_delivered_in_order() {
    explore(Some(3), || {
        let listeners = Listeners::new();
        let heard = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let into = Arc::clone(&heard);
        listeners
            .listen(move |event: &u8| into.lock().push(*event))
            .detach();
        let there = Arc::clone(&listeners);
        let other = thread::spawn(move || {
            there.put(10);
            there.deliver();
        });
        listeners.put(1);
        listeners.put(2);
        listeners.deliver();
        other.join().unwrap();
        let mut heard = heard.lock().clone();
        let mine: Vec<_> = heard.iter().copied().filter(|n| *n < 10).collect();
        assert_eq!(mine, [1, 2]);
        heard.sort_unstable();
        assert_eq!(heard, [1, 2, 10]);
    });
}
