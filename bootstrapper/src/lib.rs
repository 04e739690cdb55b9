//! Prepares each start of a Cassandra node, as the init container of its pod: looks whose data is on the
//! volume, waits for its permit to start, writes the configuration. The same binary drains the node before its
//! container stops and tells whether it answers.
//!
//! Nothing here talks to the Kubernetes API: the agent beside it does, and is asked over loopback. What may
//! be done is decided by pure functions ([`judge`], [`permit`], [`render`]); [`bootstrap`] carries it out, on
//! [`folders`] and with an agent that a test can play.
//! Every step can be cut short and done again.

pub mod bootstrap;
pub mod cli;
pub mod drain;
pub mod folders;
pub mod judge;
pub mod live;
pub mod lock;
pub mod permit;
pub mod refusal;
pub mod release;
pub mod render;
pub mod sources;
pub mod volume;
pub mod waiting;
pub mod yaml;
