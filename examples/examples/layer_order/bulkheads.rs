//! Mistakes with bulkheads and their rejections.

use crate::{
    backend::Behaviour,
    mistakes::{DEFAULT, Mistake},
    run::Figures,
    stack::{Kind, replaced, swapped},
};

pub(crate) fn mistakes() -> Vec<Mistake> {
    use Kind::{
        AdaptiveBulkhead, AttemptTimeout, Breaker, Bulkhead, Deadline, ErrorBudget, Hedge,
        LongQueue, Queue, Retry, StrictBreaker,
    };
    let hedged = replaced(&DEFAULT, Retry, Hedge);
    let adaptive = [
        ErrorBudget,
        Deadline,
        Retry,
        Breaker,
        AdaptiveBulkhead,
        AttemptTimeout,
    ];
    vec![
        Mistake {
            what: "bulkhead outside the retry",
            backend: ("fails a third of the attempts", Behaviour::FailsPartly),
            places: 8,
            figure: (
                "calls rejected, and places held without an attempt at most",
                |run| format!("{} and {}", run.full(), run.idle_places),
            ),
            right: DEFAULT.into(),
            wrong: vec![
                ErrorBudget,
                Deadline,
                Bulkhead,
                Retry,
                Breaker,
                AttemptTimeout,
            ],
        },
        Mistake {
            what: "bulkhead outside the hedge",
            backend: (
                "takes 500 ms for a tenth of the attempts",
                Behaviour::SometimesSlow,
            ),
            places: 5,
            figure: ("most attempts at once, with a limit of 5", |run| {
                run.most.to_string()
            }),
            right: hedged.clone(),
            wrong: vec![
                ErrorBudget,
                Deadline,
                Bulkhead,
                Hedge,
                Breaker,
                AttemptTimeout,
            ],
        },
        Mistake {
            what: "bulkhead outside the breaker",
            backend: ("fails", Behaviour::Fails),
            places: 8,
            figure: ("attempts at the backend", |run| run.attempts.to_string()),
            right: DEFAULT.into(),
            wrong: vec![
                ErrorBudget,
                Deadline,
                Retry,
                Bulkhead,
                Breaker,
                AttemptTimeout,
            ],
        },
        Mistake {
            what: "rejections counted by the breaker",
            backend: ("works, with room for half of the calls", Behaviour::Works),
            places: 1,
            figure: ("the breaker opens after", Figures::time_until_open),
            right: DEFAULT.into(),
            wrong: replaced(&DEFAULT, Breaker, StrictBreaker),
        },
        Mistake {
            what: "a queue that waits longer than an attempt may take",
            backend: ("works, with room for half of the calls", Behaviour::Works),
            places: 1,
            figure: ("the breaker opens after", Figures::time_until_open),
            right: replaced(&DEFAULT, Bulkhead, Queue),
            wrong: replaced(&DEFAULT, Bulkhead, LongQueue),
        },
        Mistake {
            what: "adaptive bulkhead inside the attempt timeout",
            backend: ("hangs", Behaviour::Hangs),
            places: 64,
            figure: ("limit of 64 in the end", |run| run.limit.to_string()),
            right: adaptive.into(),
            wrong: swapped(&adaptive, AdaptiveBulkhead, AttemptTimeout),
        },
    ]
}
