//! The one place where the calendar is looked at. How long something lasts is measured with tokio's clock.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// Now, in whole seconds, as Kubernetes writes it: a finer one would never equal itself read back.
pub(crate) fn now() -> Time {
    let now = jiff::Timestamp::now();
    Time(jiff::Timestamp::from_second(now.as_second()).unwrap_or(now))
}
