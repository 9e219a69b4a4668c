//~ Builder` is not a circuit breaker
//~ CircuitBreakers<&'static str>` is not a circuit breaker
//~ `&CircuitBreaker` is not a circuit breaker
//~ a `CircuitBreakerLayer` cannot be made of this
//~ build it: `CircuitBreaker::builder()` ends with `.build("name")`,
//~ of a family choose the member: `breakers.by(|request| ...)`,
//~ of a handle behind a reference take a clone: it shares the state

use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, CircuitBreakers};

fn layers(family: CircuitBreakers<&'static str>, breaker: &CircuitBreaker) {
    let _ = CircuitBreakerLayer::new(CircuitBreaker::builder());
    let _ = CircuitBreakerLayer::new(family);
    let _ = CircuitBreakerLayer::new(breaker);
}

fn main() {
    let _ = layers;
}
