//! Who owns which field: the sets of `managedFields`, what an update takes, and server-side apply.

mod compare;
mod merge;
mod owners;
mod set;

pub(crate) use owners::{Owners, Refused, Writer};
pub(crate) use set::{Set, Step};
