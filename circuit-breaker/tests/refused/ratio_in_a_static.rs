//~ the failure ratio must be a share from 0.000000001 to 1.0

use maestro_circuit_breaker::{CircuitBreaker, StaticCircuitBreaker};

static DB: StaticCircuitBreaker = CircuitBreaker::builder().failure_ratio(1.5).build_static("db");

fn main() {
    println!("{}", DB.name());
}
