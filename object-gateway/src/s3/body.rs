//! A request's body and what its headers say of it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::{StreamExt as _, TryStreamExt as _};
use s3s::{S3Result, TrailingHeaders, dto::StreamingBlob, stream::ByteStream as _};

use super::errors::{error, invalid};
use crate::{
    core::checksum::{Algorithm, is_well_formed},
    front::Idle,
    ops::{Body, BodyError, Expected},
};

/// What headers say of a body.
pub(super) struct Announced {
    pub(super) length: Option<i64>,
    pub(super) md5: Option<String>,
    pub(super) checksum: Option<(Algorithm, String)>,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) trailer: Option<(Algorithm, TrailingHeaders)>,
}

/// The checksum that `x-amz-trailer` announces.
pub(super) fn announced_trailer(
    headers: &http::HeaderMap,
    trailers: Option<TrailingHeaders>,
) -> Option<(Algorithm, TrailingHeaders)> {
    let names = headers.get("x-amz-trailer")?.to_str().ok()?;
    let mut names = names
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase());
    let algorithm =
        names.find_map(|name| Algorithm::ALL.into_iter().find(|one| one.header() == name))?;
    Some((algorithm, trailers?))
}

/// A body to be stored.
pub(super) fn incoming(blob: Option<StreamingBlob>, announced: Announced) -> S3Result<Body> {
    let blob = blob.unwrap_or_else(|| StreamingBlob::from(s3s::Body::empty()));
    let length = match (blob.remaining_length().exact(), announced.length) {
        (Some(exact), _) => exact as u64,
        (None, Some(length)) => u64::try_from(length).map_err(|_| invalid("negative length"))?,
        (None, None) => {
            return Err(error(
                "MissingContentLength",
                "You must provide the Content-Length HTTP header.",
            ));
        }
    };
    let md5 = announced.md5.map(|md5| decode_md5(&md5)).transpose()?;
    if let Some((algorithm, value)) = &announced.checksum
        && !is_well_formed(*algorithm, value)
    {
        return Err(error(
            "InvalidRequest",
            format!("Value for {} header is invalid.", algorithm.header()),
        ));
    }
    let (algorithm, expected) = match (announced.checksum, announced.trailer) {
        (Some((algorithm, value)), _) => (Some(algorithm), Expected::Is(value)),
        (None, Some((algorithm, trailers))) => {
            let read = move || {
                let value = |headers: &http::HeaderMap| {
                    Some(
                        headers
                            .get(algorithm.header())?
                            .to_str()
                            .ok()?
                            .trim()
                            .to_owned(),
                    )
                };
                trailers.read(value).flatten()
            };
            (Some(algorithm), Expected::Follows(Box::new(read)))
        }
        (None, None) => (announced.algorithm, Expected::Nothing),
    };
    let stream = blob.map_err(|error| classify(error.as_ref())).boxed();
    Ok(Body::new(stream, length)
        .with_md5(md5)
        .with_checksum(algorithm, expected))
}

/// What `Content-MD5` says.
pub(super) fn decode_md5(text: &str) -> S3Result<Vec<u8>> {
    let bytes = BASE64_STANDARD
        .decode(text)
        .ok()
        .filter(|bytes| bytes.len() == 16);
    bytes.ok_or_else(|| {
        error(
            "InvalidDigest",
            "The Content-MD5 you specified was invalid.",
        )
    })
}

// The protocol's own errors are not public: they are told apart by what they say.
fn classify(error: &(dyn std::error::Error + Send + Sync + 'static)) -> BodyError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(one) = cause {
        if one.is::<Idle>() {
            return BodyError::Idle;
        }
        let text = one.to_string();
        if text.contains("Sha256Mismatch") || text.contains("InvalidChecksum") {
            return BodyError::Sha256;
        }
        if text.contains("SignatureMismatch") {
            return BodyError::Signature;
        }
        if text.contains("FormatError") || text.contains("TooLarge") || text.contains("TooMany") {
            return BodyError::Malformed;
        }
        cause = one.source();
    }
    BodyError::Cut
}
