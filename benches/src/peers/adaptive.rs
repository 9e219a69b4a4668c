use tower::Layer;
use tower_acc::ConcurrencyLimit;
use tower_resilience_adaptive::{AdaptiveLimiterLayer, Gradient2};

use super::{
    Comparison,
    Peer::{TowerAcc, TowerResilience},
};
use crate::{Row, inner::Nothing, rows::floors::READY};

pub(super) fn comparisons() -> Vec<Comparison> {
    vec![
        Comparison::new("adaptive limit, Gradient2", "bulkhead, adaptive, in and out", None)
            .peer(
                TowerAcc,
                Row::service("tower-acc, Gradient2", READY, || {
                    let law = tower_acc::Gradient2::builder().initial_limit(64);
                    ConcurrencyLimit::new(Nothing, law.build())
                }),
            )
            .peer(
                TowerResilience,
                Row::service("tower-resilience, Gradient2", READY, || {
                    let law = Gradient2::builder().initial_limit(64).build();
                    let layer = AdaptiveLimiterLayer::new(law.expect("64 is legal"));
                    layer.layer(Nothing)
                }),
            )
            .note("the peers take a lock for each call; ours writes words of its own and asks the law once a window"),
    ]
}
