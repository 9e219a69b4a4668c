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
    use super::*;

    #[test]
    fn every_object_has_bytes() {
        let text = memory();
        for object in objects::all() {
            assert!(text.contains(&format!("| {} | ", object.name)), "{text}");
            assert!(counted(&object).0 > 0, "{object:?}");
        }
    }
}
