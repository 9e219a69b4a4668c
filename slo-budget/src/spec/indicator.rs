//! What is measured: all events, and of them the bad or the good ones, as counters.

use std::{
    error::Error,
    fmt::{self, Write as _},
    time::Duration,
};

use crate::spec::{
    number::Written,
    selector::{Matcher, Selector},
};

#[derive(Clone, Debug)]
pub(super) struct Indicator {
    total: Selector,
    part: Selector,
    part_is_bad: bool,
    within: Option<Duration>,
    /// A series for each counter, where it is known.
    series: [(Role, Option<Selector>); 2],
}

/// The events that a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Total,
    Good,
    Bad,
}

/// The reason why [`Spec::rule_tests`](crate::Spec::rule_tests) has no tests: they need a series for each counter, and a
/// selector does not name one. Its `Display` says what to add to the specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingSeries(String);

// === impl Indicator ===

impl Indicator {
    /// `None` when no series can be good, or none can be bad.
    pub(super) fn new(total: Selector, part: Selector, part_is_bad: bool) -> Option<Self> {
        let [part_role, other_role] = if part_is_bad {
            [Role::Bad, Role::Good]
        } else {
            [Role::Good, Role::Bad]
        };
        let known = |selector: &Selector| selector.is_series().then(|| selector.clone());
        let series = if total.metric != part.metric {
            [(Role::Total, known(&total)), (part_role, known(&part))]
        } else if total.is_series() && part.is_series() {
            let [inside, outside] = split(&total, &part)?;
            [(other_role, Some(outside)), (part_role, Some(inside))]
        } else {
            [(other_role, None), (part_role, None)]
        };
        Some(Self {
            total,
            part,
            part_is_bad,
            within: None,
            series,
        })
    }

    /// The good events are those in the bucket `within` of a histogram.
    pub(super) fn latency(histogram: &Selector, within: Duration) -> Option<Self> {
        let seconds = within.as_secs_f64().to_string();
        let bucket = |operator, value| Matcher {
            label: "le".into(),
            operator,
            value,
        };
        // Clients write the bound of a whole second as `1` or as `1.0`.
        let le = if seconds.contains('.') {
            bucket("=", seconds.clone())
        } else {
            bucket("=~", format!("{seconds}(\\.0)?"))
        };
        let total = histogram.with("_count", None);
        let mut indicator = Self::new(total, histogram.with("_bucket", Some(le)), false)?;
        let series = histogram.with("_bucket", Some(bucket("=", seconds)));
        if series.is_series() {
            indicator.set_series(Role::Good, series);
        }
        indicator.within = Some(within);
        Some(indicator)
    }

    /// The time within which an event is good, if the indicator is a latency.
    pub(super) const fn within(&self) -> Option<Duration> {
        self.within
    }

    /// The metric that counts all events.
    pub(super) fn metric(&self) -> &str {
        &self.total.metric
    }

    /// The metric of each counter of which the tests need a series.
    pub(super) fn counters(&self) -> [(Role, String); 2] {
        let metric = |role: Role| match role {
            Role::Total => self.total.metric.clone(),
            Role::Good | Role::Bad => self.part.metric.clone(),
        };
        self.series
            .each_ref()
            .map(|(role, _)| (*role, metric(*role)))
    }

    /// Sets the series of a counter.
    pub(super) fn set_series(&mut self, role: Role, series: Selector) {
        for (of, known) in &mut self.series {
            if *of == role {
                *known = Some(series);
                return;
            }
        }
    }

    /// A series for each counter. `name` is that of the specification.
    pub(super) fn series(&self, name: &str) -> Result<[(Role, String); 2], MissingSeries> {
        let [(a, first), (b, second)] = &self.series;
        if let (Some(first), Some(second)) = (first, second) {
            return Ok([(*a, first.to_string()), (*b, second.to_string())]);
        }
        let mut example = String::new();
        for (role, metric) in self.counters() {
            let _ = write!(
                example,
                "\n    {}: {metric}{{label=\"value\"}}",
                role.name()
            );
        }
        Err(MissingSeries(format!(
            "{name}: the tests need a series for each counter, and `{}` and `{}` do not name them; \
             add to `indicator`, with all labels:\n  series:{example}",
            self.total, self.part,
        )))
    }

    /// The number of events, or of events a second: `function` is `increase` or `rate`.
    pub(super) fn total(&self, function: &str, window: Duration) -> String {
        format!("sum({function}({}[{}]))", self.total, Written(window))
    }

    /// As [`total`](Self::total), of the bad events. A series that is missing counts as 0: no error has happened yet, or
    /// nothing is good any more.
    pub(super) fn bad(&self, function: &str, window: Duration) -> String {
        let total = self.total(function, window);
        let part = format!("sum({function}({}[{}]))", self.part, Written(window));
        if self.part_is_bad {
            format!("{part}\nor 0 * {total}")
        } else {
            format!("{total}\n- (\n  {part}\n  or 0 * {total}\n)")
        }
    }

    /// The share of bad events: no value where there were no events.
    pub(super) fn error_ratio(&self, window: Duration) -> String {
        let bad = self.bad("rate", window).replace('\n', "\n  ");
        format!("(\n  {bad}\n)\n/ ({} > 0)", self.total("rate", window))
    }
}

// === impl Role ===

impl Role {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

// === impl MissingSeries ===

impl fmt::Display for MissingSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for MissingSeries {}

/// A series of `total` that `part` selects, and one that it leaves out.
fn split(total: &Selector, part: &Selector) -> Option<[Selector; 2]> {
    let is_new = |matcher: &&Matcher| total.value(&matcher.label).is_empty();
    let (new, shared): (Vec<_>, Vec<_>) = part.matchers.iter().partition(is_new);
    let agrees = |matcher: &&Matcher| matcher.value == total.value(&matcher.label);
    let leaves_out = new.iter().any(|matcher| !matcher.value.is_empty());
    let inside = new.into_iter().fold(total.clone(), |series, matcher| {
        series.with("", Some(matcher.clone()))
    });
    (leaves_out && shared.iter().all(agrees)).then(|| [inside, total.clone()])
}
