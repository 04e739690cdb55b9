//! Names that become parts of keys. Each is checked once, when it is made: whatever is in one of these types may be put
//! between two slashes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A name that can't be a part of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {expected}")]
pub struct InvalidName {
    /// What was given.
    pub value: String,
    /// What it would have to be.
    pub expected: &'static str,
}

/// The digits of a ULID: Crockford's base 32.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ULID: &str = "a ULID (26 characters of Crockford's base 32)";
const UUID: &str = "a UUID in lower case with hyphens";
const BLOB: &str = "64 lower-case hexadecimal digits, a dot, and 8 more";

/// The name of a backup: a ULID, so that names sort by the time at which they were made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BackupId(String);

impl BackupId {
    /// The name for a time and eighty random bits (of which the lower eighty are taken).
    pub fn new(millis: u64, random: u128) -> Self {
        let bits = (u128::from(millis) << 80) | (random & ((1 << 80) - 1));
        let digits = (0..26).rev().filter_map(|digit| {
            let value = usize::try_from((bits >> (5 * digit)) & 31).ok()?;
            CROCKFORD.get(value).copied().map(char::from)
        });
        Self(digits.collect())
    }

    /// When it was made, in milliseconds since 1970.
    pub fn millis(&self) -> u64 {
        self.0.bytes().take(10).fold(0, |sum, digit| {
            let value = CROCKFORD.iter().position(|known| *known == digit);
            (sum << 5) | value.unwrap_or_default() as u64
        })
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BackupId {
    type Error = InvalidName;

    fn try_from(value: String) -> Result<Self, InvalidName> {
        let first_fits = value.bytes().next().is_some_and(|digit| digit <= b'7');
        if value.len() == 26 && first_fits && value.bytes().all(|b| CROCKFORD.contains(&b)) {
            return Ok(Self(value));
        }
        Err(InvalidName {
            value,
            expected: ULID,
        })
    }
}

/// A UUID as text: a cluster's UID, a node's host id, a repository's own name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Uuid(String);

impl Uuid {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A random UUID (version 4) of 128 random bits.
    pub fn from_random(random: u128) -> Self {
        let bits = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        let mut text = String::with_capacity(36);
        for (at, digit) in hex.chars().enumerate() {
            if matches!(at, 8 | 12 | 16 | 20) {
                text.push('-');
            }
            text.push(digit);
        }
        Self(text)
    }
}

impl TryFrom<String> for Uuid {
    type Error = InvalidName;

    fn try_from(value: String) -> Result<Self, InvalidName> {
        let fits = value.len() == 36
            && value.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            });
        if fits {
            return Ok(Self(value));
        }
        Err(InvalidName {
            value,
            expected: UUID,
        })
    }
}

/// The UID of the cluster that a repository belongs to.
pub type ClusterUid = Uuid;
/// Cassandra's name for a node.
pub type HostId = Uuid;

/// The name of a blob: a hash of its content, and the epoch in which it was written ([`crate::gc`] says why). Sorts as
/// its text does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BlobId {
    hash: [u8; 32],
    epoch: u32,
}

impl BlobId {
    /// The bytes that a name takes in a list of references.
    pub const LEN: usize = 36;

    /// A name of its parts.
    pub fn new(hash: [u8; 32], epoch: u32) -> Self {
        Self { hash, epoch }
    }

    /// The hash.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The epoch.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The shard, one of 256, that it lies in.
    pub fn shard(&self) -> u8 {
        let [first, ..] = self.hash;
        first
    }

    /// As it is in a list of references. These bytes sort as names do.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let (hash, epoch) = bytes.split_at_mut(32);
        hash.copy_from_slice(&self.hash);
        epoch.copy_from_slice(&self.epoch.to_be_bytes());
        bytes
    }

    /// The name that these bytes are.
    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let (mut hash, mut epoch) = ([0; 32], [0; 4]);
        let (first, second) = bytes.split_at(32);
        hash.copy_from_slice(first);
        epoch.copy_from_slice(second);
        Self {
            hash,
            epoch: u32::from_be_bytes(epoch),
        }
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.hash {
            write!(f, "{byte:02x}")?;
        }
        write!(f, ".{:08x}", self.epoch)
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for BlobId {
    type Error = InvalidName;

    fn try_from(value: String) -> Result<Self, InvalidName> {
        parse_blob(&value).ok_or(InvalidName {
            value,
            expected: BLOB,
        })
    }
}

fn parse_blob(text: &str) -> Option<BlobId> {
    let (hash, epoch) = text.split_once('.')?;
    let epoch = u32::from_be_bytes(hex::<4>(epoch)?);
    Some(BlobId {
        hash: hex::<32>(hash)?,
        epoch,
    })
}

/// The bytes that lower-case hexadecimal digits stand for.
pub(crate) fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
        let [high, low] = *pair;
        *byte = (value(high)? << 4) | value(low)?;
    }
    Some(bytes)
}

macro_rules! text {
    ($($name:ident)*) => {$(
        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::try_from(text.to_owned())
            }
        }
    )*};
}
text! { BackupId Uuid BlobId }

macro_rules! shown {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    )*};
}
shown! { BackupId Uuid }

impl From<BlobId> for String {
    fn from(id: BlobId) -> Self {
        id.to_string()
    }
}

/// One attempt of one node at its part of a backup. A node that begins anew takes the next number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Whose.
    pub host_id: HostId,
    /// Of which backup.
    pub backup: BackupId,
    /// Which one, from 1.
    pub number: u32,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}.{}", self.host_id, self.backup, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backup_ids_sort_by_time_and_tell_it() {
        let early = BackupId::new(1_700_000_000_000, u128::MAX);
        let late = BackupId::new(1_700_000_000_001, 0);
        assert!(early < late);
        assert_eq!(early.millis(), 1_700_000_000_000);
        assert_eq!(early.as_str().parse(), Ok(early.clone()));
    }

    #[test]
    fn names_with_slashes_dots_or_other_letters_are_refused() {
        for name in [
            "",
            "b1",
            "../../../../../../../../..",
            "01ARZ3NDEKTSV4RRFFQ69G5FA/",
            "01arz3ndektsv4rrffq69g5fav",
        ] {
            assert!(name.parse::<BackupId>().is_err(), "{name}");
        }
        for name in [
            "",
            "n1",
            "00000000-0000-0000-0000-00000000000/",
            "00000000-0000-0000-0000-00000000000A",
        ] {
            assert!(name.parse::<Uuid>().is_err(), "{name}");
        }
    }

    #[test]
    fn blob_ids_survive_text_and_bytes_and_sort_alike() {
        let ids = [
            BlobId::new([1; 32], 0),
            BlobId::new([1; 32], 7),
            BlobId::new([2; 32], 0),
        ];
        for pair in ids.windows(2) {
            assert!(pair[0] < pair[1]);
            assert!(pair[0].to_bytes() < pair[1].to_bytes());
            assert!(pair[0].to_string() < pair[1].to_string());
        }
        for id in ids {
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(BlobId::from_bytes(id.to_bytes()), id);
        }
        assert!(
            format!("{}.00000000", "AA".repeat(32))
                .parse::<BlobId>()
                .is_err()
        );
    }

    #[test]
    fn random_uuids_are_of_version_4() {
        let uuid = Uuid::from_random(u128::MAX);
        assert_eq!(uuid.as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert!(uuid.as_str().parse::<Uuid>().is_ok());
    }
}
