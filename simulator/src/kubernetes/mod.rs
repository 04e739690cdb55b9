//! A Kubernetes API server in memory, behind kube's own client.
//!
//! * [`Server`]: make one, [`Server::connect`] to it as a user, lag or compact it.
//! * `store`: the log of revisions; `verbs`: what is done for each request; `rules`: what is particular to a kind.
//! * `fields`: server-side apply and `managedFields`; `schema`: the types that it merges by.
//! * `admission`: our definitions' schema and CEL, and admission policies; `rights`: roles and their bindings.
//! * [`Faults`], [`Observer`], [`Trace`]: where a test gets in between.
//!
//! It takes no time of its own, is the same for the same seed, and never looks at the machine's clock.

mod admission;
mod catalogue;
mod clock;
mod connection;
mod fields;
mod hooks;
mod ids;
mod refusal;
mod request;
mod revision;
mod rights;
mod rules;
mod schema;
mod selectors;
mod server;
mod shipped;
mod store;
mod tokens;
mod verbs;
mod watching;

pub(crate) use catalogue::NAMESPACED;
pub use catalogue::{Catalogue, Family, Resource};
pub use clock::{Clock, SimulatedClock};
pub use connection::Connection;
pub use hooks::{After, Applied, Before, Faults, NoFaults, Observer, Outcome, Trace};
pub use refusal::Refusal;
pub use request::{Request, User, Verb};
pub use revision::Follow;
pub(crate) use rules::{is_ready, selects};
pub use server::{Options, Server};
pub use shipped::installation;
pub use store::{Change, Key, Object, Store};
