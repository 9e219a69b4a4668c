//! Which connections are idle, in the order in which they became so.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The idle connections of a listener.
#[derive(Debug, Default)]
pub(super) struct Idle {
    /// By the number at which each became idle, so the first one has been idle for the longest time.
    lines: Mutex<(u64, BTreeMap<u64, Arc<Notify>>)>,
    /// A connection can be chosen to close: one has become idle, or the chosen one is in use.
    came: Notify,
}

/// A connection. Clones are of the same one; it is forgotten when the last is dropped.
#[derive(Clone, Debug)]
pub(super) struct Line {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    idle: Arc<Idle>,
    close: Arc<Notify>,
    uses: Mutex<Uses>,
}

#[derive(Debug)]
struct Uses {
    /// Requests in service.
    count: usize,
    /// Whether a response waits for the client to read. The connection is idle nevertheless.
    waiting: bool,
    /// The number at which the connection became idle; meaningful while `count` is 0.
    since: u64,
}

/// A use of a connection. The connection is not idle until it is dropped.
#[derive(Debug)]
pub(super) struct Use {
    state: Arc<State>,
}

// === impl Idle ===

impl Idle {
    /// Tells the connection that has been idle for the longest time to close; `false` if none is idle.
    pub(super) fn close_oldest(&self) -> bool {
        let oldest = self.lines.lock().1.pop_first();
        oldest.is_some_and(|(_, close)| {
            close.notify_one();
            true
        })
    }

    /// Returns when a connection has become idle, or the one that was told to close does not.
    pub(super) async fn came(&self) {
        self.came.notified().await;
    }

    fn add(&self, close: Arc<Notify>) -> u64 {
        let mut lines = self.lines.lock();
        lines.0 += 1;
        let number = lines.0;
        lines.1.insert(number, close);
        drop(lines);
        self.came.notify_one();
        number
    }

    fn remove(&self, number: u64) {
        self.lines.lock().1.remove(&number);
    }
}

// === impl Line ===

impl Line {
    pub(super) fn new(idle: Arc<Idle>) -> Self {
        let close = Arc::new(Notify::new());
        let since = idle.add(close.clone());
        let uses = Mutex::new(Uses {
            count: 0,
            waiting: false,
            since,
        });
        Self {
            state: Arc::new(State { idle, close, uses }),
        }
    }

    /// Begins a use.
    pub(super) fn serve(&self) -> Use {
        let mut uses = self.state.uses.lock();
        uses.count += 1;
        if uses.count == 1 {
            self.state.idle.remove(uses.since);
        }
        drop(uses);
        Use {
            state: self.state.clone(),
        }
    }

    /// Says whether a response waits for the client to read.
    pub(super) fn wait(&self, waiting: bool) {
        self.state.uses.lock().waiting = waiting;
    }

    /// Whether no request is in service and no response is being written.
    pub(super) fn is_quiet(&self) -> bool {
        let uses = self.state.uses.lock();
        uses.count == 0 && !uses.waiting
    }

    /// Whether no request is in service.
    pub(super) fn is_idle(&self) -> bool {
        self.state.uses.lock().count == 0
    }

    /// Returns when the connection must make room for another one.
    ///
    /// A request may begin between the choice of this connection and this call. It is then served, another connection
    /// must be chosen, and this one can be chosen again when it has become idle.
    pub(super) async fn closed(&self) {
        loop {
            self.state.close.notified().await;
            if self.is_idle() {
                return;
            }
            self.state.idle.came.notify_one();
        }
    }
}

// === impl Use ===

impl Drop for Use {
    fn drop(&mut self) {
        let mut uses = self.state.uses.lock();
        uses.count -= 1;
        if uses.count == 0 {
            uses.since = self.state.idle.add(self.state.close.clone());
        }
    }
}

// === impl State ===

impl Drop for State {
    fn drop(&mut self) {
        let uses = self.uses.get_mut();
        self.idle.remove(uses.since);
    }
}

#[cfg(test)]
mod tests {
    use tokio_test::{assert_pending, assert_ready, task};

    use super::*;

    #[test]
    fn the_longest_idle_connection_is_closed_first() {
        let idle = Arc::new(Idle::default());
        let [first, second] = [(); 2].map(|()| Line::new(idle.clone()));
        // It is idle again, since later than the second.
        drop(first.serve());
        assert!(idle.close_oldest());
        assert_pending!(task::spawn(first.closed()).poll());
        assert_ready!(task::spawn(second.closed()).poll());
    }

    #[test]
    fn a_connection_in_use_is_not_closed() {
        let idle = Arc::new(Idle::default());
        let line = Line::new(idle.clone());
        let (one, two) = (line.serve(), line.serve());
        drop(one);
        assert!(!idle.close_oldest());
        assert_pending!(task::spawn(line.closed()).poll());
        drop(two);
        assert!(line.is_quiet());
        assert!(idle.close_oldest());
        assert_ready!(task::spawn(line.closed()).poll());
    }

    #[test]
    fn a_request_on_a_connection_chosen_to_close_is_served() {
        let idle = Arc::new(Idle::default());
        let line = Line::new(idle.clone());
        assert_ready!(task::spawn(idle.came()).poll());
        assert!(idle.close_oldest());
        let request = line.serve();
        assert_pending!(task::spawn(line.closed()).poll());
        // Another connection must be chosen: the new one cannot wait for the request.
        assert_ready!(task::spawn(idle.came()).poll());
        drop(request);
        assert!(idle.close_oldest());
        assert_ready!(task::spawn(line.closed()).poll());
    }

    #[test]
    fn a_slow_reader_makes_room_but_is_waited_for() {
        let idle = Arc::new(Idle::default());
        let line = Line::new(idle.clone());
        drop(line.serve());
        line.wait(true);
        assert!(!line.is_quiet());
        assert!(idle.close_oldest());
        assert_ready!(task::spawn(line.closed()).poll());
        line.wait(false);
        assert!(line.is_quiet());
    }

    #[test]
    fn a_connection_that_has_ended_is_forgotten() {
        let idle = Arc::new(Idle::default());
        let line = Line::new(idle.clone());
        drop(line.serve());
        drop(line);
        assert!(idle.lines.lock().1.is_empty());
    }
}
