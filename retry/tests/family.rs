//! Retries with a budget for each key, over mocked services.

use std::time::Duration;

use maestro_retry::{Backoff, Hedge, RetryBudget, RetryBudgets, RetryLayer, RetryPolicy};
use tokio_test::{assert_pending, assert_ready_err, task};
use tower::{Layer, Service, ServiceExt, service_fn};

#[derive(Clone)]
struct Request {
    host: u8,
}

/// Two retries for each host.
fn hosts(capacity: usize) -> RetryBudgets<u8> {
    RetryBudget::builder()
        .ratio(0.0)
        .floor_per_second(2)
        .ttl(Duration::from_secs(1))
        .build_family("hosts", capacity)
        .expect("legal numbers")
}

macro_rules! policy {
    ($hosts:expr) => {
        RetryPolicy::builder()
            .attempts(9)
            .backoff(Backoff::none())
            .build()
            .unwrap()
            .budget($hosts.by(|request: &Request| request.host))
    };
}

#[test]
fn an_error_of_a_family_begins_with_its_name() {
    let (good, bad) = (RetryBudget::builder(), RetryBudget::builder().ratio(-1.0));
    let family = good.build_family::<u8>("family", 1).unwrap();
    for (name, result) in [
        ("hosts", bad.build_family::<u8>("hosts", 1).map(drop)),
        ("none", good.build_family::<u8>("none", 0).map(drop)),
        ("family", family.reconfigure(bad)),
    ] {
        let refused = result.unwrap_err();
        assert_eq!(refused.name(), Some(name));
        let text = format!("retry budget `{name}`: {}", refused.kind());
        assert_eq!(refused.to_string(), text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_asks_the_budget_of_its_host() {
    let hosts = hosts(9);
    let failing = service_fn(async |_: Request| Err::<(), _>("busy"));
    let by_value = RetryLayer::new(policy!(hosts)).layer(failing);
    let leaked = RetryLayer::new(policy!(hosts).leak()).layer(failing);
    let call = |host| by_value.clone().oneshot(Request { host });
    assert_eq!(call(1).await, Err("busy"));
    assert_eq!(leaked.oneshot(Request { host: 2 }).await, Err("busy"));
    let balances = [1, 2, 3].map(|host| hosts.get(&host).balance());
    assert_eq!(balances, [0, 0, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_call_in_flight_keeps_its_budget() {
    let hosts = hosts(1);
    let (mut service, mut handle) =
        tower_test::mock::spawn_layer::<Request, (), _>(RetryLayer::new(policy!(hosts)));
    handle.allow(2);
    assert!(service.poll_ready().is_ready());
    let mut call = task::spawn(service.call(Request { host: 1 }));
    assert_pending!(call.poll());
    assert_eq!(hosts.get(&2).name(), "hosts");
    assert!(hosts.iter().map(|(key, _)| key).eq([1]));
    let (_, answer) = handle.next_request().await.unwrap();
    answer.send_error("fatal");
    handle.send_error("closed");
    assert_ready_err!(call.poll());
    drop(call);
    hosts
        .reconfigure(RetryBudget::builder().floor_per_second(0))
        .unwrap();
    drop(hosts.get(&2));
    assert!(hosts.iter().map(|(key, _)| key).eq([2]));
}

#[tokio::test(start_paused = true)]
async fn a_hedge_asks_the_budget_of_its_host() {
    let hosts = hosts(9);
    let hedge = Hedge::after(Duration::from_millis(10))
        .share(1.0)
        .build()
        .unwrap();
    let slow = service_fn(async |request: Request| {
        if request.host > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok::<_, &str>(())
    });
    let mut service = RetryLayer::new(policy!(hosts)).hedge(hedge).layer(slow);
    for host in [0, 1] {
        service.call(Request { host }).await.unwrap();
    }
    assert_eq!([0, 1].map(|host| hosts.get(&host).balance()), [2, 1]);
}
