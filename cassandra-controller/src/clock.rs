//! The time, as a port: decisions get it as data, tests set it.

use cassandra_api::k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff};

/// Tells the time of day.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Time;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        Time(jiff::Timestamp::now())
    }
}
