//! Retry delays: twice as long after each failure in a row, up to five minutes, with jitter. Kept by UID, so that an
//! object that was made again begins anew.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Mutex, PoisonError},
    time::Duration,
};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(5);
/// Something that somebody has to put right is tried again after this time, or when something changes.
const OUTSIDE: Duration = Duration::from_mins(1);

/// What an error calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// Somebody else wrote first: look again at once.
    Conflict,
    /// It may pass: try again, later and later.
    Transient,
    /// The API server asks for patience.
    Throttled,
    /// We are not allowed to: try again slowly, somebody has to act.
    Forbidden,
    /// The API server refuses the object: try again slowly, somebody has to act.
    Invalid,
    /// A defect of ours.
    Bug,
}

#[derive(Clone, Debug, Default)]
struct Failures {
    in_a_row: u32,
    last: String,
}

/// Failures in a row, by UID.
#[derive(Debug, Default)]
pub struct Backoffs(Mutex<BTreeMap<String, Failures>>);

impl Backoffs {
    /// The object was reconciled.
    pub fn succeeded(&self, uid: &str) {
        self.failures().remove(uid);
    }

    /// After which time to try again, and whether this failure is another one than the last, which its message tells.
    pub fn failed(&self, uid: &str, class: ErrorClass, message: String) -> (Duration, bool) {
        let mut all = self.failures();
        let failures = all.entry(uid.to_owned()).or_default();
        let news = failures.last != message;
        failures.last = message;
        failures.in_a_row = failures.in_a_row.saturating_add(1);
        let delay = delay(class, failures.in_a_row);
        (
            jittered(delay, uid, failures.in_a_row),
            news && class != ErrorClass::Conflict,
        )
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Failures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn delay(class: ErrorClass, in_a_row: u32) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(in_a_row.saturating_sub(1).min(16)));
    match class {
        // Soon, but not before the reflectors had a chance to catch up.
        ErrorClass::Conflict => Duration::from_millis(100).saturating_mul(in_a_row.min(50)),
        ErrorClass::Transient | ErrorClass::Throttled => doubled.min(LONGEST),
        ErrorClass::Forbidden | ErrorClass::Invalid | ErrorClass::Bug => doubled.min(OUTSIDE),
    }
}

/// Up to ten percent more, so that objects that failed together do not try again together. The UID is random enough.
fn jittered(delay: Duration, uid: &str, in_a_row: u32) -> Duration {
    let mut hasher = DefaultHasher::new();
    (uid, in_a_row).hash(&mut hasher);
    let permille = u32::try_from(hasher.finish() % 100).unwrap_or(0);
    delay + delay.saturating_mul(permille) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_and_has_an_end() {
        let seconds = |n| delay(ErrorClass::Transient, n).as_secs();
        assert_eq!(
            [seconds(1), seconds(2), seconds(5), seconds(40)],
            [1, 2, 16, 300]
        );
    }

    #[test]
    fn objects_that_failed_together_do_not_try_again_together() {
        let minute = Duration::from_mins(1);
        let delays: std::collections::BTreeSet<_> = ["a", "b", "c", "d"]
            .map(|uid| jittered(minute, uid, 1))
            .into();
        assert!(delays.len() > 1, "{delays:?}");
        assert!(
            delays
                .iter()
                .all(|d| (minute..minute.mul_f64(1.1)).contains(d))
        );
    }

    #[test]
    fn what_is_stuck_on_the_outside_is_tried_each_minute() {
        assert_eq!(delay(ErrorClass::Forbidden, 40), OUTSIDE);
        assert_eq!(delay(ErrorClass::Invalid, 40), OUTSIDE);
    }

    #[test]
    fn a_conflict_is_tried_again_soon() {
        assert!(delay(ErrorClass::Conflict, 1) <= Duration::from_millis(100));
        assert!(delay(ErrorClass::Conflict, 1000) <= Duration::from_secs(5));
    }
}
