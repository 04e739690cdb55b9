//! Tags of buckets and objects.

use std::collections::BTreeMap;

/// How many tags an object may have.
pub const MAX_OBJECT_TAGS: usize = 10;
/// How many tags a bucket may have.
pub const MAX_BUCKET_TAGS: usize = 50;

/// Tags that can't be stored, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTags {
    /// Too many of them.
    #[error("there are too many tags")]
    TooMany,
    /// A key is empty or too long.
    #[error("the key of a tag must have 1 to 128 characters")]
    Key,
    /// A value is too long.
    #[error("the value of a tag must have at most 256 characters")]
    Value,
    /// A key occurs twice.
    #[error("two tags have the same key")]
    Twice,
}

/// The tags, if they may be stored.
pub fn check(
    tags: impl IntoIterator<Item = (String, String)>,
    most: usize,
) -> Result<BTreeMap<String, String>, InvalidTags> {
    let mut checked = BTreeMap::new();
    let mut count = 0;
    for (key, value) in tags {
        count += 1;
        if !(1..=128).contains(&key.chars().count()) {
            return Err(InvalidTags::Key);
        }
        if value.chars().count() > 256 {
            return Err(InvalidTags::Value);
        }
        if checked.insert(key, value).is_some() {
            return Err(InvalidTags::Twice);
        }
    }
    if count > most {
        Err(InvalidTags::TooMany)
    } else {
        Ok(checked)
    }
}

/// The tags of an `x-amz-tagging` header, which looks like a query.
pub fn parse_header(header: &str) -> impl Iterator<Item = (String, String)> + '_ {
    header
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
                if let (Some(high), Some(low)) = (digit(), digit()) {
                    bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                }
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_a_header_are_decoded() {
        let tags: Vec<_> = parse_header("a=1&b%20c=d+e&f").collect();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(tags, [pair("a", "1"), pair("b c", "d e"), pair("f", "")]);
    }

    #[test]
    fn tags_are_bounded_and_unique() {
        let tag = |key: String| (key, String::new());
        assert_eq!(
            check((0..11).map(|i| tag(i.to_string())), 10),
            Err(InvalidTags::TooMany)
        );
        assert_eq!(
            check([tag("a".into()), tag("a".into())], 10),
            Err(InvalidTags::Twice)
        );
        assert_eq!(check([tag("a".repeat(129))], 10), Err(InvalidTags::Key));
        assert_eq!(
            check([("a".into(), "b".repeat(257))], 10),
            Err(InvalidTags::Value)
        );
    }
}
