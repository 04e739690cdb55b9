//! What may be stored: the definitions of our kinds, and admission policies.

mod custom;
mod looks_at;
mod node;
mod policies;

pub(crate) use custom::Custom;
pub(crate) use policies::Policies;
