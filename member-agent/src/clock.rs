//! The one place where the calendar is looked at. How long something lasts is measured with tokio's clock.

use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// Tells the time of day.
pub trait Clock: Debug + Send + Sync {
    /// Now, in whole seconds, as Kubernetes writes it: a finer one would never equal itself read back.
    fn now(&self) -> Time;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let now = jiff::Timestamp::now();
        Time(jiff::Timestamp::from_second(now.as_second()).unwrap_or(now))
    }
}
