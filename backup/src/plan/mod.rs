//! What has to be uploaded: a pure comparison of two sorted lists, that of the disk and that of the base's manifest.

pub mod compare;
pub mod scan;
pub mod units;
