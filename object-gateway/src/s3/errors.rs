//! Errors as S3 names them.

use s3s::{S3Error, S3ErrorCode};

use crate::{
    core::upload::Incomplete,
    ops::{BodyError, Error},
    store::StoreError,
};

/// An error with a code and what to say.
pub(super) fn error(code: &'static str, message: impl Into<String>) -> S3Error {
    let code = S3ErrorCode::from_bytes(code.as_bytes())
        .unwrap_or_else(|| S3ErrorCode::Custom(code.into()));
    let needs_status = code.status_code().is_none();
    let status = match code.as_str() {
        "NoSuchPublicAccessBlockConfiguration" => http::StatusCode::NOT_FOUND,
        _ => http::StatusCode::BAD_REQUEST,
    };
    let mut error = S3Error::with_message(code, message.into());
    if needs_status {
        error.set_status_code(status);
    }
    error
}

/// What a client asked for can't be.
pub(super) fn invalid(message: impl Into<String>) -> S3Error {
    error("InvalidArgument", message)
}

impl From<Error> for S3Error {
    fn from(from: Error) -> Self {
        let text = from.to_string();
        match from {
            Error::NoSuchBucket => error("NoSuchBucket", "The specified bucket does not exist"),
            Error::BucketTaken => error(
                "BucketAlreadyExists",
                "The requested bucket name is not available. Please select a different name and try again.",
            ),
            Error::BucketOwned => error("BucketAlreadyOwnedByYou", text),
            Error::BucketNotEmpty => error(
                "BucketNotEmpty",
                "The bucket you tried to delete is not empty",
            ),
            Error::InvalidBucketName => {
                error("InvalidBucketName", "The specified bucket is not valid.")
            }
            Error::OperationAborted => error("OperationAborted", text),
            Error::NoSuchKey(marker) => {
                let mut missing = error("NoSuchKey", "The specified key does not exist.");
                if let Some(version) = marker {
                    missing.set_headers(marker_headers(&version));
                }
                missing
            }
            Error::NoSuchVersion => error("NoSuchVersion", "The specified version does not exist."),
            Error::IsDeleteMarker(version) => {
                let mut refused = error(
                    "MethodNotAllowed",
                    "The specified method is not allowed against this resource.",
                );
                refused.set_headers(marker_headers(&version));
                refused
            }
            Error::NoSuchUpload => error("NoSuchUpload", text),
            Error::Incomplete(why) => match why {
                Incomplete::Empty => error("MalformedXML", text),
                Incomplete::Order => error("InvalidPartOrder", text),
                Incomplete::Part(_) => error("InvalidPart", text),
                Incomplete::TooSmall(_) => error("EntityTooSmall", text),
            },
            Error::NotModified { etag } => {
                let mut unchanged = error("NotModified", text);
                let mut headers = http::HeaderMap::new();
                if let Ok(value) = http::HeaderValue::from_str(&format!("\"{etag}\"")) {
                    headers.insert(http::header::ETAG, value);
                }
                unchanged.set_headers(headers);
                unchanged
            }
            Error::PreconditionFailed => error(
                "PreconditionFailed",
                "At least one of the pre-conditions you specified did not hold",
            ),
            Error::ConditionalConflict => error("ConditionalRequestConflict", text),
            Error::InvalidRange { size } => {
                let mut range = error("InvalidRange", "The requested range is not satisfiable");
                let mut headers = http::HeaderMap::new();
                if let Ok(value) = http::HeaderValue::from_str(&format!("bytes */{size}")) {
                    headers.insert(http::header::CONTENT_RANGE, value);
                }
                range.set_headers(headers);
                range
            }
            Error::BadDigest(what) => error(
                "BadDigest",
                format!("The {what} you specified did not match what we received."),
            ),
            Error::IncompleteBody => error(
                "IncompleteBody",
                "You did not provide the number of bytes specified by the Content-Length HTTP header",
            ),
            Error::Body(why) => match why {
                BodyError::Signature => error("SignatureDoesNotMatch", text),
                BodyError::Sha256 => error("XAmzContentSHA256Mismatch", text),
                BodyError::Malformed => error("InvalidRequest", text),
                BodyError::Idle => error("RequestTimeout", text),
                BodyError::Cut => error("IncompleteBody", text),
            },
            Error::EntityTooLarge => error(
                "EntityTooLarge",
                "Your proposed upload exceeds the maximum allowed object size.",
            ),
            Error::SlowDown => error("SlowDown", "Please reduce your request rate."),
            Error::AccessDenied => error("AccessDenied", "Access Denied"),
            Error::Store(why) => store(&why),
        }
    }
}

// What the store says is for the log, not for clients.
fn store(why: &StoreError) -> S3Error {
    match why {
        StoreError::Overloaded => error("SlowDown", "Please reduce your request rate."),
        StoreError::Unavailable(_) | StoreError::Unknown(_) => {
            tracing::warn!(reason = why.reason(), "the store failed: {why}");
            error("ServiceUnavailable", "Please try again.")
        }
        StoreError::Corrupt(_) => {
            tracing::error!(reason = why.reason(), "the store failed: {why}");
            error(
                "InternalError",
                "We encountered an internal error. Please try again.",
            )
        }
    }
}

fn marker_headers(version: &str) -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    headers.insert(
        "x-amz-delete-marker",
        http::HeaderValue::from_static("true"),
    );
    if let Ok(version) = http::HeaderValue::from_str(version) {
        headers.insert("x-amz-version-id", version);
    }
    headers
}
