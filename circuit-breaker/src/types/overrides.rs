//! The overrides that force breakers open, by number: a rejection names one without a pointer to it.

use std::collections::VecDeque;

use super::Override;
use crate::sync::StaticMutex;

/// Of all breakers of the process.
static LATEST: StaticMutex<Latest> = StaticMutex::new(Latest::new());

#[derive(Debug)]
struct Latest {
    overrides: VecDeque<Override>,
    /// The number of the first of them. None has number 0.
    first: u64,
}

/// How many later ones each is kept for: more than people decide on while a rejection is read, and a
/// bound where a program decides.
const KEPT: usize = 1_000;

/// The number of `by`. An equal one, such as the same decision about another member of a family, has
/// the same number.
pub(crate) fn remember(by: &Override) -> u64 {
    LATEST.lock().remember(by)
}

/// The override with this number, if it is still kept.
pub(crate) fn recall(number: u64) -> Option<Override> {
    LATEST.lock().recall(number)
}

impl Latest {
    const fn new() -> Self {
        Self {
            overrides: VecDeque::new(),
            first: 1,
        }
    }

    fn remember(&mut self, by: &Override) -> u64 {
        // An older one that is equal would be dropped too early.
        let mut latest = self.overrides.iter().rev().take(KEPT);
        let ago = latest.position(|other| other == by).unwrap_or_else(|| {
            self.overrides.push_back(by.clone());
            if self.overrides.len() > 2 * KEPT {
                self.overrides.pop_front();
                self.first += 1;
            }
            0
        });
        self.first + (self.overrides.len() - 1 - ago) as u64
    }

    fn recall(&self, number: u64) -> Option<Override> {
        let seat = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.overrides.get(seat).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Latest, Override};

    #[test]
    fn the_latest_overrides_are_kept_and_equal_ones_once() {
        let by = |n: u64| Override::new("test", n.to_string());
        let mut latest = Latest::new();
        let kept = KEPT as u64;
        for n in 1..=2 * kept {
            assert_eq!(latest.remember(&by(n)), n);
        }
        let newest = 2 * kept;
        for n in [newest, kept + 1] {
            assert_eq!(latest.remember(&by(n)), n, "one of the latest");
        }
        assert_eq!(latest.recall(1), Some(by(1)));
        assert_eq!(latest.remember(&by(kept)), newest + 1, "an older one");
        assert_eq!((latest.recall(1), latest.recall(2)), (None, Some(by(2))));
        assert_eq!(latest.recall(newest + 1), Some(by(kept)));
        assert_eq!((latest.recall(0), latest.recall(u64::MAX)), (None, None));
    }
}
