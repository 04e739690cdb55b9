//! Bodies that are settings, not objects: read as a whole, within a bound, and compared with `Content-MD5` and the
//! checksum headers. The protocol library parses them without looking at either.

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::core::checksum::{Algorithm, Digests};

/// The largest such body: a list of 10,000 parts with checksums has less.
pub const MAX_SMALL: usize = 4 << 20;

/// Queries that make a request one about settings.
const SUBJECTS: [&str; 16] = [
    "delete",
    "acl",
    "policy",
    "cors",
    "tagging",
    "lifecycle",
    "versioning",
    "publicAccessBlock",
    "website",
    "logging",
    "notification",
    "encryption",
    "replication",
    "object-lock",
    "ownershipControls",
    "requestPayment",
];

/// Whether the body of a request is small by its kind.
pub fn applies(method: &Method, query: Option<&str>, headers: &HeaderMap) -> bool {
    if *method != Method::PUT && *method != Method::POST {
        return false;
    }
    let is_chunked = headers
        .get("x-amz-content-sha256")
        .is_some_and(|value| value.as_bytes().starts_with(b"STREAMING-"));
    let mut names = query
        .unwrap_or_default()
        .split('&')
        .map(|pair| pair.split('=').next());
    let is_subject = names.any(|name| {
        name.is_some_and(|name| {
            SUBJECTS.contains(&name) || (name == "uploadId" && *method == Method::POST)
        })
    });
    is_subject && !is_chunked
}

enum Expectation {
    Md5(String),
    Sum(Algorithm, String),
}

fn expectations(headers: &HeaderMap) -> impl Iterator<Item = Expectation> + '_ {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let md5 = text("content-md5").map(Expectation::Md5);
    // Of an upload that is completed the checksum header is of the object, not of the body.
    let sums = Algorithm::ALL
        .into_iter()
        .filter_map(move |algorithm| Some(Expectation::Sum(algorithm, text(algorithm.header())?)));
    md5.into_iter().chain(sums)
}

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The header is not an MD5.
    Md5,
    /// It is another body.
    Digest,
}

/// Whether a body is the one that was announced.
pub fn check(body: &Bytes, headers: &HeaderMap, completes: bool) -> Result<(), Wrong> {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    for expectation in expectations(headers) {
        match expectation {
            Expectation::Md5(text) => {
                let md5 = BASE64_STANDARD
                    .decode(text)
                    .ok()
                    .filter(|md5| md5.len() == 16);
                let md5 = md5.ok_or(Wrong::Md5)?;
                let mut digests = Digests::new(None);
                digests.update(body);
                if digests.finish().md5 != *md5 {
                    return Err(Wrong::Digest);
                }
            }
            Expectation::Sum(..) if completes => {}
            Expectation::Sum(algorithm, value) => {
                let mut digests = Digests::new(Some(algorithm));
                digests.update(body);
                if digests.finish().named.is_none_or(|sum| sum.value != value) {
                    return Err(Wrong::Digest);
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )])
    }

    // P9 of the defects that this design excludes.
    #[test]
    fn p9_a_list_of_keys_to_delete_is_compared_with_its_md5() {
        let body = Bytes::from_static(b"");
        let right = headers("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
        assert!(applies(&Method::POST, Some("delete"), &right));
        assert_eq!(check(&body, &right, false), Ok(()));
        assert_eq!(
            check(&Bytes::from_static(b"x"), &right, false),
            Err(Wrong::Digest)
        );
        assert_eq!(
            check(&body, &headers("content-md5", "x"), false),
            Err(Wrong::Md5)
        );
        let crc = headers("x-amz-checksum-crc32", "AAAAAA==");
        assert_eq!(check(&body, &crc, false), Ok(()));
        assert_eq!(
            check(&Bytes::from_static(b"x"), &crc, false),
            Err(Wrong::Digest)
        );
    }

    #[test]
    fn objects_are_not_read_as_a_whole() {
        let md5 = headers("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
        assert!(!applies(&Method::PUT, None, &md5));
        assert!(!applies(
            &Method::PUT,
            Some("partNumber=1&uploadId=x"),
            &md5
        ));
        assert!(!applies(&Method::GET, Some("acl"), &HeaderMap::new()));
        assert!(applies(&Method::POST, Some("uploadId=x"), &md5));
    }
}
