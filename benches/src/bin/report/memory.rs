//! The bytes of an object and of a key, as a Markdown table.

use std::fmt::Write;

use maestro_benches::objects::{self, Object};

const HEAD: &str = "Bytes on the heap. Of a family: of one of 1,000 keys, its share of the map included.\n\n\
                    | object | bytes | allocations |\n|---|--:|--:|\n";

pub(crate) fn memory() -> String {
    let mut text = HEAD.to_owned();
    for object in objects::all() {
        let (bytes, allocations) = counted(&object);
        writeln!(text, "| {} | {bytes} | {allocations} |", object.name)
            .expect("writing to a string cannot fail");
    }
    text
}

/// The bytes and the allocations that exist while the object does, for one key.
fn counted(object: &Object) -> (i64, i64) {
    // Once before, for what all objects share: the names, the seed of the hash.
    drop(object.make());
    let mut kept = None;
    let made = allocation_counter::measure(|| kept = Some(object.make()));
    drop(kept);
    let keys = i64::from(object.keys);
    (made.bytes_current / keys, made.count_current / keys)
}

#[cfg(test)]
mod tests {
    use maestro_benches::WATCHED;

    use super::*;

    #[test]
    fn every_object_has_bytes() {
        let text = memory();
        for object in objects::all() {
            assert!(text.contains(&format!("| {} | ", object.name)), "{text}");
        }
    }

    /// The most bytes of an object, or of a key of a family with its share of the map; and of the handles of its metrics.
    const MOST: [(&str, i64, i64); 16] = [
        ("breaker, consecutive failures", 640, 640),
        ("breaker, time window", 768, 640),
        ("breaker, window of 100 calls", 768, 640),
        ("breaker, window of 1,024 calls", 1_792, 640),
        ("bulkhead", 512, 256),
        ("bulkhead, adaptive", 1_152, 256),
        ("retry budget", 896, 160),
        ("error budget", 3_584, 160),
        ("error budget and gate", 6_912, 256),
        ("breaker, consecutive failures, a key", 768, 640),
        ("breaker, time window, a key", 896, 640),
        ("breaker, window of 100 calls, a key", 896, 640),
        ("bulkhead, a key", 640, 256),
        ("retry budget, a key", 1_024, 160),
        ("timeout, a key", 352, 32),
        ("error budget, a key", 1_408, 160),
    ];

    #[test]
    fn bytes_of_objects_are_near_their_bounds() {
        for object in objects::all() {
            let found = MOST.iter().find(|(name, ..)| *name == object.name);
            let (_, most, handles) = found.unwrap_or_else(|| panic!("{object:?} has no bound"));
            let most = if WATCHED { most + handles } else { *most };
            let (bytes, _) = counted(&object);
            // Far fewer mean that the bound, and what documents say, has to be renewed.
            assert!(
                (most * 4 / 5..=most).contains(&bytes),
                "{object:?}: {bytes} bytes, at most {most}"
            );
        }
    }
}
