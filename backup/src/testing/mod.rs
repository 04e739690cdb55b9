//! For tests, of this crate and of those that use it: a store with faults and a clock of its own, and the suite that each
//! store has to pass.

pub mod conformance;
pub mod faulty_store;
