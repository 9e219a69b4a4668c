//! What is measured, from its fields.

use super::{DURATION, INDICATOR, SELECTOR};
use crate::spec::{
    duration,
    indicator::Indicator,
    read::fields::{Field, Notes},
    selector::Selector,
};

impl Notes<'_> {
    pub(super) fn indicator(&mut self, field: &Field<'_>) -> Option<Indicator> {
        let fields = self.fields(field, &["total", "bad", "good", "latency"])?;
        let has = ["total", "bad", "good", "latency"].map(|name| fields.get(name).is_some());
        let part_is_bad = match has {
            [true, true, false, false] => true,
            [true, false, true, false] => false,
            [false, false, false, true] => return self.latency(&fields.get("latency")?),
            // A slip in one of the names is told already.
            _ if fields.has_slips() => return None,
            _ => {
                self.add(fields.at, &field.path, format!("expected {INDICATOR}"));
                return None;
            }
        };
        let total = self.selector(&fields.get("total")?);
        let part_field = fields.get(if part_is_bad { "bad" } else { "good" })?;
        let part = self.selector(&part_field);
        let indicator = Indicator::new(total?, part?, part_is_bad);
        if indicator.is_none() {
            self.at(
                &part_field,
                "among the series of `total` there have to be some that this selects and some that it leaves out, and none were found: look for matchers that exclude each other, or simplify them",
            );
        }
        indicator
    }

    fn latency(&mut self, field: &Field<'_>) -> Option<Indicator> {
        let fields = self.fields(field, &["histogram", "within"])?;
        let within = "the time within which an event is good, a bucket of the histogram: `250ms`";
        let histogram = self.required(&fields, "histogram", SELECTOR);
        let histogram = histogram.and_then(|field| {
            let selector = self.selector(&field)?;
            let suffix = ["_bucket", "_count", "_sum"]
                .into_iter()
                .find(|suffix| selector.metric.ends_with(suffix));
            if let Some(suffix) = suffix {
                self.at(
                    &field,
                    format!("name the histogram without `{suffix}`: what it needs of it is added"),
                );
                return None;
            }
            if selector
                .matchers
                .iter()
                .any(|matcher| matcher.label == "le")
            {
                self.at(&field, "leave out `le`: `within` says which bucket it is");
                return None;
            }
            Some((field, selector))
        });
        let within = (self.required(&fields, "within", within))
            .and_then(|field| self.value(&field, DURATION, duration::parse));
        let ((field, histogram), within) = (histogram?, within?);
        let indicator = Indicator::latency(&histogram, within);
        if indicator.is_none() {
            self.at(
                &field,
                "no series could be made up that this selects: simplify its matchers",
            );
        }
        indicator
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
