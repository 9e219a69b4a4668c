//! What a breaker of a family takes, by its window, and that no call of it allocates.

use maestro_circuit_breaker::{Builder, CircuitBreaker, Window};

const KEYS: usize = 1_000;

/// The bytes for a key, with its part of the map and the list of the family.
fn bytes_of_a_key(builder: Builder) -> u64 {
    let family = builder.build_family("keys", KEYS).expect("legal numbers");
    let made = allocation_counter::measure(|| {
        for key in 0..KEYS {
            drop(family.get(&key));
        }
    });
    let used = allocation_counter::measure(|| {
        for key in 0..KEYS {
            for _ in 0..3 {
                let call = family.get(&key).try_acquire().expect("it is closed");
                call.failure();
            }
        }
    });
    assert_eq!(used.count_total, 0, "a call allocates");
    u64::try_from(made.bytes_current).expect("it allocates") / KEYS as u64
}

#[test]
fn a_breaker_of_a_family_takes_what_its_window_needs() {
    let builder = CircuitBreaker::builder;
    let calls = |calls| builder().failure_ratio(1.0).window(Window::calls(calls));
    let found = [
        builder().consecutive_failures(9),
        builder().failure_ratio(1.0).minimum_calls(9),
        calls(100).minimum_calls(9),
        calls(1_000).minimum_calls(9),
    ]
    .map(bytes_of_a_key);
    // With `--features metrics` each has its handles as well.
    if cfg!(feature = "metrics") {
        return;
    }
    println!(
        "consecutive failures, a window of time, of 100 calls, of 1,000 calls: {found:?} bytes"
    );
    let most = [800, 950, 950, 1_900];
    assert!(
        found.iter().zip(most).all(|(found, most)| *found <= most),
        "{found:?}"
    );
}
