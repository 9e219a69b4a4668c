//! The properties of [`Samples`] as models.

use loom::{sync::Arc, thread};

use super::Samples;
use crate::tests::explore;

#[test]
fn each_call_is_in_one_window_and_one_call_closes_it() {
    explore(Some(3), || {
        // The window ends with the tenth call. Two calls end at the same time.
        let samples = Arc::new(Samples::new(1));
        for _ in 0..9 {
            samples.success(1, 1);
        }
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let samples = Arc::clone(&samples);
                thread::spawn(move || {
                    samples.success(1, 2);
                    samples.closes(5).then(|| samples.take())
                })
            })
            .collect();
        let closed: Vec<_> = threads
            .into_iter()
            .filter_map(|t| t.join().unwrap())
            .collect();
        assert_eq!(closed.len(), 1, "one of them closes it");
        let rest = samples.take();
        assert_eq!(closed[0].successes + rest.successes, 11);
        assert_eq!(closed[0].micros + rest.micros, 11);
    });
}
