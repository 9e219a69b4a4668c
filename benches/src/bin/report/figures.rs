use maestro_benches::{Row, Sizes, Target};
use serde::{Deserialize, Serialize};

/// All figures of one run. The baseline is one as JSON.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The compiler and its target, because instruction counts depend on them.
    pub(crate) compiler: String,
    /// Whether the layers counted into a recorder. Then it has the main rows only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) metrics: bool,
    pub(crate) rows: Vec<Figures>,
}

/// The figures of one row, for one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) name: String,
    pub(crate) subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) floor: Option<String>,
    /// The counts, the floor included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gross: Option<Counts>,
    /// The counts net of the floor of the same run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) net: Option<Counts>,
    /// The instructions, the floor included, as a multiple of the floor's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<f64>,
    pub(crate) allocations: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service_bytes: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) future_bytes: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<Counts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) met: Option<bool>,
}

/// callgrind's counts for one request, to two decimals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) instructions: f64,
    pub(crate) bus_locked: f64,
}

// === impl Report ===

impl Report {
    pub(crate) fn parse(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    pub(crate) fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("numbers and strings are always JSON");
        text.push('\n');
        text
    }

    pub(crate) fn row(&self, name: &str) -> Option<&Figures> {
        self.rows.iter().find(|row| row.name == name)
    }
}

// === impl Figures ===

impl Figures {
    /// `floor` is the floor of the row in the same run.
    pub(crate) fn new(
        row: &Row,
        gross: Option<Counts>,
        floor: Option<Counts>,
        allocations: f64,
    ) -> Self {
        let net = gross.zip(floor).map(|(gross, floor)| gross - floor);
        let target = row.target.map(Counts::from);
        Self {
            name: row.name.to_owned(),
            subject: row.subject.column().to_owned(),
            floor: row.floor.map(str::to_owned),
            gross,
            net,
            ratio: gross
                .zip(floor)
                .map(|(gross, floor)| round(gross.instructions / floor.instructions)),
            allocations: round(allocations),
            service_bytes: row.sizes.map(|Sizes { service, .. }| service),
            future_bytes: row.sizes.map(|Sizes { future, .. }| future),
            target,
            met: net
                .zip(target)
                .map(|(net, target)| net.at_most(target) && allocations == 0.0),
        }
    }

    /// The counts that the check compares: net, or, of a floor, as counted.
    pub(crate) fn counts(&self) -> Option<Counts> {
        self.net.or(self.gross)
    }
}

// === impl Counts ===

impl Counts {
    pub(crate) fn new(instructions: f64, bus_locked: f64) -> Self {
        Self {
            instructions: round(instructions),
            bus_locked: round(bus_locked),
        }
    }

    /// Whether the counts meet `target`, to one decimal, as targets are given.
    fn at_most(self, target: Self) -> bool {
        let met = |count: f64, most: f64| (count * 10.0).round() <= (most * 10.0).round();
        met(self.instructions, target.instructions) && met(self.bus_locked, target.bus_locked)
    }
}

impl std::ops::Sub for Counts {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self::new(
            self.instructions - other.instructions,
            self.bus_locked - other.bus_locked,
        )
    }
}

impl From<Target> for Counts {
    fn from(target: Target) -> Self {
        Self::new(target.instructions, target.bus_locked)
    }
}

fn round(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}
