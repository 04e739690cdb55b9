//! Uploads in parts: what is kept of them, and what makes one complete. Completing refers to the parts where they
//! lie; no byte is copied.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    acl::Acl,
    checksum::{Algorithm, Checksum, multipart_etag, of_parts},
    precondition::Conditions,
    record::{BlobRef, ContentHeaders, PartRef, Record, VersionId},
    time::Micros,
};

/// The smallest part but for the last.
pub const MIN_PART: u64 = 5 << 20;
/// The highest number of a part.
pub const MAX_PARTS: u32 = 10_000;

/// How far an upload has come. It only goes forward, by compare-and-swap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It takes parts.
    Open,
    /// It was decided what it becomes: whoever comes by writes the record, always the same one.
    Completing(Box<Record>, Conditions),
    /// The record is written.
    Done(Box<Record>),
    /// It was given up.
    Aborted,
}

/// One upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Its id.
    pub id: Uuid,
    /// The bucket.
    pub bucket: Uuid,
    /// The shard.
    pub shard: u16,
    /// The key.
    pub key: String,
    /// When it was begun.
    pub started: Micros,
    /// How far it has come.
    pub state: State,
    /// Rises with each change.
    pub revision: u64,
    /// Who began it, and will own the object.
    pub owner: String,
    /// The object's headers.
    pub headers: ContentHeaders,
    /// The object's `x-amz-meta-` headers.
    pub metadata: BTreeMap<String, String>,
    /// Who may do what with the object.
    pub acl: Acl,
    /// The object's tags.
    pub tags: BTreeMap<String, String>,
    /// The checksum of its parts.
    pub algorithm: Option<Algorithm>,
    /// Whether the object's checksum is of all its bytes.
    pub full_checksum: bool,
}

/// One part, as it was uploaded once. Several attempts at one number may be there; the newest counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its number.
    pub number: u32,
    /// Which attempt.
    pub attempt: VersionId,
    /// Its bytes.
    pub blob: BlobRef,
    /// Its ETag.
    pub etag: String,
    /// Its checksum.
    pub checksum: Option<Checksum>,
}

/// A part as a client names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its number.
    pub number: u32,
    /// Its ETag, without quotes.
    pub etag: String,
    /// Its checksum, if the client names it.
    pub checksum: Option<String>,
}

/// Why an upload can't be completed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    /// No part is named.
    #[error("no part is named")]
    Empty,
    /// The numbers don't rise.
    #[error("the list of parts was not in ascending order")]
    Order,
    /// A part is not there, or is another one.
    #[error("part {0} was not uploaded, or has another ETag")]
    Part(u32),
    /// A part is too small.
    #[error("part {0} is smaller than 5 MiB and is not the last")]
    TooSmall(u32),
}

/// What the object is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Its parts.
    pub parts: Vec<PartRef>,
    /// How many bytes they have.
    pub size: u64,
    /// Its ETag.
    pub etag: String,
    /// Its checksum.
    pub checksum: Option<Checksum>,
}

/// The newest attempt at each number.
pub fn newest(parts: Vec<Part>) -> BTreeMap<u32, Part> {
    let mut newest: BTreeMap<u32, Part> = BTreeMap::new();
    for part in parts {
        match newest.get(&part.number) {
            Some(other) if other.attempt > part.attempt => {}
            Some(_) | None => {
                newest.insert(part.number, part);
            }
        }
    }
    newest
}

/// What the named parts make.
pub fn complete(
    upload: &Upload,
    named: &[Named],
    uploaded: &BTreeMap<u32, Part>,
    smallest: u64,
) -> Result<Whole, Incomplete> {
    let last = named.last().ok_or(Incomplete::Empty)?.number;
    let mut parts = Vec::with_capacity(named.len());
    if !named.is_sorted_by(|a, b| a.number < b.number) {
        return Err(Incomplete::Order);
    }
    for name in named {
        let part = uploaded
            .get(&name.number)
            .filter(|part| part.etag == name.etag)
            .filter(|part| {
                let sent = name.checksum.as_ref();
                sent.is_none_or(|sent| part.checksum.as_ref().is_some_and(|own| own.value == *sent))
            })
            .ok_or(Incomplete::Part(name.number))?;
        if part.blob.size < smallest && name.number != last {
            return Err(Incomplete::TooSmall(name.number));
        }
        parts.push(part);
    }
    let etag = multipart_etag(parts.iter().map(|part| part.etag.as_str()))
        .ok_or(Incomplete::Part(last))?;
    let sums: Option<Vec<(String, u64)>> = parts
        .iter()
        .map(|part| Some((part.checksum.as_ref()?.value.clone(), part.blob.size)))
        .collect();
    let checksum = upload
        .algorithm
        .zip(sums)
        .and_then(|(algorithm, sums)| of_parts(algorithm, upload.full_checksum, &sums));
    let parts: Vec<PartRef> = parts
        .into_iter()
        .map(|part| PartRef {
            number: part.number,
            blob: part.blob,
            checksum: part.checksum.clone(),
        })
        .collect();
    let size = parts.iter().map(|part| part.blob.size).sum();
    Ok(Whole {
        parts,
        size,
        etag,
        checksum,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETAG: &str = "d41d8cd98f00b204e9800998ecf8427e";

    fn part(number: u32, attempt: u64, size: u64) -> Part {
        Part {
            number,
            attempt: VersionId::new(attempt, 0),
            blob: BlobRef {
                id: Uuid::from_u128(attempt.into()),
                size,
                chunk: 1,
            },
            etag: ETAG.into(),
            checksum: None,
        }
    }

    fn upload() -> Upload {
        Upload {
            id: Uuid::nil(),
            bucket: Uuid::nil(),
            shard: 0,
            key: "k".into(),
            started: 0,
            state: State::Open,
            revision: 0,
            owner: "o".into(),
            headers: ContentHeaders::default(),
            metadata: BTreeMap::new(),
            acl: Acl::default(),
            tags: BTreeMap::new(),
            algorithm: None,
            full_checksum: false,
        }
    }

    fn named(numbers: &[u32]) -> Vec<Named> {
        numbers
            .iter()
            .map(|n| Named {
                number: *n,
                etag: ETAG.into(),
                checksum: None,
            })
            .collect()
    }

    // P22 of the defects that this design excludes.
    #[test]
    fn p22_the_list_of_parts_is_checked_before_anything_is_answered() {
        let uploaded = newest(vec![part(1, 1, MIN_PART), part(2, 2, 1), part(3, 3, 1)]);
        let check = |named: &[Named]| complete(&upload(), named, &uploaded, MIN_PART);
        assert_eq!(check(&[]), Err(Incomplete::Empty));
        assert_eq!(check(&named(&[2, 1])), Err(Incomplete::Order));
        assert_eq!(check(&named(&[1, 1])), Err(Incomplete::Order));
        assert_eq!(check(&named(&[1, 4])), Err(Incomplete::Part(4)));
        assert_eq!(check(&named(&[1, 2, 3])), Err(Incomplete::TooSmall(2)));
        let other = [Named {
            number: 1,
            etag: "x".into(),
            checksum: None,
        }];
        assert_eq!(check(&other), Err(Incomplete::Part(1)));
        let whole = check(&named(&[1, 3])).unwrap();
        assert_eq!((whole.size, whole.parts.len()), (MIN_PART + 1, 2));
        assert!(whole.etag.ends_with("-2"));
    }

    #[test]
    fn the_newest_attempt_at_a_part_counts() {
        let parts = newest(vec![part(1, 5, 10), part(1, 9, 20), part(1, 7, 30)]);
        assert_eq!(parts[&1].blob.size, 20);
    }
}
