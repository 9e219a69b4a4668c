//! The wrong orders, each with a backend that shows its consequence, and the figure to read.

use crate::{
    backend::Behaviour,
    bulkheads,
    run::Figures,
    stack::{Answer, CallError, Kind, swapped},
};

/// Two orders over the same backend.
pub(crate) struct Mistake {
    pub(crate) what: &'static str,
    pub(crate) backend: (&'static str, Behaviour),
    pub(crate) places: usize,
    pub(crate) figure: (&'static str, fn(&Figures) -> String),
    pub(crate) right: Vec<Kind>,
    pub(crate) wrong: Vec<Kind>,
}

/// The default order without the gate, which would refuse calls, and without a fallback, which would answer them.
pub(crate) const DEFAULT: [Kind; 6] = [
    Kind::ErrorBudget,
    Kind::Deadline,
    Kind::Retry,
    Kind::Breaker,
    Kind::AttemptTimeout,
    Kind::Bulkhead,
];
/// More places than calls need.
pub(crate) const PLENTY: usize = 400;

pub(crate) fn mistakes() -> impl Iterator<Item = Mistake> {
    let all = [
        of_the_budget(),
        of_the_attempts(),
        bulkheads::mistakes(),
        of_the_fallback(),
    ];
    all.into_iter().flatten()
}

/// Of the gate and the error budget.
fn of_the_budget() -> Vec<Mistake> {
    use Kind::{AttemptTimeout, Breaker, Bulkhead, Deadline, ErrorBudget, Gate, Retry};
    let gated = [&[Gate], DEFAULT.as_slice()].concat();
    vec![
        Mistake {
            what: "gate inside the error budget",
            backend: ("fails for 5 s", Behaviour::Recovers),
            places: PLENTY,
            figure: ("calls refused by the gate", |run| {
                run.count(|r| matches!(r, Err(CallError::Spent(_))))
                    .to_string()
            }),
            right: gated.clone(),
            wrong: swapped(&gated, Gate, ErrorBudget),
        },
        Mistake {
            what: "error budget inside the deadline",
            backend: ("hangs in a third of the attempts", Behaviour::HangsPartly),
            places: PLENTY,
            figure: ("bad calls counted, of those that failed", Figures::counted),
            right: DEFAULT.into(),
            wrong: swapped(&DEFAULT, ErrorBudget, Deadline),
        },
        Mistake {
            what: "error budget inside the retry",
            backend: ("fails a third of the attempts", Behaviour::FailsPartly),
            places: PLENTY,
            figure: ("bad calls counted, of those that failed", Figures::counted),
            right: DEFAULT.into(),
            wrong: vec![
                Deadline,
                Retry,
                ErrorBudget,
                Breaker,
                AttemptTimeout,
                Bulkhead,
            ],
        },
    ]
}

/// Of the retry, the breaker and the timeouts.
fn of_the_attempts() -> Vec<Mistake> {
    use Kind::{AttemptTimeout, Breaker, Bulkhead, Deadline, ErrorBudget, Retry};
    vec![
        Mistake {
            what: "deadline inside the retry",
            backend: ("hangs in a third of the attempts", Behaviour::HangsPartly),
            places: PLENTY,
            figure: ("99 % of the calls take at most", |run| run.percentile(99)),
            right: DEFAULT.into(),
            wrong: swapped(&DEFAULT, Deadline, Retry),
        },
        Mistake {
            what: "retry inside the breaker",
            backend: ("fails", Behaviour::Fails),
            places: PLENTY,
            figure: ("attempts until it opens", Figures::attempts_until_open),
            right: DEFAULT.into(),
            wrong: swapped(&DEFAULT, Retry, Breaker),
        },
        Mistake {
            what: "attempt timeout outside the breaker",
            backend: ("hangs", Behaviour::Hangs),
            places: PLENTY,
            figure: ("the breaker opens after", Figures::time_until_open),
            right: DEFAULT.into(),
            wrong: swapped(&DEFAULT, Breaker, AttemptTimeout),
        },
        Mistake {
            what: "no attempt timeout",
            backend: ("hangs", Behaviour::Hangs),
            places: PLENTY,
            figure: ("half of the calls take at most", |run| run.percentile(50)),
            right: DEFAULT.into(),
            wrong: vec![ErrorBudget, Deadline, Retry, Breaker, Bulkhead],
        },
    ]
}

/// Of the fallback.
fn of_the_fallback() -> Vec<Mistake> {
    use Kind::{AttemptTimeout, Breaker, Bulkhead, Deadline, ErrorBudget, Fallback, Retry};
    let backed = [
        ErrorBudget,
        Deadline,
        Fallback,
        Retry,
        Breaker,
        AttemptTimeout,
        Bulkhead,
    ];
    vec![
        Mistake {
            what: "fallback inside the breaker",
            backend: ("hangs", Behaviour::Hangs),
            places: PLENTY,
            figure: ("attempts at the backend", |run| run.attempts.to_string()),
            right: backed.into(),
            wrong: vec![
                ErrorBudget,
                Deadline,
                Retry,
                Breaker,
                Fallback,
                AttemptTimeout,
                Bulkhead,
            ],
        },
        Mistake {
            what: "fallback and no attempt timeout",
            backend: ("hangs", Behaviour::Hangs),
            places: PLENTY,
            figure: ("calls answered by the fallback", |run| {
                run.count(|r| matches!(r, Ok(Answer::Stale))).to_string()
            }),
            right: backed.into(),
            wrong: vec![ErrorBudget, Deadline, Fallback, Retry, Breaker, Bulkhead],
        },
    ]
}
