//! What the starting points of the builder promise.

use std::{future::pending, time::Duration};

use maestro_timeout::{Builder, Elapsed, InvalidConfig, Timeout, TimeoutLayer};
use tower::{Layer, Service, service_fn};

const PRESETS: [(Builder, Duration); 4] = [
    (Builder::database(), Duration::from_secs(5)),
    (Builder::http_api(), Duration::from_secs(10)),
    (Builder::cache(), Duration::from_millis(250)),
    (Builder::queue(), Duration::from_secs(30)),
];

#[tokio::test(start_paused = true)]
async fn each_preset_ends_a_call_at_its_limit() -> Result<(), InvalidConfig> {
    for (preset, limit) in PRESETS {
        preset.check()?;
        let timeout = preset.build("preset");
        let documented = Timeout::builder().limit(limit);
        assert_eq!(timeout.numbers(), documented, "and the rest is the default");
        let mut service =
            TimeoutLayer::new(timeout).layer(service_fn(|()| pending::<Result<(), Elapsed>>()));
        let elapsed = service.call(()).await.unwrap_err();
        assert_eq!((elapsed.after(), elapsed.limit()), (limit, limit));
    }
    Ok(())
}

#[test]
fn a_preset_is_a_base_for_other_settings() {
    let limit = Duration::from_secs(1);
    let changed = Builder::database().limit(limit).count_readiness(true);
    let built = Timeout::builder().limit(limit).count_readiness(true);
    assert_eq!(changed, built);
}
