//! Requests of each mode pass the layers of the mode.

use std::time::Duration;

use maestro_bulkhead::Full;
use maestro_circuit_breaker::Open;
use maestro_slo_budget::Spent;
use maestro_timeout::{BodyTimeout, Elapsed};

use crate::{
    block::Load,
    client::Client,
    modes::{Mode, Modes},
    rounds::measure,
    table::Report,
};

const ONE: Load = Load {
    connections: 1,
    requests: 1,
};

#[tokio::test]
async fn the_layers_of_a_mode_count_its_requests() {
    let few = Load {
        connections: 2,
        requests: 3,
    };
    // Ten rounds of two warm-up requests and six others.
    let sent = 80;
    let modes = Modes::start().expect("loopback has free ports");
    let measured = measure(&modes, few, Duration::ZERO).await;
    let measured = measured.expect("the handler answers");
    for mode in modes.iter() {
        if let Some(client) = &mode.client {
            let counts = client.budget.counts(client.budget.period());
            assert_eq!((counts.good(), counts.bad()), (sent, 0), "{}", mode.name);
        }
        if let Some(server) = &mode.server {
            // The server ends the last call of each connection after the client has the whole answer.
            let counts = server.budget.counts(server.budget.period());
            assert!((sent - 2..=sent).contains(&counts.good()), "{counts:?}");
            assert_eq!(counts.bad(), 0, "{}", mode.name);
        }
    }
    let table = Report::new(vec![measured]).to_string();
    for mode in modes.iter() {
        assert!(table.contains(&format!("\n| {} |", mode.name)), "{table}");
    }
}

#[tokio::test]
async fn each_layer_of_a_client_can_reject_a_request() {
    let modes = Modes::start().expect("loopback has free ports");
    let mut clients = 0;
    for mode in modes.iter() {
        let Some(client) = &mode.client else {
            continue;
        };
        clients += 1;
        mode.send(ONE).await.expect("the handler answers");
        rejects(mode, client).await;
    }
    assert_eq!(clients, 4);
}

/// Makes the layers reject one after the other, from the inside out.
async fn rejects(mode: &Mode, client: &Client) {
    let error = async || mode.send(ONE).await.expect_err("a layer rejects");

    let held = [(); 64].map(|()| client.bulkhead.try_acquire().expect("there is room"));
    assert!(
        Full::find(error().await.as_ref()).is_some(),
        "{}",
        mode.name
    );
    drop(held);

    let before = client.breaker.snapshot().failures();
    client.attempt.set_limit(Duration::ZERO);
    let headers = BodyTimeout::builder().headers(Duration::ZERO);
    client.body.reconfigure(headers).expect("zero is legal");
    let elapsed = error().await;
    let elapsed = Elapsed::find(elapsed.as_ref()).expect("the attempts have no time");
    assert_eq!(elapsed.name(), "attempt");
    let failures = client.breaker.snapshot().failures() - before;
    assert_eq!(failures, 3, "the retry sends three attempts to the breaker");
    client.attempt.set_limit(Duration::MAX);
    let unlimited = BodyTimeout::builder();
    client.body.reconfigure(unlimited).expect("none is legal");

    let by = maestro_circuit_breaker::Override::new("test", "rejects");
    client.breaker.force_open(by);
    assert!(
        Open::find(error().await.as_ref()).is_some(),
        "{}",
        mode.name
    );

    client.call.set_limit(Duration::ZERO);
    let by = maestro_circuit_breaker::Override::new("test", "passes");
    client.breaker.resume(by);
    // The attempts have no limit. Where they see the deadline of the call, they elapse first.
    assert!(
        Elapsed::find(error().await.as_ref()).is_some(),
        "{}",
        mode.name
    );

    let by = maestro_slo_budget::Override::new("test", "rejects");
    client.gate.force_closed(by);
    assert!(
        Spent::find(error().await.as_ref()).is_some(),
        "{}",
        mode.name
    );
}
