pub(crate) mod bucket;
pub(crate) mod buckets;
pub(crate) mod recent;
