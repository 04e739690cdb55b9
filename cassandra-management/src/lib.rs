//! Typed client of one Cassandra node's management interface, Jolokia on loopback, and what the programs of
//! one pod say to each other.

pub mod handoff;
