//! Reads `indicator`: what is measured.

use super::{
    DURATION, INDICATOR, SELECTOR,
    fields::{Field, Fields, Notes},
};
use std::time::Duration;

use crate::spec::{indicator::Indicator, number::parse_duration, selector::Selector, unit::Unit};

const UNIT: &str = "the unit of the histogram's bounds: `seconds`, `milliseconds`, `microseconds` or `nanoseconds`";

impl Notes<'_> {
    pub(super) fn indicator(&mut self, field: &Field<'_>) -> Option<Indicator> {
        let known = ["total", "bad", "good", "latency", "series"];
        let fields = self.fields(field, &known)?;
        let has = ["total", "bad", "good", "latency"].map(|name| fields.get(name).is_some());
        let mut indicator = match has {
            [true, true, false, false] => self.counters(&fields, "bad"),
            [true, false, true, false] => self.counters(&fields, "good"),
            [false, false, false, true] => self.latency(&fields.get("latency")?),
            // A misspelt name is reported already.
            _ if fields.has_slips() => None,
            _ => {
                self.add(fields.at, &field.path, format!("expected {INDICATOR}"));
                None
            }
        }?;
        if let Some(field) = fields.get("series") {
            self.series(&field, &mut indicator);
        }
        Some(indicator)
    }

    fn counters(&mut self, fields: &Fields<'_>, part_name: &str) -> Option<Indicator> {
        let total = self.selector(&fields.get("total")?);
        let part_field = fields.get(part_name)?;
        let part = self.selector(&part_field);
        let indicator = Indicator::new(total?, part?, part_name == "bad");
        if indicator.is_none() {
            self.at(
                &part_field,
                "this has to select some of the series of `total` and leave out others, and it cannot: look for matchers that exclude each other",
            );
        }
        indicator
    }

    fn latency(&mut self, field: &Field<'_>) -> Option<Indicator> {
        let known = ["histogram", "native", "within", "unit", "buckets"];
        let fields = self.fields(field, &known)?;
        let within = "the time within which an event is good, a bucket of the histogram: `250ms`";
        let native = fields.get("native");
        let histogram = match &native {
            None => self.required(&fields, "histogram", SELECTOR),
            native => native.clone(),
        };
        let histogram = histogram.and_then(|field| self.histogram(&field));
        let unit = match fields.get("unit") {
            Some(field) => self.value(&field, UNIT, Unit::parse),
            None => (histogram.as_ref()).map(|histogram| Unit::of_metric(&histogram.metric)),
        };
        let within = (self.required(&fields, "within", within))
            .and_then(|field| Some((self.value(&field, DURATION, parse_duration)?, field)));
        let (histogram, unit, (within, within_field)) = (histogram?, unit?, within?);
        if let Some(field) = fields.get("buckets") {
            self.buckets(&field, &within_field, within, unit);
        }
        match (native, fields.get("histogram")) {
            (Some(field), Some(_)) => {
                self.at(&field, "`histogram` or `native`: keep one of them");
                None
            }
            (Some(_), None) => Some(Indicator::native(histogram, within, unit)),
            (None, _) => Some(Indicator::latency(&histogram, within, unit)),
        }
    }

    fn histogram(&mut self, field: &Field<'_>) -> Option<Selector> {
        let selector = self.selector(field)?;
        let suffix = ["_bucket", "_count", "_sum"]
            .into_iter()
            .find(|suffix| selector.metric.ends_with(suffix));
        if let Some(suffix) = suffix {
            self.at(
                field,
                format!("name the histogram without `{suffix}`, which the rules add"),
            );
            return None;
        }
        let has_le = (selector.matchers.iter()).any(|matcher| matcher.label == "le");
        if has_le {
            self.at(field, "leave out `le`: `within` says which bucket it is");
            return None;
        }
        Some(selector)
    }

    /// Checks that the histogram has the bucket, where its buckets are known.
    fn buckets(&mut self, field: &Field<'_>, at: &Field<'_>, within: Duration, unit: Unit) {
        let what = "the bounds of all buckets, as times or in the unit of the histogram: `[100ms, 250ms]` or `[0.1, 0.25]`";
        let bound = |text: &str| {
            let number = || text.parse().ok().filter(|number: &f64| *number > 0.0);
            let time = parse_duration(text).map(|time| unit.bound(time));
            time.or_else(|| number().map(|number| number.to_string()))
        };
        let Some(items) = self.items(field, what) else {
            return;
        };
        let bounds: Vec<_> = (items.iter())
            .filter_map(|item| self.value(item, what, bound))
            .collect();
        let wanted = unit.bound(within);
        if bounds.len() == items.len() && !bounds.contains(&wanted) {
            let bounds = bounds.join("`, `");
            self.at(
                at,
                format!("the histogram has no bucket with the bound `{wanted}`: choose one of `{bounds}`, or add this bucket to the service"),
            );
        }
    }

    /// Series for the tests of the rules.
    fn series(&mut self, field: &Field<'_>, indicator: &mut Indicator) {
        let counters = indicator.counters();
        let known = counters.each_ref().map(|(role, _)| role.name());
        let Some(fields) = self.fields(field, &known) else {
            return;
        };
        for (role, metric) in counters {
            let Some(field) = fields.get(role.name()) else {
                continue;
            };
            match self.selector(&field) {
                Some(series) if series.is_series() && series.metric == metric => {
                    indicator.set_series(role, series);
                }
                Some(_) => self.at(
                    &field,
                    format!("expected a series of `{metric}`: `{metric}{{label=\"value\"}}`, without `!=`, `=~` and `!~`"),
                ),
                None => {}
            }
        }
    }

    fn selector(&mut self, field: &Field<'_>) -> Option<Selector> {
        let text = self.text(field, SELECTOR)?;
        match Selector::parse(text) {
            Ok(selector) => Some(selector),
            Err((offset, what)) => {
                self.within(field, offset, what);
                None
            }
        }
    }
}
