//! The only file that knows the feature `serde`: builders are the configuration that is read from files.
//!
//! Each is read into a copy of its own here, so that the names in the file are these, an unknown one is refused,
//! and what a file leaves out is the default; so are numbers that `build` would refuse.

mod human;

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Aimd, Builder, Gradient2, InvalidConfig, Limit, Queue};

/// A duration as people write it.
#[derive(Clone, Copy)]
struct Span(Duration);

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&human::Written(self.0))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"250ms\", \"1m 30s\" or \"unlimited\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                human::parse(text)
                    .map(Span)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        from.deserialize_str(Text)
    }
}

/// `Serialize` and `Deserialize` of a type through its copy here.
macro_rules! through {
    ($public:ty, $copy:ty, $problem:expr) => {
        impl Serialize for $public {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$copy>::from(*self).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $public {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let read = Self::from(<$copy>::deserialize(deserializer)?);
                let problem: fn($public) -> Option<InvalidConfig> = $problem;
                match problem(read) {
                    Some(problem) => Err(de::Error::custom(problem)),
                    None => Ok(read),
                }
            }
        }
    };
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "bulkhead", deny_unknown_fields, default)]
struct BuilderCopy {
    limit: usize,
    max_queued: usize,
    metrics_only: bool,
    count_rejections: bool,
    window: Span,
}

impl Default for BuilderCopy {
    fn default() -> Self {
        Builder::new().into()
    }
}

impl From<Builder> for BuilderCopy {
    fn from(builder: Builder) -> Self {
        Self {
            limit: builder.limit,
            max_queued: builder.max_queued,
            metrics_only: builder.metrics_only,
            count_rejections: builder.count_rejections,
            window: Span(builder.window),
        }
    }
}

impl From<BuilderCopy> for Builder {
    fn from(copy: BuilderCopy) -> Self {
        Self::new()
            .limit(copy.limit)
            .max_queued(copy.max_queued)
            .metrics_only(copy.metrics_only)
            .count_rejections(copy.count_rejections)
            .window(copy.window.0)
    }
}

through!(Builder, BuilderCopy, |builder| builder.check().err());

#[derive(Serialize, Deserialize)]
#[serde(rename = "queue", deny_unknown_fields)]
struct QueueCopy {
    // Both bounds have to be said.
    length: usize,
    max_wait: Span,
    #[serde(default = "nothing")]
    reserve: Span,
    #[serde(default)]
    newest_first: bool,
}

const fn nothing() -> Span {
    Span(Duration::ZERO)
}

impl From<Queue> for QueueCopy {
    fn from(queue: Queue) -> Self {
        Self {
            length: queue.length,
            max_wait: Span(queue.max_wait),
            reserve: Span(queue.reserve),
            newest_first: queue.newest_first,
        }
    }
}

impl From<QueueCopy> for Queue {
    fn from(copy: QueueCopy) -> Self {
        let mut queue = Self::new(copy.length, copy.max_wait.0).reserve(copy.reserve.0);
        queue.newest_first = copy.newest_first;
        queue
    }
}

through!(Queue, QueueCopy, |_| None);

#[derive(Serialize, Deserialize)]
#[serde(rename = "aimd", deny_unknown_fields, default)]
struct AimdCopy {
    min: usize,
    max: usize,
    backoff: f64,
    step: usize,
    slow_after: Option<Span>,
}

impl Default for AimdCopy {
    fn default() -> Self {
        Aimd::new().into()
    }
}

impl From<Aimd> for AimdCopy {
    fn from(law: Aimd) -> Self {
        Self {
            min: law.min,
            max: law.max,
            backoff: law.backoff,
            step: law.step,
            slow_after: law.slow_after.map(Span),
        }
    }
}

impl From<AimdCopy> for Aimd {
    fn from(copy: AimdCopy) -> Self {
        let mut law = Self::new()
            .min(copy.min)
            .max(copy.max)
            .backoff(copy.backoff)
            .step(copy.step);
        law.slow_after = copy.slow_after.map(|span| span.0);
        law
    }
}

through!(Aimd, AimdCopy, |law| law.check().err());

/// The numbers of the law; what it has learnt is not configuration.
#[derive(Serialize, Deserialize)]
#[serde(rename = "gradient2", deny_unknown_fields, default)]
struct Gradient2Copy {
    min: usize,
    max: usize,
    headroom: f64,
    smoothing: f64,
    tolerance: f64,
    drift: f64,
    memory: u32,
    healthy: Option<Span>,
    probe: Option<Probe>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Probe {
    places: usize,
    windows: u32,
}

impl Default for Gradient2Copy {
    fn default() -> Self {
        Gradient2::new().into()
    }
}

impl From<Gradient2> for Gradient2Copy {
    fn from(law: Gradient2) -> Self {
        Self {
            min: law.min,
            max: law.max,
            headroom: law.headroom,
            smoothing: law.smoothing,
            tolerance: law.tolerance,
            drift: law.drift,
            memory: law.memory,
            healthy: law.healthy.map(Span),
            probe: law.probe.map(|(places, windows)| Probe { places, windows }),
        }
    }
}

impl From<Gradient2Copy> for Gradient2 {
    fn from(copy: Gradient2Copy) -> Self {
        let mut law = Self::new()
            .min(copy.min)
            .max(copy.max)
            .headroom(copy.headroom)
            .smoothing(copy.smoothing)
            .tolerance(copy.tolerance)
            .drift(copy.drift)
            .memory(copy.memory);
        law.healthy = copy.healthy.map(|span| span.0);
        law.probe = copy.probe.map(|probe| (probe.places, probe.windows));
        law
    }
}

through!(Gradient2, Gradient2Copy, |law| law.check().err());
