//! What acts on a cluster besides the operator, each with a delay of its own.

mod garbage_collector;

pub use garbage_collector::GarbageCollector;
