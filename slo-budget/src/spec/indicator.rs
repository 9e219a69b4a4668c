//! What is measured: all events, and of them the bad or the good ones, as counters.

use std::{
    error::Error,
    fmt::{self, Write as _},
    time::Duration,
};

use crate::spec::{
    number::Written,
    selector::{Matcher, Selector},
    unit::Unit,
};

#[derive(Clone, Debug)]
pub(super) struct Indicator {
    total: Selector,
    part: Selector,
    kind: Kind,
    within: Option<Duration>,
    /// A series for each counter, where it is known.
    series: [(Role, Option<Selector>); 2],
}

/// What the part of all events is.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Bad,
    Good,
    /// A bucket of a histogram.
    Bucket,
    /// A native histogram: all events below this bound are good.
    Native(String),
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
            kind: if part_is_bad { Kind::Bad } else { Kind::Good },
            within: None,
            series,
        })
    }

    /// The good events are those in the bucket `within` of a histogram that counts in `unit`.
    pub(super) fn latency(histogram: &Selector, within: Duration, unit: Unit) -> Self {
        let bound = unit.bound(within);
        let bucket = |operator, value| {
            let le = Matcher {
                label: "le".into(),
                operator,
                value,
            };
            histogram.with("_bucket", Some(le))
        };
        let total = histogram.with("_count", None);
        let series = bucket("=", bound.clone());
        Self {
            series: [
                (Role::Total, total.as_series()),
                (Role::Good, series.as_series()),
            ],
            total,
            // Clients write a whole bound as `1` or as `1.0`.
            part: if bound.contains('.') {
                series
            } else {
                bucket("=~", format!("{bound}(\\.0)?"))
            },
            kind: Kind::Bucket,
            within: Some(within),
        }
    }

    /// The good events are those of a native histogram that are at most `within`.
    pub(super) fn native(histogram: Selector, within: Duration, unit: Unit) -> Self {
        Self {
            series: [(Role::Total, None), (Role::Good, None)],
            part: histogram.clone(),
            total: histogram,
            kind: Kind::Native(unit.bound(within)),
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
        if let Kind::Native(_) = self.kind {
            return Err(MissingSeries(format!(
                "{name}: promtool of Prometheus 2.42 has no notation for the samples of a native histogram, so there are no tests for its rules"
            )));
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
        let all = increase(&self.total, window);
        match self.kind {
            Kind::Native(_) => format!("histogram_count({all})"),
            _ => all,
        }
    }

    /// The number of bad events in a window, of which `all` is the recorded number of events. A series that is missing
    /// counts as 0: no error has happened yet, or nothing is good any more. A histogram always has all of its buckets, so if
    /// one is missing, nothing is known.
    pub(super) fn bad(&self, window: Duration, all: &str) -> String {
        let part = increase(&self.part, window);
        match &self.kind {
            Kind::Bad => format!("{part}\nor 0 * sum({all})"),
            Kind::Good => format!("sum({all})\n- (\n  {part}\n  or 0 * sum({all})\n)"),
            Kind::Bucket => format!("sum({all})\n- {part}"),
            // Without events there is no fraction.
            Kind::Native(bound) => format!(
                "(1 - histogram_fraction(0, {bound}, {part})) * (sum({all}) > 0)\nor 0 * sum({all})"
            ),
        }
    }

    /// The sum of the last or highest values that the counters of all events had within a window.
    pub(super) fn highest(&self, window: Duration) -> String {
        let (total, window) = (&self.total, Written(window));
        match self.kind {
            Kind::Native(_) => format!("histogram_count(sum(last_over_time({total}[{window}])))"),
            _ => format!("sum(max_over_time({total}[{window}]))"),
        }
    }

    /// The metric and the bound of the bucket, if this is one.
    pub(super) fn bucket(&self) -> Option<(&str, &str)> {
        let le = self.part.matchers.last()?;
        let bound = le.value.trim_end_matches("(\\.0)?");
        (self.kind == Kind::Bucket).then_some((&self.part.metric, bound))
    }

    /// Whether there can be more good or bad events than events in all: unless each series of the part is one of all.
    pub(super) fn may_contradict(&self) -> bool {
        let is_part = self.total.metric == self.part.metric && self.left_out().is_none();
        !is_part && self.within.is_none()
    }

    /// A matcher of all events that the part does not have, if both are the same metric.
    pub(super) fn left_out(&self) -> Option<&Matcher> {
        // What the total excludes, a part that asks for other values of that label does not have.
        let excludes = |matcher: &Matcher| matcher.operator.starts_with('!');
        let asks_for = |label: &str| {
            let mut matchers = self.part.matchers.iter();
            matchers.any(|part| part.label == label && !excludes(part))
        };
        let is_in_part = |matcher: &&Matcher| {
            self.part.matchers.contains(matcher) || (excludes(matcher) && asks_for(&matcher.label))
        };
        (self.total.matchers.iter())
            .filter(|_| self.total.metric == self.part.metric && self.within.is_none())
            .find(|matcher| !is_in_part(matcher))
    }

    /// The metrics and labels that only Prometheus 3 reads, one of them.
    pub(super) fn utf8_name(&self) -> Option<&str> {
        [&self.total, &self.part]
            .into_iter()
            .find_map(Selector::utf8_name)
    }

    /// A matcher that compares with a value that looks like a regular expression.
    pub(super) fn regex_like(&self) -> Option<&Matcher> {
        let mut matchers = self.total.matchers.iter().chain(&self.part.matchers);
        matchers.find(|matcher| matcher.is_regex_like())
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
