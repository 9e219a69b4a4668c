//! A timeout for each key, through a layer.

use std::{future::pending, mem::needs_drop, thread, time::Duration};

use maestro_timeout::{Elapsed, Override, Timeout, TimeoutLayer, Timeouts};
use static_assertions::assert_impl_all;
use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{Layer, Service, service_fn};
use tower_test::mock;

const LIMIT: Duration = Duration::from_millis(250);

assert_impl_all!(Timeouts<u32>: Clone, Send, Sync, std::fmt::Debug);

fn family(capacity: usize) -> Timeouts<u32> {
    let builder = Timeout::builder().limit(LIMIT);
    builder
        .build_family("hosts", capacity)
        .expect("a capacity above 0")
}

fn by() -> Override {
    Override::new("alice", "drill")
}

/// Waits for ever.
fn hung(hosts: &Timeouts<u32>) -> impl Service<u32, Response = (), Error = Elapsed> + use<> {
    TimeoutLayer::new(hosts.by(|host: &u32| *host))
        .layer(service_fn(|_| pending::<Result<(), Elapsed>>()))
}

#[tokio::test(start_paused = true)]
async fn call_has_the_limit_of_its_key() {
    let hosts = family(8);
    hosts.get(&1).force_limit(4 * LIMIT, by());
    let mut service = hung(&hosts);
    for (host, limit) in [(1, 4 * LIMIT), (2, LIMIT), (1, 4 * LIMIT)] {
        let elapsed = service.call(host).await.unwrap_err();
        assert_eq!((elapsed.name(), elapsed.after()), ("hosts", limit));
    }
    assert_eq!(hosts.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn rejections_name_the_key_only_if_it_is_shown() {
    let text = "elapsed: no result within 250ms";
    let elapsed = hung(&family(8)).call(7).await.unwrap_err();
    assert_eq!(elapsed.key(), None);
    assert_eq!(elapsed.to_string(), format!("timeout `hosts` {text}"));
    assert!(!format!("{elapsed:?}").contains('7'));

    let hosts = family(1).show_keys();
    let elapsed = hung(&hosts).call(7).await.unwrap_err();
    assert_eq!(elapsed.key().as_deref(), Some("7"));
    assert_eq!(elapsed.to_string(), format!("timeout `hosts` [7] {text}"));

    // The layer of a member names its key as well, and the overflow has none.
    let held = hosts.get(&7);
    let mut one = TimeoutLayer::new(held).layer(service_fn(|()| pending::<Result<(), Elapsed>>()));
    let elapsed = one.call(()).await.unwrap_err();
    assert_eq!(elapsed.key().as_deref(), Some("7"));
    let elapsed = hung(&hosts).call(8).await.unwrap_err();
    assert_eq!((elapsed.name(), elapsed.key()), ("hosts", None));
}

#[test]
fn rejection_with_a_key_has_nothing_to_drop() {
    assert!(!needs_drop::<Elapsed>());
}

#[tokio::test(start_paused = true)]
async fn call_in_flight_outlives_its_member() {
    let hosts = family(1).show_keys();
    let mut service = hung(&hosts);
    let mut call = task::spawn(service.call(1));
    assert_pending!(call.poll());
    drop(hosts.get(&2));
    assert!(hosts.iter().map(|(host, _)| host).eq([2]));
    hosts.get(&1).set_limit(Duration::MAX);
    advance(LIMIT).await;
    let elapsed = assert_ready_err!(call.poll());
    assert_eq!(elapsed.limit(), LIMIT);
    assert_eq!(elapsed.key().as_deref(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn readiness_counts_by_the_setting_of_the_family() {
    let half = LIMIT / 2;
    for (counts, left) in [(false, LIMIT), (true, half)] {
        let hosts = family(8);
        let to = Timeout::builder().limit(LIMIT).count_readiness(counts);
        hosts.reconfigure(to).expect("valid");
        let layer = TimeoutLayer::new(hosts.by(|host: &u32| *host));
        let (mut service, mut inner) = mock::spawn_layer::<u32, (), _>(layer);
        inner.allow(0);
        assert_pending!(service.poll_ready());
        advance(half).await;
        inner.allow(1);
        assert_ready_ok!(service.poll_ready());
        let mut call = task::spawn(service.call(1));
        assert_pending!(call.poll());
        advance(left).await;
        assert_ready_err!(call.poll());
    }
}

#[test]
fn flood_of_keys_changes_no_limit() {
    let hosts = family(4);
    hosts.get(&0).force_limit(4 * LIMIT, by());
    thread::scope(|scope| {
        for part in 0..4 {
            let hosts = &hosts;
            scope.spawn(move || {
                let mut service = hung(hosts);
                for host in 1..1_000 {
                    drop(service.call(1_000 * part + host));
                    assert!(hosts.len() <= 4);
                }
                assert_eq!(hosts.get(&0).limit(), 4 * LIMIT);
            });
        }
    });
    assert_eq!(hosts.overflow().limit(), LIMIT);
}
