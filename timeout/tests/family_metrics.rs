//! The metrics of a family.

use std::{future::pending, time::Duration};

use maestro_timeout::{Elapsed, Timeout, TimeoutLayer, Timeouts};
use tower::{Layer, Service, service_fn};

#[path = "recorder/mod.rs"]
mod recorder;
use recorder::Recorded;

fn family(name: &'static str) -> Timeouts<u32> {
    let builder = Timeout::builder().limit(Duration::from_secs(1));
    builder.build_family(name, 2).expect("a capacity above 0")
}

/// The keys and the counts of the elapsed calls of a family.
fn elapsed(recorded: &Recorded, name: &str) -> Vec<(Option<String>, u64)> {
    let of_label = |labels: &[(String, String)], wanted| {
        let mut labels = labels.iter();
        labels.find_map(|(label, value)| (label == wanted).then(|| value.clone()))
    };
    let counters = recorded.by_labels("maestro_timeout_elapsed_total");
    let in_call = counters.iter().filter(|(labels, _)| {
        of_label(labels, "name").as_deref() == Some(name)
            && of_label(labels, "phase").as_deref() == Some("call")
    });
    in_call
        .map(|(labels, count)| (of_label(labels, "key"), *count))
        .collect()
}

/// One test, because a process installs its recorder once.
#[tokio::test(start_paused = true)]
async fn label_of_keys_is_opt_in_and_has_a_bounded_cost() {
    let recorded = Recorded::install();
    let costs = family("costs").label_metrics();
    let mut service = TimeoutLayer::new(costs.by(|host: &u32| *host))
        .layer(service_fn(|_| pending::<Result<(), Elapsed>>()));
    assert!(service.call(1).await.is_err());
    let counters = recorded.by_labels("maestro_timeout_elapsed_total").len();
    assert_eq!(
        (counters, recorded.registrations()),
        (2, 3),
        "a histogram is the third"
    );
    assert!(service.call(2).await.is_err());
    assert_eq!(recorded.registrations(), 2 * 3);
    for hosts in [family("plain"), family("labelled").label_metrics()] {
        let mut service = TimeoutLayer::new(hosts.by(|host: &u32| *host))
            .layer(service_fn(|_| pending::<Result<(), Elapsed>>()));
        // One and two are members. Three takes the seat of one of them, and then there are no more labels.
        for host in [1, 2, 2, 3, 3, 3] {
            assert!(service.call(host).await.is_err());
        }
    }
    assert_eq!(elapsed(&recorded, "plain"), [(None, 6)]);
    let key = |key: &str| Some(key.to_owned());
    let labelled = [(key("1"), 1), (key("2"), 2), (key("_overflow"), 3)];
    assert_eq!(elapsed(&recorded, "labelled"), labelled);
}
