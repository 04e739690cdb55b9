//! The simulated server's clock, which goes by what the real one writes: in which order managers are told depends on
//! the seconds in which they wrote.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

use crate::{json::At as _, kubernetes::Clock};

/// A clock that is set by answers.
#[derive(Debug, Default)]
pub(super) struct ClockHints(Mutex<Timestamp>);

impl ClockHints {
    /// It is now when the answer's object was last written; before it is no time.
    pub(super) fn by(&self, answer: &Value) {
        let entries = answer.at("/metadata/managedFields");
        let entries = entries.and_then(Value::as_array).into_iter().flatten();
        let times = entries.filter_map(|entry| entry.get("time")?.as_str()?.parse().ok());
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = times.fold(*now, Timestamp::max);
    }
}

impl Clock for ClockHints {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_goes_by_the_last_write_and_never_back() {
        let clock = ClockHints::default();
        let written = |time: &str| json!({"metadata": {"managedFields": [{"time": time}, {}]}});
        clock.by(&written("2026-01-01T00:00:02Z"));
        clock.by(&written("2026-01-01T00:00:01Z"));
        clock.by(&json!({"code": 404}));
        assert_eq!(clock.now().to_string(), "2026-01-01T00:00:02Z");
    }
}
