//! Starting points for usual kinds of services.

use std::time::Duration;

use crate::{
    alerts::{AlertRule, AlertsBuilder, Severity},
    builder::Builder,
    burn::{Limit, Page},
    gate::GateBuilder,
    types::{Factor, Objective},
};

/// A multiple of a week, so that each period has as many weekends as the last one.
const FOUR_WEEKS: Duration = hours(28 * 24);

/// The burn rate that spends a budget in its period.
const ONE: Factor = Factor::new(1, 1).expect("1 of 1");
const TEN_PERCENT: Factor = Factor::new(10, 100).expect("10 of 100");

const fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3600)
}

const fn good(events: u64, of: u64) -> Objective {
    Objective::new(events, of).expect("a share of the events")
}

/// A tenth of the budget in the long window.
const fn ticket(long: u64, short: u64) -> AlertRule {
    let windows = Page::new(TEN_PERCENT, hours(long), hours(short));
    AlertRule::new(Severity::Ticket, windows)
}

/// Starting points: measure for a period, then set what users need. Each is a `const fn` and leaves the numbers that it does
/// not name at their defaults. The Workbook is the [Site Reliability Workbook](https://sre.google/workbook/) of Google.
///
/// The pace of a gate and the rules of alerts are by default those of the Workbook's chapter 5. They are for requests, and so
/// fit an API and a database. A batch has [`GateBuilder::batch`] and [`AlertsBuilder::batch`].
///
/// There is none for a cache: where the store behind it answers, its error is no bad event of a user, and there is no
/// published objective to begin with. Publishing to a message broker is a call of an API; what its consumers do is batch work.
impl Builder {
    /// For an HTTP or gRPC service that users wait for.
    ///
    /// | number | why |
    /// |---|---|
    /// | `objective` 99.9 % | the Workbook's class of interactive requests (chapter 5, "Alerting at Scale"). Its class of critical ones, such as a login, has 99.99 % |
    /// | `period` 4 weeks | the Workbook's interval for general purposes (chapter 2): always four weekends |
    ///
    /// Latency needs a second budget, as it has another objective: in that class 99 % within 200 ms, which is
    /// `http_api().objective("99%".parse()?)` with [`slow_after`](crate::ErrorBudgetLayer::slow_after) 200 ms.
    pub const fn http_api() -> Self {
        Self::new().objective(good(999, 1000)).period(FOUR_WEEKS)
    }

    /// For a database, as the service sees it that calls it.
    ///
    /// | number | why |
    /// |---|---|
    /// | `objective` 99.95 % | what providers promise for two zones: the SLAs of Amazon RDS (Multi-AZ) and of Cloud SQL (Enterprise edition with high availability). For one zone RDS promises 99.5 % |
    /// | `period` 30 days | these SLAs are about months. With the feature `calendar`, follow the month itself |
    ///
    /// An error of a statement, such as a violated constraint, is an answer and so good: errors of the connection and timeouts
    /// are bad. What is slow depends on the statement.
    pub const fn database() -> Self {
        Self::new()
            .objective(good(9995, 10_000))
            .period(hours(30 * 24))
    }

    /// For work that nobody waits for: runs of a pipeline, messages of a queue.
    ///
    /// | number | why |
    /// |---|---|
    /// | `objective` 99 % | the Workbook's class of requests whose failure users hardly see (chapter 5, "Alerting at Scale"), and its objective for complete runs of a pipeline (appendix A) |
    /// | `period` 4 weeks | as for an API |
    ///
    /// Record each message or run once it needs no further attempt. A run an hour is 672 in four weeks, of which 6 may fail;
    /// what runs once a night is too rare for a share of its runs, so count its records. A run that ends too late to be of use
    /// is bad: [`slow_after`](crate::ErrorBudgetLayer::slow_after) the time to the next one.
    pub const fn batch() -> Self {
        Self::new().objective(good(99, 100)).period(FOUR_WEEKS)
    }
}

/// A starting point; see those of [`Builder`].
impl GateBuilder {
    /// For the gate of a [batch](Builder::batch) budget.
    ///
    /// | number | why |
    /// |---|---|
    /// | `limits`: 1.0 over 4 weeks | the Workbook's error budget policy (appendix B) stops releases while the budget of the last four weeks is spent. By the default limits one failed run of 24 a day stops them for a day |
    ///
    /// The budget needs a period of four weeks or more. After a restart it has seen less, unless its history was
    /// [restored](Builder::restore).
    pub const fn batch() -> Self {
        Self::new().limits([Limit::new(FOUR_WEEKS, ONE)])
    }
}

/// A starting point; see those of [`Builder`].
impl AlertsBuilder {
    /// For the alerts on a [batch](Builder::batch) budget: tickets, and no page.
    ///
    /// | number | why |
    /// |---|---|
    /// | `rules`: 10 % of the budget in 1 d, over 2 h, and 10 % in 3 d, over 6 h | the tickets of the Workbook's table 5-8. Nobody waits for the work, so nobody must be woken for it, and an hour has too few runs for its pages |
    pub const fn batch() -> Self {
        Self::new().rules([ticket(24, 2), ticket(72, 6)])
    }
}
