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
    /// `None` when no series of `total` can be good, or none can be bad. Without parsing regular expressions this is known
    /// for two series, and when `part` has no matcher that `total` does not have.
    pub(super) fn new(total: Selector, part: Selector, part_is_bad: bool) -> Option<Self> {
        let [part_role, other_role] = if part_is_bad {
            [Role::Bad, Role::Good]
        } else {
            [Role::Good, Role::Bad]
        };
        let series = if total.metric != part.metric {
            [
                (Role::Total, total.as_series()),
                (part_role, part.as_series()),
            ]
        } else if (part.matchers.iter()).all(|matcher| total.matchers.contains(matcher)) {
            return None;
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
    pub(super) fn latency(histogram: &Selector, within: Duration) -> Self {
        let seconds = within.as_secs_f64().to_string();
        let bucket = |operator, value| {
            let le = Matcher {
                label: "le".into(),
                operator,
                value,
            };
            histogram.with("_bucket", Some(le))
        };
        let total = histogram.with("_count", None);
        let series = bucket("=", seconds.clone());
        Self {
            series: [
                (Role::Total, total.as_series()),
                (Role::Good, series.as_series()),
            ],
            total,
            // Clients write the bound of a whole second as `1` or as `1.0`.
            part: if seconds.contains('.') {
                series
            } else {
                bucket("=~", format!("{seconds}(\\.0)?"))
            },
            part_is_bad: false,
            within: Some(within),
        }
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
        if let Some((_, known)) = self.series.iter_mut().find(|(of, _)| *of == role) {
            *known = Some(series);
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

    /// The number of events in a window.
    pub(super) fn total(&self, window: Duration) -> String {
        increase(&self.total, window)
    }

    /// The number of bad events in a window, of which `all` is the recorded number of events. A series that is missing
    /// counts as 0: no error has happened yet, or nothing is good any more. A histogram always has all of its buckets, so if
    /// one is missing, nothing is known.
    pub(super) fn bad(&self, window: Duration, all: &str) -> String {
        let part = increase(&self.part, window);
        if self.part_is_bad {
            format!("{part}\nor 0 * sum({all})")
        } else if self.within.is_some() {
            format!("sum({all})\n- {part}")
        } else {
            format!("sum({all})\n- (\n  {part}\n  or 0 * sum({all})\n)")
        }
    }

    /// The sum of the highest values that the counters of all events had within a window.
    pub(super) fn highest(&self, window: Duration) -> String {
        format!("sum(max_over_time({}[{}]))", self.total, Written(window))
    }

    /// The selector of the bucket, if this is a latency.
    pub(super) fn bucket(&self) -> Option<String> {
        self.within.map(|_| self.part.to_string())
    }

    /// Whether there can be more good or bad events than events in all: unless each series of the part is one of all.
    pub(super) fn may_contradict(&self) -> bool {
        let is_in_part = |matcher| self.part.matchers.contains(matcher);
        let is_part =
            self.total.metric == self.part.metric && self.total.matchers.iter().all(is_in_part);
        !is_part && self.within.is_none()
    }
}

fn increase(of: &Selector, window: Duration) -> String {
    format!("sum(increase({of}[{}]))", Written(window))
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

/// A series of `total` that `part` selects, and one that it leaves out. An empty value selects series without the label.
fn split(total: &Selector, part: &Selector) -> Option<[Selector; 2]> {
    let mut new = Vec::new();
    for matcher in &part.matchers {
        match (total.matchers.iter()).find(|of| of.label == matcher.label) {
            None => new.push(matcher.clone()),
            Some(of) if of == matcher => {}
            Some(_) => return None,
        }
    }
    let (mut inside, mut outside) = (total.clone(), total.clone());
    if new.iter().all(|matcher| matcher.value.is_empty()) {
        let mut present = new.first()?.clone();
        present.value = "other".into();
        outside.matchers.push(present);
    }
    new.retain(|matcher| !matcher.value.is_empty());
    inside.matchers.extend(new);
    Some([inside, outside])
}
