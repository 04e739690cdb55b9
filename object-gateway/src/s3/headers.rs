//! Headers that are stored with an object.

use std::collections::BTreeMap;

use s3s::S3Result;

use super::errors::error;
use crate::core::tags::{MAX_OBJECT_TAGS, check, parse_header};

/// How many bytes of metadata an object may have.
const MAX_METADATA: usize = 2048;

/// `Content-Encoding` without what is of the transfer only.
pub(super) fn stored_encoding(encoding: Option<&str>) -> Option<String> {
    let kept: Vec<&str> = encoding?
        .split(',')
        .map(str::trim)
        .filter(|one| !one.is_empty() && !one.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// `x-amz-meta-` headers.
pub(super) fn metadata(map: Option<&s3s::dto::Metadata>) -> S3Result<BTreeMap<String, String>> {
    let metadata: BTreeMap<String, String> = map
        .into_iter()
        .flatten()
        .map(|(k, v)| (k.to_ascii_lowercase(), v.clone()))
        .collect();
    if metadata
        .iter()
        .map(|(k, v)| k.len() + v.len())
        .sum::<usize>()
        > MAX_METADATA
    {
        return Err(error(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
        ));
    }
    Ok(metadata)
}

/// `x-amz-tagging`.
pub(super) fn tagging(header: Option<&str>) -> S3Result<BTreeMap<String, String>> {
    check(parse_header(header.unwrap_or_default()), MAX_OBJECT_TAGS)
        .map_err(|why| error("InvalidTag", why.to_string()))
}

/// What is not there must not be taken for done.
pub(super) fn refuse_encryption(asks: bool) -> S3Result<()> {
    if asks {
        return Err(error(
            "NotImplemented",
            "Server-side encryption is not implemented.",
        ));
    }
    Ok(())
}

/// Only one storage class is there.
pub(super) fn check_storage_class(class: Option<&str>) -> S3Result<()> {
    match class {
        None | Some("STANDARD") => Ok(()),
        Some(_) => Err(error(
            "InvalidStorageClass",
            "The storage class you specified is not valid",
        )),
    }
}

/// What the inputs of put, copy and create have in common.
macro_rules! content_headers {
    ($input:expr) => {
        $crate::core::record::ContentHeaders {
            content_type: $input.content_type.clone(),
            cache_control: $input.cache_control.clone(),
            content_disposition: $input.content_disposition.clone(),
            content_encoding: $crate::s3::headers::stored_encoding(
                $input.content_encoding.as_deref(),
            ),
            content_language: $input.content_language.clone(),
            expires: $input
                .expires
                .as_ref()
                .and_then($crate::s3::convert::micros),
            redirect: $input.website_redirect_location.clone(),
        }
    };
}
pub(super) use content_headers;

/// Refuses what put, copy and create can't do.
macro_rules! check_options {
    ($input:expr) => {{
        $crate::s3::headers::check_storage_class(
            $input.storage_class.as_ref().map(|class| class.as_str()),
        )?;
        $crate::s3::headers::refuse_encryption(
            $input.server_side_encryption.is_some()
                || $input.sse_customer_algorithm.is_some()
                || $input.sse_customer_key.is_some()
                || $input.ssekms_key_id.is_some(),
        )?;
        if $input.object_lock_mode.is_some() || $input.object_lock_legal_hold_status.is_some() {
            return Err($crate::s3::errors::error(
                "NotImplemented",
                "Object lock is not implemented.",
            ));
        }
    }};
}
pub(super) use check_options;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_of_the_transfer_is_not_stored() {
        assert_eq!(stored_encoding(Some("aws-chunked")), None);
        assert_eq!(
            stored_encoding(Some("gzip,aws-chunked")).as_deref(),
            Some("gzip")
        );
    }

    // P20 of the defects that this design excludes.
    #[test]
    fn p20_encryption_that_is_not_there_is_refused() {
        assert_eq!(
            refuse_encryption(true).unwrap_err().code().as_str(),
            "NotImplemented"
        );
        assert!(refuse_encryption(false).is_ok());
    }
}
