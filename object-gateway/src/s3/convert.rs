//! Between our types and the protocol's.

use std::time::{Duration, UNIX_EPOCH};

use s3s::dto::{
    ChecksumAlgorithm, ChecksumType, ETag, ETagCondition, Owner, Timestamp, TimestampFormat,
};

use super::Service;
use crate::core::{
    checksum::{Algorithm, Checksum},
    precondition::Tag,
    time::Micros,
};

pub(super) fn timestamp(at: Micros) -> Timestamp {
    Timestamp::from(UNIX_EPOCH + Duration::from_micros(at))
}

pub(super) fn micros(at: &Timestamp) -> Option<Micros> {
    let mut text = Vec::new();
    at.format(TimestampFormat::DateTime, &mut text).ok()?;
    let at: jiff::Timestamp = std::str::from_utf8(&text).ok()?.parse().ok()?;
    u64::try_from(at.as_microsecond()).ok()
}

pub(super) fn etag(etag: &str) -> ETag {
    ETag::Strong(etag.to_owned())
}

pub(super) fn tag(condition: &ETagCondition) -> Tag {
    match condition {
        ETagCondition::Any => Tag::Any,
        ETagCondition::ETag(etag) => Tag::Is(etag.value().to_owned()),
    }
}

pub(super) fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// A number of a list; at most what S3 gives at once.
pub(super) fn limit(asked: Option<i32>) -> s3s::S3Result<usize> {
    let asked = asked.unwrap_or(1000);
    usize::try_from(asked)
        .map(|asked| asked.min(1000))
        .map_err(|_| super::errors::invalid("a number of lines must not be negative"))
}

pub(super) fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The five fields that a checksum may be in.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    pub(super) crc32: Option<String>,
    pub(super) crc32c: Option<String>,
    pub(super) crc64nvme: Option<String>,
    pub(super) sha1: Option<String>,
    pub(super) sha256: Option<String>,
    pub(super) kind: Option<ChecksumType>,
}

impl Sums {
    pub(super) fn of(checksum: Option<&Checksum>) -> Self {
        let mut sums = Self::default();
        let Some(checksum) = checksum else {
            return sums;
        };
        let value = Some(checksum.value.clone());
        match checksum.algorithm {
            Algorithm::Crc32 => sums.crc32 = value,
            Algorithm::Crc32c => sums.crc32c = value,
            Algorithm::Crc64Nvme => sums.crc64nvme = value,
            Algorithm::Sha1 => sums.sha1 = value,
            Algorithm::Sha256 => sums.sha256 = value,
        }
        let kind = if checksum.composite {
            ChecksumType::COMPOSITE
        } else {
            ChecksumType::FULL_OBJECT
        };
        sums.kind = Some(ChecksumType::from_static(kind));
        sums
    }

    /// The one that is given, if there is one.
    pub(super) fn given(self) -> Option<(Algorithm, String)> {
        [
            (Algorithm::Crc32, self.crc32),
            (Algorithm::Crc32c, self.crc32c),
            (Algorithm::Crc64Nvme, self.crc64nvme),
            (Algorithm::Sha1, self.sha1),
            (Algorithm::Sha256, self.sha256),
        ]
        .into_iter()
        .find_map(|(algorithm, value)| Some((algorithm, value?)))
    }
}

/// Fields of a message that has all five.
macro_rules! sums_of {
    ($from:expr) => {
        $crate::s3::convert::Sums {
            crc32: $from.checksum_crc32.clone(),
            crc32c: $from.checksum_crc32c.clone(),
            crc64nvme: $from.checksum_crc64nvme.clone(),
            sha1: $from.checksum_sha1.clone(),
            sha256: $from.checksum_sha256.clone(),
            kind: None,
        }
    };
}
pub(super) use sums_of;

pub(super) fn algorithm_name(algorithm: Algorithm) -> ChecksumAlgorithm {
    ChecksumAlgorithm::from_static(algorithm.name())
}

impl Service {
    /// How an owner is shown.
    pub(super) fn owner(&self, name: &str) -> Owner {
        let known = self.keys.tenant(name);
        let display = known.map_or_else(|| name.to_owned(), |tenant| tenant.display_name);
        Owner {
            display_name: Some(display),
            id: Some(name.to_owned()),
        }
    }
}

/// Characters that XML can't carry and that URLs must not: everything but unreserved ones and slashes.
pub(super) fn percent_encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut encoded, byte| {
            if byte.is_ascii_alphanumeric()
                || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/' | b'*')
            {
                encoded.push(char::from(byte));
            } else {
                // Writing to a string can't fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
            encoded
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_back_to_the_millisecond() {
        let at = 1_700_000_000_123_456;
        assert_eq!(micros(&timestamp(at)), Some(1_700_000_000_123_000));
    }

    #[test]
    fn keys_are_percent_encoded_for_clients_that_ask() {
        assert_eq!(percent_encode("a b/ü+~"), "a%20b/%C3%BC%2B~");
    }
}
