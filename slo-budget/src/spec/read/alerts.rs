//! Reads `alerts` and `deploy`, and checks that they can fire.

use std::time::Duration;

use super::{
    DURATION,
    fields::{Field, Notes},
};
use crate::{
    alerts::{AlertRule, Severity},
    burn::{Limit, Page, outage},
    gate::Gate,
    record::Settings,
    spec::{
        Pair,
        mistakes::Place,
        number::{Written, human, parse_duration},
    },
    types::{BurnRate, Factor, InvalidConfigKind, decimal},
};

const SHARE: &str = "a share of the budget, above 0 and at most all of it: `2%` or `0.02`";
const SEVERITY: &str = "`page` or `ticket`";
const BURN: &str = "a burn rate above 0, with at most nine digits: `1.0` or `0.5`";

/// Values with the fields that they come from; a default has none.
pub(super) type Asked<'a, T> = Vec<(Option<Field<'a>>, T)>;

impl Notes<'_> {
    pub(super) fn alerts<'a>(&mut self, field: &Field<'a>) -> Option<Asked<'a, Pair>> {
        let what = "a list of at most four alerts: `- { severity: page, budget: 2%, long: 1h, short: 5m }`";
        let items = self.up_to_four(field, 0, what)?;
        if items.is_empty() {
            return Some(Vec::new());
        }
        let mut alerts: Asked<'a, Pair> = Vec::new();
        for item in items {
            let Some(pair) = self.alert(&item) else {
                continue;
            };
            let is_same = |(_, other): &&(_, Pair)| {
                other.severity == pair.severity
                    && (other.windows.long, other.windows.short)
                        == (pair.windows.long, pair.windows.short)
            };
            if let Some((Some(other), _)) = alerts.iter().find(is_same) {
                let what = format!(
                    "`{}` has the same severity and windows, so the larger share of the budget adds nothing: keep one of them",
                    other.path
                );
                self.at(&item, what);
            }
            alerts.push((Some(item), pair));
        }
        // The others are still checked when one of them is wrong.
        (!alerts.is_empty()).then_some(alerts)
    }

    fn up_to_four<'a>(
        &mut self,
        field: &Field<'a>,
        least: usize,
        what: &str,
    ) -> Option<Vec<Field<'a>>> {
        let items = self.items(field, what)?;
        let found = items.len();
        if !(least..=4).contains(&found) {
            self.at(field, format!("found {found} of them; expected {what}"));
            return None;
        }
        Some(items)
    }

    fn alert(&mut self, field: &Field<'_>) -> Option<Pair> {
        let known = [
            "severity",
            "budget",
            "long",
            "short",
            "for",
            "keep_firing_for",
        ];
        let fields = self.fields(field, &known)?;
        let severity =
            (self.required(&fields, "severity", SEVERITY)).and_then(|field| self.severity(&field));
        let budget = self.required(&fields, "budget", SHARE);
        let budget = budget.and_then(|field| self.value(&field, SHARE, share));
        let long = self.required(&fields, "long", "the long window: `1h`");
        let long = long.and_then(|field| self.value(&field, DURATION, parse_duration));
        let short = match fields.get("short") {
            None => long.map(|long| long / 12),
            Some(field) => self.value(&field, DURATION, parse_duration),
        };
        let mut time = |name| {
            let field = fields.get(name)?;
            self.value(&field, DURATION, parse_duration)
        };
        let (pending_for, keep_firing_for) = (time("for"), time("keep_firing_for"));
        let (severity, budget, long, short) = (severity?, budget?, long?, short?);
        // Prometheus has a resolution of milliseconds.
        if short.subsec_nanos() % 1_000_000 != 0 {
            let what = "a twelfth of `long`, the default of `short`, is no whole number of milliseconds: write `short` out";
            self.at(field, what);
            return None;
        }
        Some(Pair {
            severity,
            windows: Page::new(budget, long, short),
            factor: budget,
            pending_for: pending_for.unwrap_or_default(),
            keep_firing_for: keep_firing_for.unwrap_or_default(),
        })
    }

    pub(super) fn severity(&mut self, field: &Field<'_>) -> Option<Severity> {
        self.value(field, SEVERITY, |text| match text {
            "page" => Some(Severity::Page),
            "ticket" => Some(Severity::Ticket),
            _ => None,
        })
    }

    /// Checks an alert and sets its factor. A mistake is reported at the alert, or at the objective or period if the
    /// alert is a default.
    pub(super) fn check_alert(
        &mut self,
        field: Option<&Field<'_>>,
        (objective, period_at): (Place, Place),
        pair: &mut Pair,
        settings: &Settings,
    ) -> bool {
        let Page {
            budget,
            long,
            short,
        } = pair.windows;
        let rule = AlertRule::new(pair.severity, pair.windows).check(settings);
        let checked = match pair.severity {
            // In a process it is also the pace of a gate.
            Severity::Page => rule.and_then(|rule| {
                Gate::builder().pace(budget, long).policy(settings)?;
                Ok(rule)
            }),
            Severity::Ticket => rule,
        };
        let error = match checked {
            Ok(rule) => {
                pair.factor = rule.windows.factor;
                return true;
            }
            Err(error) => error,
        };
        let factor = Factor::of_budget(budget, Duration::from_nanos(settings.period), long);
        let factor = human(factor.map_or(0.0, Factor::as_f64));
        let most = human(outage(settings).map_or(f64::INFINITY, BurnRate::as_f64));
        let period = Written(Duration::from_nanos(settings.period));
        let what = match error {
            InvalidConfigKind::NeverFires => format!(
                "it can never fire: it asks for a burn rate above {factor}, and at {} a total outage burns at {most}; take a smaller share of the budget, or a higher objective",
                settings.objective,
            ),
            InvalidConfigKind::FiresInBudget => format!(
                "it would page at a burn rate of {factor}, which does not exceed the budget: make it a ticket, or take a larger share or a shorter window",
            ),
            InvalidConfigKind::WindowLongerThanPeriod => {
                format!("a window is longer than the period of {period}: shorten it")
            }
            InvalidConfigKind::WindowTooShort => format!(
                "the window of {} is too short for a period of {period}: lengthen it to {} at least",
                Written(short.min(long)),
                Written(Duration::from_millis(settings.resolution.div_ceil(500_000))),
            ),
            _ => error.to_string(),
        };
        if let Some(field) = field {
            self.at(field, what);
        } else {
            let which = format!(
                "the default alert on {}/{}: {what}. Or write other `alerts`",
                Written(long),
                Written(short)
            );
            let at = match error {
                InvalidConfigKind::NeverFires => objective,
                _ => period_at,
            };
            self.add(at, "alerts", which);
        }
        false
    }

    pub(super) fn limits<'a>(&mut self, field: &Field<'a>) -> Option<Asked<'a, Limit>> {
        let what = "a list of one to four limits: `- { window: 1h, below: 1.0 }`";
        let items = self.up_to_four(field, 1, what)?;
        let mut limits = Vec::new();
        for item in items {
            let Some(fields) = self.fields(&item, &["window", "below"]) else {
                continue;
            };
            let window = self.required(&fields, "window", "the window of the burn rate: `1h`");
            let window = window.and_then(|field| self.value(&field, DURATION, parse_duration));
            let below = self.required(
                &fields,
                "below",
                "the burn rate that it has to be below: `1.0`",
            );
            let above_zero = |text: &str| text.parse().ok().filter(|f: &Factor| f.terms().0 > 0);
            let below = below.and_then(|field| self.value(&field, BURN, above_zero));
            if let (Some(window), Some(below)) = (window, below) {
                limits.push((Some(item), Limit::new(window, below)));
            }
        }
        Some(limits)
    }

    pub(super) fn check_limits(
        &mut self,
        asked: Asked<'_, Limit>,
        settings: &Settings,
    ) -> Vec<Limit> {
        let mut limits = Vec::new();
        for (field, limit) in asked {
            let checked = Gate::builder().limits([limit]).policy(settings);
            match (checked, field) {
                (Ok(_), _) => limits.push(limit),
                (Err(InvalidConfigKind::WindowLongerThanPeriod), Some(field)) => {
                    self.at(&field, "the window is longer than the period: shorten it");
                }
                (Err(error), Some(field)) => self.at(&field, error.to_string()),
                // A default that does not fit: the period is too short, or an outage does not reach it.
                (Err(_), None) => {}
            }
        }
        limits
    }
}

/// `2%` or `0.02`.
fn share(text: &str) -> Option<Factor> {
    let (digits, scale) = match text.strip_suffix('%') {
        Some(percent) => {
            let (digits, scale) = decimal::parse(percent.trim_end(), 6)?;
            (digits, scale * 100)
        }
        None => decimal::parse(text, 8)?,
    };
    if digits == 0 || digits > scale {
        return None;
    }
    Factor::new(digits.try_into().ok()?, scale.try_into().ok()?)
}
