//! How an alert goes from one state to the next: a pure function of what is seen and of the time.

use std::fmt;

/// What an alert is at.
///
/// ```text
///               both windows burn            for `pending_for`
///   inactive ──────────────────────► pending ─────────────────► firing ◄─┐
///       ▲                               │                         │      │ burning again
///       └───────────────────────────────┘                         ▼      │ (by way of pending)
///               not any more                                   resolved ─┘
///                                            quiet for `keep_firing_for`
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AlertState {
    /// It has not fired, or has been pending since, in vain.
    Inactive,
    /// Its windows burn, but not for long enough.
    Pending,
    /// It fires.
    Firing,
    /// It has fired, and does not any more.
    Resolved,
}

/// An alert's state with what is needed to find the next one, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) state: AlertState,
    pub(crate) since: u64,
    /// When its windows were last seen to burn.
    burning_at: u64,
}

impl Standing {
    pub(crate) const NEW: Self = Self {
        state: AlertState::Inactive,
        since: 0,
        burning_at: 0,
    };

    /// The state at `tick`, which is not before that of the last step. `burns` is `None` where nothing is
    /// known and the last word holds.
    pub(crate) fn step(
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
        let kept = tick - self.burning_at < keep_firing_for;
        let to = match (burns, self.state) {
            (None, state) => state,
            (Some(true), _) => {
                if pending {
                    Pending
                } else {
                    Firing
                }
            }
            (Some(false), Firing) => {
                if kept {
                    Firing
                } else {
                    Resolved
                }
            }
            (Some(false), Resolved) => Resolved,
            (Some(false), Pending | Inactive) => Inactive,
        };
        Self {
            state: to,
            since: if to == self.state { self.since } else { tick },
            burning_at: if burns == Some(true) {
                tick
            } else {
                self.burning_at
            },
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

    /// Looks at each tick, from 0 on: `x` burns, `.` does not, `?` is unknown.
    fn play(seen: &str, pending_for: u64, keep_firing_for: u64) -> String {
        let mut standing = Standing::NEW;
        let letters = (0_u64..).zip(seen.chars()).map(|(tick, seen)| {
            let burns = (seen != '?').then_some(seen == 'x');
            standing = standing.step(burns, tick, pending_for, keep_firing_for);
            match standing.state {
                Inactive => '-',
                Pending => 'p',
                Firing => 'F',
                Resolved => 'r',
            }
        });
        letters.collect()
    }

    #[test]
    fn an_alert_goes_from_pending_to_firing_to_resolved_and_each_takes_its_time() {
        for (pending_for, keep_firing_for, seen, states) in [
            (0, 0, "..xx..x.", "--FFrrFr"),
            (2, 0, "..xx..xxxx.", "--pp--ppFFr"),
            (1, 0, "xx.x.", "pFrp-"),
            (0, 3, "x..x....", "FFFFFFrr"),
            (0, 1, "x.", "Fr"),
            (2, 2, "xxx..x", "ppFFrp"),
            // What is not known holds, and counts neither as burning nor as quiet.
            (0, 0, "?x??.?", "-FFFrr"),
            (2, 0, "x??x", "pppF"),
            (0, 3, "x???.", "FFFFr"),
        ] {
            assert_eq!(play(seen, pending_for, keep_firing_for), states, "{seen}");
        }
    }

    #[test]
    fn the_time_of_a_state_is_when_it_began() {
        let pending = Standing::NEW.step(Some(true), 7, 10, 0);
        assert_eq!(pending.since, 7);
        assert_eq!(pending.step(Some(true), 16, 10, 0).since, 7);
        assert_eq!(pending.step(Some(true), 17, 10, 0).since, 17);
        let forever = Standing::NEW.step(Some(true), u64::MAX, u64::MAX, u64::MAX);
        assert_eq!(
            forever.step(Some(true), u64::MAX, u64::MAX, u64::MAX).state,
            Pending
        );
    }
}
