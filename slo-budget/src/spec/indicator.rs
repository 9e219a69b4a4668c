//! What is measured: all events, and of them the bad or the good ones, as counters.

use std::{
    error::Error,
    fmt::{self, Write as _},
    time::Duration,
};

use crate::spec::{
    number::Written,
    selector::{Matcher, Selector, Test},
};

#[derive(Clone, Debug)]
pub(super) struct Indicator {
    total: Selector,
    part: Selector,
    part_is_bad: bool,
    within: Option<Duration>,
    series: [(Role, Option<Selector>); 2],
}

/// The events that a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Total,
    Good,
    Bad,
}

/// The reason why [`Spec::rule_tests`](crate::Spec::rule_tests) has no tests: the tests need a series for each
/// counter, and a regular expression does not name one. Its `Display` says what to add to the specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingSeries {
    name: String,
    series: String,
}

// === impl Indicator ===

impl Indicator {
    /// `None` when no series can be good, or none can be bad.
    pub(super) fn new(total: Selector, part: Selector, part_is_bad: bool) -> Option<Self> {
        let (part_role, other_role) = if part_is_bad {
            (Role::Bad, Role::Good)
        } else {
            (Role::Good, Role::Bad)
        };
        let is_split = total.metric == part.metric;
        let first = match (is_split, total.is_literal()) {
            (true, true) if part.is_literal() => Some(total.series_without(&part)?),
            (false, true) => Some(total.series(&[])?),
            _ => None,
        };
        let second = match (is_split, part.is_literal()) {
            (true, true) if total.is_literal() => Some(part.series(&[&total])?),
            (false, true) => Some(part.series(&[])?),
            _ => None,
        };
        let first_role = if is_split { other_role } else { Role::Total };
        Some(Self {
            total,
            part,
            part_is_bad,
            within: None,
            series: [(first_role, first), (part_role, second)],
        })
    }

    /// The good events are those in the bucket `within` of a histogram.
    pub(super) fn latency(histogram: &Selector, within: Duration) -> Option<Self> {
        let seconds = within.as_secs_f64().to_string();
        // Clients write the bound of a whole second as `1` or as `1.0`.
        let test = if seconds.contains('.') {
            Test::Is(seconds.clone())
        } else {
            Test::Like(format!("{seconds}(\\.0)?"))
        };
        let bucket = |test| {
            let label = "le".to_owned();
            histogram.with("_bucket", Some(Matcher { label, test }))
        };
        let count = histogram.with("_count", None);
        let mut indicator = Self::new(count, bucket(test), false)?;
        if histogram.is_literal() {
            let series = bucket(Test::Is(seconds)).series(&[])?;
            indicator.series[1].1 = Some(series);
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

    /// The counters of which the tests need a series.
    pub(super) fn roles(&self) -> [Role; 2] {
        self.series.each_ref().map(|(role, _)| *role)
    }

    /// Takes a series for the counter of a role, or says why it cannot be one.
    pub(super) fn set_series(&mut self, role: Role, series: Selector) -> Result<(), String> {
        let is_part = role == self.part_role();
        let selected = |selector: &Selector| {
            if series.metric != selector.metric {
                return Err(format!("expected a series of `{}`", selector.metric));
            }
            match selector.first_failure(&series) {
                Some(matcher) => Err(format!("`{matcher}` does not select this series")),
                None => Ok(()),
            }
        };
        if is_part {
            selected(&self.part)?;
        }
        if !is_part || self.total.metric == self.part.metric {
            selected(&self.total)?;
        }
        if !is_part && self.part.is_literal() && selected(&self.part).is_ok() {
            return Err(format!("`{}` selects this series too", self.part));
        }
        for (of, kept) in &mut self.series {
            if *of == role {
                *kept = Some(series.clone());
            }
        }
        Ok(())
    }

    /// A series for each counter. `name` is that of the specification.
    pub(super) fn series(&self, name: &str) -> Result<[(Role, String); 2], MissingSeries> {
        let [(first, Some(a)), (second, Some(b))] = &self.series else {
            return Err(self.missing(name));
        };
        Ok([(*first, a.to_string()), (*second, b.to_string())])
    }

    fn missing(&self, name: &str) -> MissingSeries {
        let mut text = String::new();
        for (role, series) in &self.series {
            if series.is_none() {
                let example = match role {
                    Role::Total => self.total.example(&[]),
                    _ if self.total.metric == self.part.metric => self.part.example(&[&self.total]),
                    _ => self.part.example(&[]),
                };
                let _ = write!(text, "\n    {}: '{example}'", role.name());
            }
        }
        MissingSeries {
            name: name.to_owned(),
            series: text,
        }
    }

    const fn part_role(&self) -> Role {
        if self.part_is_bad {
            Role::Bad
        } else {
            Role::Good
        }
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
        let Self { name, series } = self;
        write!(
            f,
            "{name}: the tests need a series for each counter, and a regular expression does not name one; add to \
             `indicator`, with values in place of `…`:\n  series:{series}"
        )
    }
}

impl Error for MissingSeries {}
