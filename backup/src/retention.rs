//! Which backups are kept: a pure decision over those that exist.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::ids::BackupId;

/// What is kept. A backup goes if no rule keeps it; the newest complete one never goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Policy {
    /// So many of the newest.
    pub keep_last: u32,
    /// The newest of each of so many days.
    pub keep_daily: u32,
    /// The newest of each of so many weeks.
    pub keep_weekly: u32,
    /// The newest of each of so many months.
    pub keep_monthly: u32,
    /// All that are younger, in seconds.
    pub keep_within_seconds: u64,
}

/// What has to be known of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Which.
    pub id: BackupId,
    /// When it was made.
    pub at: Timestamp,
    /// Whether no member is absent.
    pub complete: bool,
}

/// What becomes of a backup, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Which.
    pub id: BackupId,
    /// The rules that keep it. None: it goes.
    pub kept_by: Vec<&'static str>,
}

impl Policy {
    /// Whether there is a rule at all. Without one everything is kept.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What becomes of each, newest first. Days, weeks and months are those of the time zone.
    pub fn judge(&self, backups: &[Known], now: Timestamp, zone: &TimeZone) -> Vec<Verdict> {
        let mut sorted: Vec<&Known> = backups.iter().collect();
        sorted.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
        let newest_complete = sorted
            .iter()
            .find(|known| known.complete)
            .map(|known| &known.id);
        let within =
            SignedDuration::from_secs(self.keep_within_seconds.try_into().unwrap_or(i64::MAX / 4));
        let mut periods = [
            Period::new("daily", self.keep_daily),
            Period::new("weekly", self.keep_weekly),
            Period::new("monthly", self.keep_monthly),
        ];
        let mut verdicts = Vec::with_capacity(sorted.len());
        for (position, known) in sorted.into_iter().enumerate() {
            let date = known.at.to_zoned(zone.clone()).date();
            let week = date.iso_week_date();
            let names = [
                (i32::from(date.year()), i32::from(date.day_of_year())),
                (i32::from(week.year()), i32::from(week.week())),
                (i32::from(date.year()), i32::from(date.month())),
            ];
            let mut kept_by = Vec::new();
            if self.is_empty() {
                kept_by.push("no rule");
            }
            if newest_complete == Some(&known.id) {
                kept_by.push("newest complete");
            }
            if position < self.keep_last as usize {
                kept_by.push("last");
            }
            if now.duration_since(known.at) < within {
                kept_by.push("within");
            }
            for (period, name) in periods.iter_mut().zip(names) {
                kept_by.extend(period.takes(name));
            }
            verdicts.push(Verdict {
                id: known.id.clone(),
                kept_by,
            });
        }
        verdicts
    }
}

struct Period {
    rule: &'static str,
    left: u32,
    seen: BTreeSet<(i32, i32)>,
}

impl Period {
    fn new(rule: &'static str, left: u32) -> Self {
        Self {
            rule,
            left,
            seen: BTreeSet::new(),
        }
    }

    /// Whether this one is the newest of a day, week or month that counts.
    fn takes(&mut self, name: (i32, i32)) -> Option<&'static str> {
        if self.left == 0 || !self.seen.insert(name) {
            return None;
        }
        self.left -= 1;
        Some(self.rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Known {
        let at: Timestamp = text.parse().unwrap();
        Known {
            id: BackupId::new(at.as_millisecond().try_into().unwrap(), 0),
            at,
            complete: true,
        }
    }

    fn kept(policy: &Policy, backups: &[Known]) -> Vec<String> {
        let now = "2026-06-30T12:00:00Z".parse().unwrap();
        policy
            .judge(backups, now, &TimeZone::UTC)
            .into_iter()
            .filter(|verdict| !verdict.kept_by.is_empty())
            .filter_map(|verdict| backups.iter().find(|known| known.id == verdict.id))
            .map(|known| known.at.to_string())
            .collect()
    }

    #[test]
    fn without_a_rule_everything_is_kept() {
        let all = [known("2020-01-01T00:00:00Z"), known("2026-01-01T00:00:00Z")];
        assert_eq!(kept(&Policy::default(), &all).len(), 2);
    }

    #[test]
    fn the_newest_complete_one_never_goes() {
        let mut all = [known("2020-01-01T00:00:00Z"), known("2020-01-02T00:00:00Z")];
        all[1].complete = false;
        let policy = Policy {
            keep_within_seconds: 60,
            ..Policy::default()
        };
        assert_eq!(kept(&policy, &all), ["2020-01-01T00:00:00Z"]);
    }

    #[test]
    fn the_newest_of_each_day_week_and_month_is_kept() {
        let all = [
            known("2026-06-30T01:00:00Z"),
            known("2026-06-30T02:00:00Z"),
            known("2026-06-29T02:00:00Z"),
            known("2026-06-28T02:00:00Z"),
            known("2026-05-20T02:00:00Z"),
        ];
        let daily = Policy {
            keep_daily: 2,
            ..Policy::default()
        };
        assert_eq!(
            kept(&daily, &all),
            ["2026-06-30T02:00:00Z", "2026-06-29T02:00:00Z"]
        );
        let weekly = Policy {
            keep_weekly: 2,
            ..Policy::default()
        };
        assert_eq!(
            kept(&weekly, &all),
            ["2026-06-30T02:00:00Z", "2026-06-28T02:00:00Z"]
        );
        let monthly = Policy {
            keep_monthly: 2,
            ..Policy::default()
        };
        assert_eq!(
            kept(&monthly, &all),
            ["2026-06-30T02:00:00Z", "2026-05-20T02:00:00Z"]
        );
        let last = Policy {
            keep_last: 3,
            ..Policy::default()
        };
        assert_eq!(kept(&last, &all).len(), 3);
    }
}
