//! The laws against the answers of their reference, a simulation in another language, to the same windows.

use std::time::Duration;

use crate::limit::{Aimd, Gradient2, Limit, Window};

/// Some windows alike. The service runs `servers` calls at once, for `service` microseconds each, and queues the others.
#[derive(Clone, Copy)]
struct Part {
    windows: u32,
    rate: u64,
    servers: u64,
    service: u64,
    /// Of a thousand calls.
    overloads: u64,
}

const fn part(windows: u32, rate: u64, servers: u64, service: u64) -> Part {
    Part {
        windows,
        rate,
        servers,
        service,
        overloads: 0,
    }
}

impl Part {
    const fn with(mut self, overloads: u64) -> Self {
        self.overloads = overloads;
        self
    }
}

/// Every tenth limit. In integers but for the law, as in the reference.
fn limits(mut law: impl Limit, parts: &[Part]) -> Vec<usize> {
    let (mut random, mut limit, mut all) = (1_u64, 20, Vec::new());
    for part in parts {
        for _ in 0..part.windows {
            random = (random * 1_103_515_245 + 12_345) % (1 << 31);
            let jitter = 90 + (random >> 16) % 21;
            let need = match part.rate * part.service / 1_000_000 + 1 {
                need if need > part.servers => u64::MAX,
                need => need,
            };
            let used = need.min(limit as u64);
            let queued = used.max(part.servers);
            let latency = part.service * jitter * queued / (part.servers * 100);
            let length = 1_000_000.max(2 * latency);
            let served = used.min(part.servers) * 1_000_000 / part.service;
            let calls = part.rate.min(served) * length / 1_000_000;
            let overloads = calls * part.overloads / 1_000;
            limit = law.next(&Window::new(
                limit,
                usize::try_from(used).expect("at most the limit"),
                calls - overloads,
                overloads,
                Duration::from_micros(latency),
                Duration::from_micros(length),
            ));
            all.push(limit);
        }
    }
    all.into_iter().skip(9).step_by(10).collect()
}

const OVERLOAD: &[Part] = &[part(260, 600, 20, 50_000)];
const LOST_CAPACITY: &[Part] = &[
    part(60, 380, 20, 50_000),
    part(60, 380, 7, 50_000),
    part(60, 380, 20, 50_000),
];
/// The capacity falls while the law compares two limits.
const CONFOUNDED: &[Part] = &[part(40, 600, 20, 50_000), part(60, 600, 7, 50_000)];
const OUTAGE: &[Part] = &[
    part(60, 300, 20, 50_000),
    part(60, 300, 20, 250_000),
    part(60, 300, 20, 50_000),
];
const NEW_NORMAL: &[Part] = &[part(60, 700, 400, 20_000), part(200, 700, 400, 100_000)];
const OVERLOADS: &[Part] = &[
    part(60, 500, 20, 50_000).with(5),
    part(30, 500, 20, 50_000).with(50),
    part(10, 500, 20, 50_000).with(900),
    part(60, 500, 20, 50_000),
];
const FAST: &[Part] = &[
    part(60, 390, 20, 50_000),
    part(30, 320, 20, 1_000),
    part(100, 600, 20, 50_000),
];

#[test]
fn the_latency_law_answers_as_its_reference() {
    let answers = |parts, recorded: &[usize]| {
        assert_eq!(limits(Gradient2::new().max(200), parts), recorded);
    };
    answers(
        OVERLOAD,
        &[
            33, 16, 27, 29, 30, 27, 29, 28, 31, 29, 27, 30, 28, 25, 28, 31, 29, 30, 28, 28, 31, 26,
            31, 30, 32, 31,
        ],
    );
    answers(
        LOST_CAPACITY,
        &[
            42, 42, 42, 42, 42, 42, 11, 11, 9, 11, 10, 12, 43, 43, 43, 43, 43, 43,
        ],
    );
    answers(CONFOUNDED, &[33, 16, 27, 29, 23, 9, 12, 10, 8, 10]);
    answers(
        OUTAGE,
        &[
            36, 36, 36, 36, 36, 36, 13, 28, 26, 25, 27, 31, 36, 36, 36, 36, 36, 36,
        ],
    );
    answers(
        NEW_NORMAL,
        &[
            31, 31, 31, 31, 31, 31, 30, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31,
            31, 72, 155, 155,
        ],
    );
    answers(
        OVERLOADS,
        &[33, 16, 27, 29, 30, 27, 16, 9, 5, 2, 24, 30, 27, 25, 28, 31],
    );
    answers(
        FAST,
        &[
            42, 42, 42, 42, 42, 42, 42, 42, 42, 15, 29, 31, 28, 27, 29, 31, 30, 27, 27,
        ],
    );
    let law = Gradient2::new()
        .memory(Duration::from_secs(60))
        .tolerance(2.0)
        .healthy(Duration::from_millis(120))
        .min(5)
        .max(100);
    let recorded = [
        36, 36, 36, 36, 36, 36, 8, 36, 33, 33, 34, 36, 36, 36, 36, 36, 36, 36,
    ];
    assert_eq!(limits(law, OUTAGE), recorded);
}

#[test]
fn the_overload_law_answers_as_its_reference() {
    let law = Aimd::new().max(200);
    let recorded = [
        28, 37, 45, 52, 59, 66, 39, 23, 14, 4, 14, 24, 34, 44, 54, 64,
    ];
    assert_eq!(limits(law, OVERLOADS), recorded);
    let recorded = [
        30, 40, 41, 41, 41, 41, 51, 61, 71, 81, 91, 101, 101, 101, 101, 101, 101, 101,
    ];
    assert_eq!(limits(law, LOST_CAPACITY), recorded);
}
