use std::{fmt::Write as _, time::Duration};

use crate::spec::{
    duration::Written,
    sample::{self, Labels},
    selector::{Matcher, Quoted, Selector, Test},
};

/// What is measured: all events, and of them the bad or the good ones, as counters.
#[derive(Clone, Debug)]
pub(crate) struct Indicator {
    total: Selector,
    part: Selector,
    part_is_bad: bool,
    pub(crate) within: Option<Duration>,
    pub(crate) samples: Samples,
}

/// Series that the selectors select, for the tests of rules.
#[derive(Clone, Debug)]
pub(crate) enum Samples {
    /// One counter is split by labels: the good events here, the bad ones there, and both are all.
    Split { good: String, bad: String },
    /// One counter for all, one for a part of them.
    Apart {
        all: String,
        part: String,
        part_is_bad: bool,
    },
}

impl Indicator {
    /// `None` when no series can be made up that is good, or none that is bad.
    pub(crate) fn new(total: Selector, part: Selector, part_is_bad: bool) -> Option<Self> {
        let series = |of: &Selector, labels: &Labels| {
            let mut text = format!("{}{{", of.metric);
            for (n, (label, value)) in labels.iter().enumerate() {
                let comma = if n == 0 { "" } else { ", " };
                let _ = write!(text, "{comma}{label}={}", Quoted(value));
            }
            text + "}"
        };
        let samples = if total.metric == part.metric {
            let inside = series(&total, &sample::labels(&[&total, &part], None)?);
            let outside = series(&total, &sample::labels(&[&total], Some(&part))?);
            let (good, bad) = if part_is_bad {
                (outside, inside)
            } else {
                (inside, outside)
            };
            Samples::Split { good, bad }
        } else {
            Samples::Apart {
                all: series(&total, &sample::labels(&[&total], None)?),
                part: series(&part, &sample::labels(&[&part], None)?),
                part_is_bad,
            }
        };
        Some(Self {
            total,
            part,
            part_is_bad,
            within: None,
            samples,
        })
    }

    /// Good is what a histogram counted in the bucket of `within`.
    pub(crate) fn latency(histogram: &Selector, within: Duration) -> Option<Self> {
        let seconds = within.as_secs_f64().to_string();
        // Clients write the bound of a whole second as `1`, `1.0`, or either.
        let test = if seconds.contains('.') {
            Test::Is(seconds)
        } else {
            Test::Like(format!("{seconds}(\\.0)?").parse().ok()?)
        };
        let bucket = Matcher {
            label: "le".into(),
            test,
        };
        let part = histogram.with("_bucket", Some(bucket));
        Some(Self {
            within: Some(within),
            ..Self::new(histogram.with("_count", None), part, false)?
        })
    }

    /// The counter of all events.
    pub(crate) fn metric(&self) -> &str {
        &self.total.metric
    }

    /// How many events there were, or how many a second: `function` is `increase` or `rate`.
    pub(crate) fn total(&self, function: &str, window: Duration) -> String {
        format!("sum({function}({}[{}]))", self.total, Written(window))
    }

    /// As [`total`](Self::total), of the bad ones. A series that is missing counts as 0: no error has happened
    /// yet, or nothing good any more.
    pub(crate) fn bad(&self, function: &str, window: Duration) -> String {
        let total = self.total(function, window);
        let part = format!("sum({function}({}[{}]))", self.part, Written(window));
        if self.part_is_bad {
            format!("{part}\nor 0 * {total}")
        } else {
            format!("{total}\n- (\n  {part}\n  or 0 * {total}\n)")
        }
    }

    /// The share of bad events: nothing where there were no events.
    pub(crate) fn error_ratio(&self, window: Duration) -> String {
        let bad = self.bad("rate", window).replace('\n', "\n  ");
        format!("(\n  {bad}\n)\n/ ({} > 0)", self.total("rate", window))
    }
}
