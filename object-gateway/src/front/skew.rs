//! The clock of a client that signs by version 2 in a header: a request that is older than a quarter of an hour, or
//! from the future, may be one that somebody has recorded.

use crate::core::time::{Micros, SECOND};

/// How far a clock may be off.
pub const MAX_SKEW: Micros = 900 * SECOND;

/// What is wrong with the date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// There is none, or it can't be read.
    Date,
    /// It is too far from now.
    Skew,
}

/// Whether the date of a request by version 2 is near enough. `x-amz-date` counts before `Date`.
pub fn check(
    authorization: Option<&str>,
    amz_date: Option<&str>,
    date: Option<&str>,
    now: Micros,
) -> Result<(), Wrong> {
    let is_v2 = authorization.is_some_and(|text| text.starts_with("AWS "));
    if !is_v2 {
        return Ok(());
    }
    let text = amz_date.or(date).ok_or(Wrong::Date)?;
    let at = parse(text).ok_or(Wrong::Date)?;
    if at.abs_diff(now) > MAX_SKEW {
        Err(Wrong::Skew)
    } else {
        Ok(())
    }
}

fn parse(text: &str) -> Option<Micros> {
    let rfc = jiff::fmt::rfc2822::DateTimeParser::new();
    let basic = || {
        let format = "%Y%m%dT%H%M%SZ";
        let civil = jiff::civil::DateTime::strptime(format, text).ok()?;
        Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    let at = rfc.parse_timestamp(text).ok().or_else(basic)?;
    u64::try_from(at.as_microsecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = 1_700_000_000 * SECOND; // Tue, 14 Nov 2023 22:13:20 GMT
    const V2: Option<&str> = Some("AWS AK:sig");

    #[test]
    fn a_request_of_version_2_must_be_fresh() {
        assert_eq!(
            check(V2, None, Some("Tue, 14 Nov 2023 22:13:20 GMT"), NOW),
            Ok(())
        );
        assert_eq!(
            check(V2, Some("Tue, 14 Nov 2023 22:00:20 +0000"), None, NOW),
            Ok(())
        );
        assert_eq!(
            check(V2, None, Some("Tue, 14 Nov 2023 21:58:19 GMT"), NOW),
            Err(Wrong::Skew)
        );
        assert_eq!(
            check(V2, None, Some("Tue, 14 Nov 2023 22:28:21 GMT"), NOW),
            Err(Wrong::Skew)
        );
        assert_eq!(check(V2, Some("20231114T221320Z"), None, NOW), Ok(()));
    }

    #[test]
    fn a_date_that_is_not_there_is_wrong() {
        assert_eq!(check(V2, None, None, NOW), Err(Wrong::Date));
        assert_eq!(check(V2, None, Some("yesterday"), NOW), Err(Wrong::Date));
    }

    #[test]
    fn version_4_is_judged_elsewhere() {
        assert_eq!(check(Some("AWS4-HMAC-SHA256 x"), None, None, NOW), Ok(()));
        assert_eq!(check(None, None, None, NOW), Ok(()));
    }
}
