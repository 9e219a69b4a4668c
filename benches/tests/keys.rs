//! No call of a member of a family of breakers allocates, by its window, also if it fails.

use maestro_circuit_breaker::{Builder, CircuitBreaker, Window};

const KEYS: usize = 1_000;

fn allocations_of_calls(builder: Builder) -> u64 {
    let family = builder.build_family("keys", KEYS).expect("legal numbers");
    for key in 0..KEYS {
        drop(family.get(&key));
    }
    let used = allocation_counter::measure(|| {
        for key in 0..KEYS {
            for _ in 0..3 {
                let call = family.get(&key).try_acquire().expect("it is closed");
                call.failure();
            }
        }
    });
    used.count_total
}

#[test]
fn no_call_of_a_breaker_of_a_family_allocates() {
    let builder = CircuitBreaker::builder;
    let calls = |calls| builder().failure_ratio(1.0).window(Window::calls(calls));
    let found = [
        builder().consecutive_failures(9),
        builder().failure_ratio(1.0).minimum_calls(9),
        calls(100).minimum_calls(9),
        calls(1_000).minimum_calls(9),
    ]
    .map(allocations_of_calls);
    assert_eq!(found, [0; 4]);
}
