//! The states of an alert, and the step from one to the next: a pure function of the windows and the time.

use std::fmt;

/// The state of an alert.
///
/// ```text
///               both windows burn            for `pending_for`
///   inactive ──────────────────────► pending ─────────────────► firing ◄─┐
///       ▲                               │                         │      │ burning again
///       └───────────────────────────────┘                         ▼      │ (by way of pending)
///               no longer                                      resolved ─┘
///                                            quiet for `keep_firing_for`
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AlertState {
    /// It has not fired yet, or was pending and did not fire.
    Inactive,
    /// Its windows burn, but not for long enough yet.
    Pending,
    /// It fires.
    Firing,
    /// It has fired, and does no longer.
    Resolved,
}

/// The state of an alert, with the ticks that the next step needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) state: AlertState,
    pub(super) since: u64,
    /// The first step that found its windows quiet; `None` while they burn. Counted from there, as Prometheus counts
    /// `keep_firing_for`: counted from the last step that found them burning, it would have no effect on alerts that
    /// are evaluated as seldom as its length.
    quiet_since: Option<u64>,
}

impl Status {
    pub(super) const NEW: Self = Self {
        state: AlertState::Inactive,
        since: 0,
        quiet_since: None,
    };

    /// The state at `tick`, which is not before the tick of the last step. `burns` is `None` if it is unknown, and
    /// then the state stays.
    pub(super) fn step(
        self,
        burns: Option<bool>,
        tick: u64,
        pending_for: u64,
        keep_firing_for: u64,
    ) -> Self {
        use AlertState::{Firing, Inactive, Pending, Resolved};
        let pending = match self.state {
            Inactive | Resolved => pending_for > 0,
            Pending => tick - self.since < pending_for,
            Firing => false,
        };
        let quiet_since = match burns {
            None => self.quiet_since,
            Some(true) => None,
            Some(false) => self.quiet_since.or(Some(tick)),
        };
        let kept = quiet_since.is_some_and(|since| tick - since < keep_firing_for);
        let to = match (burns, self.state) {
            (None, state) => state,
            (Some(true), _) if pending => Pending,
            (Some(true), _) => Firing,
            (Some(false), Firing) if kept => Firing,
            (Some(false), Firing | Resolved) => Resolved,
            (Some(false), Pending | Inactive) => Inactive,
        };
        Self {
            state: to,
            since: if to == self.state { self.since } else { tick },
            quiet_since,
        }
    }
}

impl fmt::Display for AlertState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{AlertState::*, *};

    /// One step for each letter, from tick 0 on: `x` burns, `.` does not, `?` is unknown.
    fn play(seen: &str, pending_for: u64, keep_firing_for: u64) -> String {
        let mut status = Status::NEW;
        let letters = (0_u64..).zip(seen.chars()).map(|(tick, seen)| {
            let burns = (seen != '?').then_some(seen == 'x');
            status = status.step(burns, tick, pending_for, keep_firing_for);
            match status.state {
                Inactive => '-',
                Pending => 'p',
                Firing => 'F',
                Resolved => 'r',
            }
        });
        letters.collect()
    }

    #[test]
    fn an_alert_is_pending_then_firing_then_resolved() {
        for (pending_for, keep_firing_for, seen, states) in [
            (0, 0, "..xx..x.", "--FFrrFr"),
            (2, 0, "..xx..xxxx.", "--pp--ppFFr"),
            (1, 0, "xx.x.", "pFrp-"),
            (0, 3, "x..x....", "FFFFFFFr"),
            // From the first quiet step, so it also lasts if steps are as rare as its length.
            (0, 1, "x..", "FFr"),
            (2, 2, "xxx..x", "ppFFFF"),
            (2, 2, "xxx...x", "ppFFFrp"),
            // The unknown keeps the state, and counts neither as burning nor as quiet.
            (0, 0, "?x??.?", "-FFFrr"),
            (2, 0, "x??x", "pppF"),
            (0, 3, "x???.??.", "FFFFFFFr"),
        ] {
            assert_eq!(play(seen, pending_for, keep_firing_for), states, "{seen}");
        }
    }

    #[test]
    fn a_state_keeps_the_tick_at_which_it_began() {
        let pending = Status::NEW.step(Some(true), 7, 10, 0);
        assert_eq!(pending.since, 7);
        assert_eq!(pending.step(Some(true), 16, 10, 0).since, 7);
        assert_eq!(pending.step(Some(true), 17, 10, 0).since, 17);
        let forever = Status::NEW.step(Some(true), u64::MAX, u64::MAX, u64::MAX);
        assert_eq!(
            forever.step(Some(true), u64::MAX, u64::MAX, u64::MAX).state,
            Pending
        );
    }
}
