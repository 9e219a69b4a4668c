//! Warns of what is legal and probably not intended.

use super::fields::{Fields, Notes};
use crate::spec::{
    Spec,
    number::{Written, human},
};

impl Notes<'_> {
    /// Warns of what is legal and fires late, never, or for ever.
    pub(super) fn warn_of(&mut self, spec: &Spec, fields: &Fields<'_>) {
        let (indicator, at) = (&spec.indicator, fields.get("indicator"));
        let at = at.as_ref();
        if let (Some(matcher), Some(at)) = (indicator.regex_like(), at) {
            let what = format!(
                "`{matcher}` compares with a text that looks like a regular expression, and finds only that text: write `{}~`",
                if matcher.operator == "!=" { "!" } else { "=" },
            );
            self.warn(at, what);
        }
        if let (Some(matcher), Some(at)) = (indicator.left_out(), at) {
            let what = format!(
                "the part has no `{matcher}` and so may count what `total` does not: give it all matchers of `total`",
            );
            self.warn(at, what);
        }
        if let (Some(name), Some(at)) = (indicator.utf8_name(), at) {
            self.warn(
                at,
                format!("`{name}` is a name that Prometheus reads from version 3 on"),
            );
        }
        if let (Some(scrape), Some(field)) = (spec.scrape, fields.get("scrape")) {
            for pair in &spec.alerts {
                let short = pair.windows.short;
                if short < scrape * 4 {
                    let what = format!(
                        "the window of {} has fewer than four scrapes, so one scrape decides about it: its alert keeps firing for {}; scrape more often, or lengthen the window to {}",
                        Written(short),
                        Written(spec.keep_firing_for(pair)),
                        Written(scrape * 4),
                    );
                    self.warn(&field, what);
                }
            }
        }
        let Some(field) = fields.get("alerts") else {
            return;
        };
        for pair in spec.alerts.iter().filter(|pair| pair.factor.as_f64() < 1.0) {
            let what = format!(
                "the alert on {}/{} asks for a burn rate above {}, and fires above 1 only: below it nothing shows that the objective is missed",
                Written(pair.windows.long),
                Written(pair.windows.short),
                human(pair.factor.as_f64()),
            );
            self.warn(&field, what);
        }
    }
}
