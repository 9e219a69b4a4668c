use std::{collections::BTreeMap, process::Command};

use maestro_benches::peers::Comparison;
use serde::Serialize;

use crate::figures::Counts;

/// The columns of ours.
pub(super) const SHARED: &str = "ours, Arc";
pub(super) const FIXED: &str = "ours, static";

/// What was measured, for people and machines.
#[derive(Debug, Serialize)]
pub(super) struct PeerReport {
    pub(super) compiler: String,
    /// Whether the layers counted into a recorder.
    pub(super) metrics: bool,
    pub(super) date: String,
    pub(super) versions: BTreeMap<String, String>,
    pub(super) lines: Vec<Line>,
}

/// A comparison.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) name: String,
    /// What a reader must know to compare.
    pub(super) notes: Vec<&'static str>,
    /// The peer that is the fastest of those that do the same work, on one thread.
    pub(super) best_on_one: Option<String>,
    /// The same on two threads.
    pub(super) best_on_two: Option<String>,
    /// Our figures divided by those of the best peers: `Arc`, `static`.
    pub(super) ratios: BTreeMap<&'static str, Ratio>,
    pub(super) entries: Vec<Entry>,
}

/// Our time divided by that of the best peer on as many threads, below 1 if we are ahead; our instructions divided by
/// those of the best peer on one thread. Nothing if one of the figures is not above its floor.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Ratio {
    pub(super) one_thread: Option<f64>,
    pub(super) two_threads: Option<f64>,
    pub(super) instructions: Option<f64>,
}

/// A row, net of its floor.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Entry {
    pub(super) subject: String,
    pub(super) row: String,
    pub(super) net: Option<Counts>,
    pub(super) allocations: f64,
    /// The time on one thread, in units of one uncontended `fetch_add`.
    pub(super) u: f64,
    /// The same for each request of two threads that share the object.
    pub(super) u_of_two: Option<f64>,
}

// === impl PeerReport ===

impl PeerReport {
    pub(super) fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        let mut text = text.expect("numbers and strings are always JSON");
        text.push('\n');
        text
    }
}

// === impl Line ===

impl Line {
    pub(super) fn new(comparison: &Comparison, entries: Vec<Entry>) -> Self {
        let lesser = |subject: &str| comparison.lesser.iter().any(|peer| peer.name() == subject);
        let best = |time: fn(&Entry) -> Option<f64>| {
            let peers = entries
                .iter()
                .filter(|entry| !entry.is_ours() && !lesser(&entry.subject));
            peers
                .filter_map(|entry| Some((entry, time(entry)?)))
                .min_by(|(_, a), (_, b)| a.total_cmp(b))
                .map(|(entry, _)| entry)
        };
        let (on_one, on_two) = (best(|entry| Some(entry.u)), best(|entry| entry.u_of_two));
        let ours = [SHARED, FIXED].into_iter().filter_map(|column| {
            let entry = entries.iter().find(|entry| entry.subject == column)?;
            Some((column, entry.ratio(on_one, on_two)))
        });
        let name = |best: Option<&Entry>| best.map(|best| best.subject.clone());
        Self {
            name: comparison.name.to_owned(),
            notes: comparison.notes.clone(),
            best_on_one: name(on_one),
            best_on_two: name(on_two),
            ratios: ours.collect(),
            entries,
        }
    }

    pub(super) fn entry(&self, subject: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.subject == subject)
    }
}

// === impl Entry ===

impl Entry {
    pub(super) fn is_ours(&self) -> bool {
        [SHARED, FIXED].contains(&self.subject.as_str())
    }

    fn ratio(&self, on_one: Option<&Self>, on_two: Option<&Self>) -> Ratio {
        let of = |peer: Option<&Self>, figure: fn(&Self) -> Option<f64>| {
            divided(figure(self)?, figure(peer?)?)
        };
        Ratio {
            one_thread: of(on_one, |entry| Some(entry.u)),
            two_threads: of(on_two, |entry| entry.u_of_two),
            instructions: of(on_one, |entry| entry.net.map(|net| net.instructions)),
        }
    }
}

/// Nothing if one of them is not above its floor: a quotient would say nothing.
fn divided(ours: f64, theirs: f64) -> Option<f64> {
    (ours > 0.0 && theirs > 0.0).then(|| round(ours / theirs))
}

/// The day in UTC, as the system's `date` says it: a library for one line is too much.
pub(super) fn today() -> String {
    let output = Command::new("date").args(["-u", "+%F"]).output();
    let day = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    day.unwrap_or_else(|_| "an unknown day".to_owned())
}

pub(super) fn round(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use maestro_benches::peers::comparisons;

    use super::*;

    fn entry(subject: &str, u: f64, u_of_two: Option<f64>) -> Entry {
        Entry {
            subject: subject.to_owned(),
            row: subject.to_owned(),
            net: None,
            allocations: 0.0,
            u,
            u_of_two,
        }
    }

    fn line(entries: Vec<Entry>) -> Line {
        Line::new(&comparisons()[0], entries)
    }

    #[test]
    fn a_peer_that_is_ahead_on_two_threads_alone_is_chosen() {
        let line = line(vec![
            entry(SHARED, 2.0, Some(8.0)),
            entry("recloser", 4.0, Some(16.0)),
            entry("tower", 5.0, Some(4.0)),
            entry("tower-acc", 6.0, None),
        ]);
        assert_eq!(line.best_on_one.as_deref(), Some("recloser"));
        assert_eq!(line.best_on_two.as_deref(), Some("tower"));
        let Ratio {
            one_thread,
            two_threads,
            ..
        } = line.ratios[SHARED];
        assert_eq!((one_thread, two_threads), (Some(0.5), Some(2.0)));
    }

    #[test]
    fn a_time_below_the_floor_has_no_ratio() {
        let below = line(vec![entry(SHARED, 2.0, None), entry("tower", -0.1, None)]);
        assert_eq!(below.ratios[SHARED].one_thread, None);
        let ours = line(vec![entry(SHARED, 0.0, None), entry("tower", 1.0, None)]);
        assert_eq!(ours.ratios[SHARED].one_thread, None);
    }
}
