//! Container images without a container engine: a docker archive is a few tar files and two JSON
//! documents, so the project writes its images itself.

pub mod archive;
mod base;
mod cassandra;
mod layer;
mod small;

pub use archive::ImageBuilder;
pub use cassandra::{CASSANDRA_VERSIONS, DEFAULT_CASSANDRA_VERSION, cassandra_image};
pub use layer::ImageFile;
pub use small::{COREDNS_IMAGE, PAUSE_IMAGE, coredns_image, pause_image};
