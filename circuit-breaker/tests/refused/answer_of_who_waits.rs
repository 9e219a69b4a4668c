//~ no method named `wait` found for struct `CircuitBreakerLayer<ErrIsFailure, Answer<

use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};

fn main() {
    let _layer = CircuitBreakerLayer::new(CircuitBreaker::new("store"))
        .on_reject(|open| Err::<u8, String>(open.to_string()))
        .wait();
}
