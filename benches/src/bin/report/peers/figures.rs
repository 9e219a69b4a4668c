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
    pub(super) best_peer: Option<String>,
    /// Our time in its time, on one thread and on two: `Arc`, `static`.
    pub(super) ratios: BTreeMap<&'static str, Ratio>,
    pub(super) entries: Vec<Entry>,
}

/// Our time divided by the peer's, below 1 if we are ahead, and the same of the instructions.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Ratio {
    pub(super) one_thread: f64,
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
        let best = entries
            .iter()
            .filter(|entry| !entry.is_ours() && !lesser(&entry.subject))
            .min_by(|a, b| a.u.total_cmp(&b.u));
        let ratios = best.map_or_else(BTreeMap::new, |best| {
            let ours = [SHARED, FIXED].into_iter();
            ours.filter_map(|column| {
                let entry = entries.iter().find(|entry| entry.subject == column)?;
                Some((column, entry.ratio(best)))
            })
            .collect()
        });
        Self {
            name: comparison.name.to_owned(),
            notes: comparison.notes.clone(),
            best_peer: best.map(|best| best.subject.clone()),
            ratios,
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

    fn ratio(&self, peer: &Self) -> Ratio {
        Ratio {
            one_thread: round(self.u / peer.u),
            two_threads: self
                .u_of_two
                .zip(peer.u_of_two)
                .map(|(ours, theirs)| round(ours / theirs)),
            instructions: self
                .net
                .zip(peer.net)
                .map(|(ours, theirs)| round(ours.instructions / theirs.instructions)),
        }
    }
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
