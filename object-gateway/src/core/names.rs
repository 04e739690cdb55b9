//! Names of buckets and keys, and the shard that a key lies in.

use sha2::{Digest as _, Sha256};

/// The longest key, in bytes of UTF-8.
pub const MAX_KEY: usize = 1024;

/// Whether this is a name that a bucket may have: the rules of virtual hosts, which AWS holds new buckets to.
pub fn is_bucket_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let edge =
        |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (3..=63).contains(&bytes.len())
        && bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && edge(bytes.first())
        && edge(bytes.last())
        && !name.contains("..")
        && !name.starts_with("xn--")
        && !name.ends_with("-s3alias")
        && name.parse::<std::net::Ipv4Addr>().is_err()
}

/// Why a key can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadKey {
    /// It has no characters.
    Empty,
    /// It has more than [`MAX_KEY`] bytes.
    TooLong,
    /// It has a zero byte, which XML can't carry: no list could show it.
    ZeroByte,
}

/// Whether this is a key that an object may have.
pub fn check_key(key: &str) -> Result<(), BadKey> {
    if key.is_empty() {
        Err(BadKey::Empty)
    } else if key.len() > MAX_KEY {
        Err(BadKey::TooLong)
    } else if key.contains('\0') {
        Err(BadKey::ZeroByte)
    } else {
        Ok(())
    }
}

/// The shard of a key, in a bucket of so many shards. It must never change: it says where the object is.
pub fn shard_of(key: &str, shards: u16) -> u16 {
    let digest = Sha256::digest(key.as_bytes());
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    let shard = u64::from_be_bytes(first) % u64::from(shards.max(1));
    u16::try_from(shard).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_follow_the_rules() {
        for good in ["abc", "my-bucket", "a.b.c", "1bucket"] {
            assert!(is_bucket_name(good), "{good}");
        }
        let long = "a".repeat(64);
        for bad in [
            "ab",
            "Abc",
            "a_b",
            "-ab",
            "ab-",
            "a..b",
            "192.168.1.1",
            "xn--abc",
            &long,
            "",
        ] {
            assert!(!is_bucket_name(bad), "{bad}");
        }
    }

    #[test]
    fn keys_are_bounded_and_printable_in_xml() {
        assert_eq!(check_key(&"ü".repeat(512)), Ok(()));
        assert_eq!(check_key(&"a".repeat(1025)), Err(BadKey::TooLong));
        assert_eq!(check_key(""), Err(BadKey::Empty));
        assert_eq!(check_key("a\0b"), Err(BadKey::ZeroByte));
        assert_eq!(check_key("a//b/"), Ok(()));
    }

    #[test]
    fn the_shard_of_a_key_never_changes() {
        let shards: Vec<_> = ["a", "b", "photos/1.jpg", "ü"]
            .map(|key| shard_of(key, 16))
            .into();
        assert_eq!(shards, [10, 10, 10, 4]);
        assert!((0..1000).all(|i| shard_of(&i.to_string(), 16) < 16));
    }
}
