//! One property a model.

use loom::{sync::Arc, thread};

use crate::{limit::Limit, nanos::Nanos};
use std::time::Duration;

#[test]
fn who_reads_a_limit_while_it_changes_has_the_old_one_or_the_new_one() {
    // Both halves of the word differ, so that a mixture would be a third value.
    let (old, new) = (Duration::from_nanos(1), Duration::from_nanos(2 << 32));
    loom::model(move || {
        let limit = Arc::new(Limit::new(old));
        let other = Arc::clone(&limit);
        let there = thread::spawn(move || other.store(new));
        let seen = limit.load();
        assert!(
            seen == Nanos::new(old) || seen == Nanos::new(new),
            "{seen:?}"
        );
        there.join().unwrap();
        assert_eq!(limit.load(), Nanos::new(new));
    });
}
