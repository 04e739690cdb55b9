//! When objects expire and uploads are given up. Days are counted from the midnight after, in UTC, as AWS does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    record::{Object, Record},
    time::{HOUR, Micros},
};

const DAY: Micros = 24 * HOUR;

/// When.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// So many days after.
    Days(u32),
    /// From this time on.
    Date(Micros),
}

/// Which objects a rule is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Keys begin with this.
    pub prefix: String,
    /// They have these tags.
    pub tags: BTreeMap<String, String>,
    /// They are larger than this.
    pub larger_than: Option<u64>,
    /// They are smaller than this.
    pub smaller_than: Option<u64>,
}

/// One rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rule {
    /// Its name.
    pub id: String,
    /// Whether it is in force.
    pub enabled: bool,
    /// Whether it was given by `Prefix` rather than by `Filter`.
    pub old_prefix: bool,
    /// Which objects.
    pub filter: Filter,
    /// When current objects expire.
    pub expiration: Option<When>,
    /// Whether a delete marker goes when there is nothing behind it.
    pub expired_marker: bool,
    /// How many days after they were replaced old versions go.
    pub noncurrent_days: Option<u32>,
    /// How many old versions stay all the same.
    pub noncurrent_kept: Option<u32>,
    /// How many days after its start an upload is given up.
    pub abort_days: Option<u32>,
}

/// Rules that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Two rules have one name.
    #[error("rule id must be unique, found {0} twice")]
    Id(String),
    /// A name is too long.
    #[error("rule id must have at most 255 characters")]
    LongId,
    /// Days below one.
    #[error("days must be positive")]
    Days,
    /// Nothing is done.
    #[error("rule {0} has no action")]
    Nothing(String),
    /// More than 1,000 rules, or none.
    #[error("there must be 1 to 1000 rules")]
    Count,
    /// A date that is not midnight.
    #[error("a date must be midnight UTC")]
    Date,
}

/// Whether rules can be used.
pub fn check(rules: &[Rule]) -> Result<(), Invalid> {
    if !(1..=1000).contains(&rules.len()) {
        return Err(Invalid::Count);
    }
    for (at, rule) in rules.iter().enumerate() {
        if rule.id.chars().count() > 255 {
            return Err(Invalid::LongId);
        }
        if rules.iter().skip(at + 1).any(|other| other.id == rule.id) {
            return Err(Invalid::Id(rule.id.clone()));
        }
        if matches!(rule.expiration, Some(When::Days(0)))
            || rule.noncurrent_days == Some(0)
            || rule.abort_days == Some(0)
        {
            return Err(Invalid::Days);
        }
        if matches!(rule.expiration, Some(When::Date(date)) if date % DAY != 0) {
            return Err(Invalid::Date);
        }
        if rule.expiration.is_none()
            && !rule.expired_marker
            && rule.noncurrent_days.is_none()
            && rule.abort_days.is_none()
        {
            return Err(Invalid::Nothing(rule.id.clone()));
        }
    }
    Ok(())
}

/// The midnight that is `days` days after the one that follows `from`.
pub fn due(from: Micros, days: u32) -> Micros {
    (from.div_ceil(DAY).saturating_add(u64::from(days))).saturating_mul(DAY)
}

impl Rule {
    fn covers(&self, key: &str, object: Option<&Object>) -> bool {
        let filter = &self.filter;
        let size = object.map(|object| object.size);
        self.enabled
            && key.starts_with(&filter.prefix)
            && filter
                .larger_than
                .is_none_or(|limit| size.is_some_and(|size| size > limit))
            && filter
                .smaller_than
                .is_none_or(|limit| size.is_some_and(|size| size < limit))
            && filter.tags.iter().all(|(tag, value)| {
                object.is_some_and(|object| object.tags.get(tag) == Some(value))
            })
    }
}

/// When the current object expires.
pub fn expires_at(rules: &[Rule], key: &str, record: &Record) -> Option<Micros> {
    let object = record.object()?;
    rules
        .iter()
        .filter(|rule| rule.covers(key, Some(object)))
        .filter_map(|rule| rule.expiration)
        .map(|when| match when {
            When::Days(days) => due(record.id.at(), days),
            When::Date(date) => date,
        })
        .min()
}

/// Whether an old version goes: replaced at `replaced`, with `newer` old versions above it.
pub fn noncurrent_goes(
    rules: &[Rule],
    key: &str,
    record: &Record,
    replaced: Micros,
    newer: u32,
    now: Micros,
) -> bool {
    rules.iter().any(|rule| {
        rule.covers(key, record.object())
            && rule
                .noncurrent_days
                .is_some_and(|days| now >= due(replaced, days))
            && newer >= rule.noncurrent_kept.unwrap_or(0)
    })
}

/// Whether a delete marker with nothing behind it goes.
pub fn lonely_marker_goes(rules: &[Rule], key: &str) -> bool {
    rules
        .iter()
        .any(|rule| rule.expired_marker && rule.covers(key, None))
}

/// Whether an upload is given up.
pub fn upload_is_given_up(rules: &[Rule], key: &str, started: Micros, now: Micros) -> bool {
    rules.iter().any(|rule| {
        rule.enabled
            && key.starts_with(&rule.filter.prefix)
            && rule
                .abort_days
                .is_some_and(|days| now >= due(started, days))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Rule {
        Rule {
            id: "r".into(),
            enabled: true,
            abort_days: Some(1),
            ..Rule::default()
        }
    }

    #[test]
    fn days_are_counted_from_the_next_midnight() {
        assert_eq!(due(1, 1), 2 * DAY);
        assert_eq!(due(DAY, 1), 2 * DAY);
    }

    #[test]
    fn uploads_are_given_up_by_prefix_and_age() {
        let rules = [Rule {
            filter: Filter {
                prefix: "a/".into(),
                ..Filter::default()
            },
            ..rule()
        }];
        assert!(upload_is_given_up(&rules, "a/b", 1, 2 * DAY));
        assert!(!upload_is_given_up(&rules, "a/b", 1, 2 * DAY - 1));
        assert!(!upload_is_given_up(&rules, "b", 1, 9 * DAY));
    }

    #[test]
    fn a_rule_that_is_disabled_does_nothing() {
        assert!(!upload_is_given_up(
            &[Rule {
                enabled: false,
                ..rule()
            }],
            "a",
            1,
            9 * DAY
        ));
    }

    #[test]
    fn rules_are_checked() {
        assert_eq!(check(&[]), Err(Invalid::Count));
        assert_eq!(check(&[rule(), rule()]), Err(Invalid::Id("r".into())));
        assert_eq!(
            check(&[Rule {
                abort_days: Some(0),
                ..rule()
            }]),
            Err(Invalid::Days)
        );
        assert_eq!(
            check(&[Rule {
                abort_days: None,
                ..rule()
            }]),
            Err(Invalid::Nothing("r".into()))
        );
        let half = Rule {
            expiration: Some(When::Date(DAY + 1)),
            ..rule()
        };
        assert_eq!(check(&[half]), Err(Invalid::Date));
    }
}
