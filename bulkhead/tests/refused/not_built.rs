//~ `{integer}` is not a bulkhead
//~ Bulkheads<&'static str>` is not a bulkhead
//~ a `BulkheadLayer` cannot be made of this
//~ build it: `Bulkhead::builder().limit(16).build("name")`,
//~ of a family choose the member: `bulkheads.by(|request| ...)`,
//~ of a handle behind a reference take a clone: it shares the places

use maestro_bulkhead::{BulkheadLayer, Bulkheads};

fn layers(family: Bulkheads<&'static str>) {
    let _ = BulkheadLayer::new(16);
    let _ = BulkheadLayer::new(family);
}

fn main() {
    let _ = layers;
}
