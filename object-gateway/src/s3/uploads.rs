//! Uploads in parts.

#[allow(
    clippy::wildcard_imports,
    reason = "the types of the protocol's messages"
)]
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};
use uuid::Uuid;

use super::{
    Service,
    body::{Announced, announced_trailer, incoming},
    convert::{Sums, algorithm_name, count, etag, limit, micros, size, sums_of, tag, timestamp},
    errors::{error, invalid},
    grants::asked,
    headers::{check_options, content_headers, metadata, tagging},
    objects::{check_public, checked_key, named_algorithm},
};
use crate::{
    core::{
        checksum::Algorithm,
        policy::Action,
        precondition::Conditions,
        upload::{MAX_PARTS, Named, Upload},
    },
    ops::{Error, NewObject, NewUpload},
};

fn upload_id(text: &str) -> S3Result<Uuid> {
    text.parse().map_err(|_| Error::NoSuchUpload.into())
}

fn part_number(number: i32) -> S3Result<u32> {
    u32::try_from(number)
        .ok()
        .filter(|number| (1..=MAX_PARTS).contains(number))
        .ok_or_else(|| {
            invalid(format!(
                "Part number must be an integer between 1 and {MAX_PARTS}, inclusive"
            ))
        })
}

fn kind(upload: &Upload) -> Option<ChecksumType> {
    upload.algorithm?;
    let kind = if upload.full_checksum {
        ChecksumType::FULL_OBJECT
    } else {
        ChecksumType::COMPOSITE
    };
    Some(ChecksumType::from_static(kind))
}

impl Service {
    pub(super) async fn create_multipart(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = &req.input;
        checked_key(&input.key)?;
        check_options!(input);
        let allowed = self
            .allow(&req, &input.bucket, Some(&input.key), Action::PUT)
            .await?;
        let owner = allowed.owner();
        let acl = self.acl(&asked!(input), &owner, &allowed.seen.bucket().owner)?;
        check_public(&allowed, &acl)?;
        let algorithm = named_algorithm(input.checksum_algorithm.as_ref())?;
        let full_checksum = match (
            algorithm,
            input.checksum_type.as_ref().map(ChecksumType::as_str),
        ) {
            (Some(Algorithm::Sha1 | Algorithm::Sha256), Some("FULL_OBJECT"))
            | (Some(Algorithm::Crc64Nvme), Some("COMPOSITE")) => {
                return Err(error(
                    "InvalidRequest",
                    "The checksum type cannot be used with this checksum algorithm.",
                ));
            }
            (Some(Algorithm::Crc64Nvme), _) | (Some(_), Some("FULL_OBJECT")) => true,
            (Some(_), None | Some("COMPOSITE")) | (None, None) => false,
            (Some(_) | None, Some(_)) => {
                return Err(error(
                    "InvalidRequest",
                    "The checksum type is not valid here.",
                ));
            }
        };
        let new = NewUpload {
            object: NewObject {
                headers: content_headers!(input),
                metadata: metadata(input.metadata.as_ref())?,
                owner,
                acl,
                tags: tagging(input.tagging.as_deref())?,
            },
            algorithm,
            full_checksum,
        };
        let id = self
            .gateway
            .create_upload(&allowed.seen, &input.key, new)
            .await?;
        let kind = algorithm.map(|_| {
            let kind = if full_checksum {
                ChecksumType::FULL_OBJECT
            } else {
                ChecksumType::COMPOSITE
            };
            ChecksumType::from_static(kind)
        });
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            upload_id: Some(id.to_string()),
            checksum_algorithm: algorithm.map(algorithm_name),
            checksum_type: kind,
            ..CreateMultipartUploadOutput::default()
        }))
    }

    pub(super) async fn put_one_part(
        &self,
        req: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let number = part_number(req.input.part_number)?;
        let id = upload_id(&req.input.upload_id)?;
        let (bucket, key) = (&req.input.bucket, &req.input.key);
        let allowed = self.allow(&req, bucket, Some(key), Action::PUT).await?;
        let upload = self.gateway.open_upload(&allowed.seen, key, id).await?;
        let announced = Announced {
            length: req.input.content_length,
            md5: req.input.content_md5.clone(),
            checksum: sums_of!(req.input).given(),
            algorithm: named_algorithm(req.input.checksum_algorithm.as_ref())?.or(upload.algorithm),
            trailer: announced_trailer(&req.headers, req.trailing_headers.clone()),
        };
        let body = incoming(req.input.body, announced)?;
        let stored = self
            .gateway
            .put_part(&allowed.seen, &upload, number, body)
            .await?;
        let sums = Sums::of(stored.checksum.as_ref());
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(etag(&stored.etag)),
            checksum_crc32: sums.crc32,
            checksum_crc32c: sums.crc32c,
            checksum_crc64nvme: sums.crc64nvme,
            checksum_sha1: sums.sha1,
            checksum_sha256: sums.sha256,
            ..UploadPartOutput::default()
        }))
    }

    pub(super) async fn copy_part(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let input = &req.input;
        let number = part_number(input.part_number)?;
        let id = upload_id(&input.upload_id)?;
        let allowed = self
            .allow(&req, &input.bucket, Some(&input.key), Action::PUT)
            .await?;
        let upload = self
            .gateway
            .open_upload(&allowed.seen, &input.key, id)
            .await?;
        let conditions = Conditions {
            if_match: input.copy_source_if_match.as_ref().map(tag),
            if_none_match: input.copy_source_if_none_match.as_ref().map(tag),
            modified_since: input
                .copy_source_if_modified_since
                .as_ref()
                .and_then(micros),
            unmodified_since: input
                .copy_source_if_unmodified_since
                .as_ref()
                .and_then(micros),
        };
        let (source, version) = self.source(&req, &input.copy_source, &conditions).await?;
        let bytes = copied_range(input.copy_source_range.as_deref(), source.object()?.size)?;
        let body = self.copied(&source, bytes, upload.algorithm).await?;
        let stored = self
            .gateway
            .put_part(&allowed.seen, &upload, number, body)
            .await?;
        let sums = Sums::of(stored.checksum.as_ref());
        Ok(S3Response::new(UploadPartCopyOutput {
            copy_part_result: Some(CopyPartResult {
                e_tag: Some(etag(&stored.etag)),
                last_modified: Some(timestamp(stored.modified)),
                checksum_crc32: sums.crc32,
                checksum_crc32c: sums.crc32c,
                checksum_crc64nvme: sums.crc64nvme,
                checksum_sha1: sums.sha1,
                checksum_sha256: sums.sha256,
            }),
            copy_source_version_id: version,
            ..UploadPartCopyOutput::default()
        }))
    }

    pub(super) async fn list_uploaded_parts(
        &self,
        req: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let input = &req.input;
        let id = upload_id(&input.upload_id)?;
        let max_parts = limit(input.max_parts)?;
        let allowed = self
            .allow(&req, &input.bucket, Some(&input.key), Action::LIST_PARTS)
            .await?;
        let upload = self
            .gateway
            .open_upload(&allowed.seen, &input.key, id)
            .await?;
        let marker = input.part_number_marker.unwrap_or(0);
        let after = u32::try_from(marker).unwrap_or(0);
        let all = self.gateway.uploaded_parts(id).await?;
        let mut rest = all.into_values().filter(|part| part.number > after);
        let shown: Vec<Part> = rest
            .by_ref()
            .take(max_parts)
            .map(|part| {
                let sums = Sums::of(part.checksum.as_ref());
                Part {
                    e_tag: Some(etag(&part.etag)),
                    last_modified: Some(timestamp(part.attempt.at())),
                    part_number: i32::try_from(part.number).ok(),
                    size: Some(size(part.blob.size)),
                    checksum_crc32: sums.crc32,
                    checksum_crc32c: sums.crc32c,
                    checksum_crc64nvme: sums.crc64nvme,
                    checksum_sha1: sums.sha1,
                    checksum_sha256: sums.sha256,
                }
            })
            .collect();
        let owner = self.owner(&upload.owner);
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            upload_id: Some(input.upload_id.clone()),
            is_truncated: Some(rest.next().is_some()),
            max_parts: Some(count(max_parts)),
            next_part_number_marker: shown
                .last()
                .and_then(|part| part.part_number)
                .or(Some(marker)),
            part_number_marker: Some(marker),
            parts: Some(shown),
            initiator: Some(Initiator {
                display_name: owner.display_name.clone(),
                id: owner.id.clone(),
            }),
            owner: Some(owner),
            storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
            checksum_algorithm: upload.algorithm.map(algorithm_name),
            checksum_type: kind(&upload),
            ..ListPartsOutput::default()
        }))
    }

    pub(super) async fn complete_multipart(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = &req.input;
        let id = upload_id(&input.upload_id)?;
        let allowed = self
            .allow(&req, &input.bucket, Some(&input.key), Action::PUT)
            .await?;
        let parts = input
            .multipart_upload
            .as_ref()
            .and_then(|upload| upload.parts.as_ref());
        let mut named = Vec::new();
        for part in parts.into_iter().flatten() {
            let malformed = || error("MalformedXML", "The XML you provided was not well-formed");
            let given = sums_of!(part).given();
            named.push(Named {
                number: part_number(part.part_number.ok_or_else(malformed)?)?,
                etag: part
                    .e_tag
                    .as_ref()
                    .ok_or_else(malformed)?
                    .value()
                    .to_owned(),
                checksum: given.map(|(_, value)| value),
            });
        }
        let conditions = Conditions {
            if_match: input.if_match.as_ref().map(tag),
            if_none_match: input.if_none_match.as_ref().map(tag),
            ..Conditions::default()
        };
        let expected = sums_of!(input).given().map(|(_, value)| value);
        let completed = self
            .gateway
            .complete_upload(
                &allowed.seen,
                &input.key,
                id,
                &named,
                expected.as_deref(),
                &conditions,
            )
            .await?;
        let sums = Sums::of(completed.checksum.as_ref());
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            location: Some(format!(
                "/{}/{}",
                input.bucket,
                super::convert::percent_encode(&input.key)
            )),
            e_tag: Some(etag(&completed.etag)),
            version_id: completed.version,
            checksum_crc32: sums.crc32,
            checksum_crc32c: sums.crc32c,
            checksum_crc64nvme: sums.crc64nvme,
            checksum_sha1: sums.sha1,
            checksum_sha256: sums.sha256,
            checksum_type: sums.kind,
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    pub(super) async fn abort_multipart(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = &req.input;
        let id = upload_id(&input.upload_id)?;
        let allowed = self
            .allow(&req, &input.bucket, Some(&input.key), Action::ABORT)
            .await?;
        self.gateway
            .abort_upload(&allowed.seen, &input.key, id)
            .await?;
        Ok(S3Response::with_status(
            AbortMultipartUploadOutput::default(),
            http::StatusCode::NO_CONTENT,
        ))
    }
}

/// `x-amz-copy-source-range`: always with a first and a last byte, both in the source.
fn copied_range(text: Option<&str>, size: u64) -> S3Result<std::ops::Range<u64>> {
    let Some(text) = text else { return Ok(0..size) };
    let wrong = || {
        invalid(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
        )
    };
    let (first, last) = text
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
        .ok_or_else(wrong)?;
    let first: u64 = first.parse().map_err(|_| wrong())?;
    let last: u64 = last.parse().map_err(|_| wrong())?;
    if first > last {
        return Err(wrong());
    }
    if last >= size {
        return Err(Error::InvalidRange { size }.into());
    }
    Ok(first..last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_a_copied_part_lies_in_the_source() {
        assert_eq!(copied_range(None, 10).unwrap(), 0..10);
        assert_eq!(copied_range(Some("bytes=2-9"), 10).unwrap(), 2..10);
        let code = |text| {
            copied_range(Some(text), 10)
                .unwrap_err()
                .code()
                .as_str()
                .to_owned()
        };
        assert_eq!(code("bytes=2-10"), "InvalidRange");
        for bad in ["bytes=5-2", "bytes=-5", "bytes=5-", "5-6", "bytes=a-b"] {
            assert_eq!(code(bad), "InvalidArgument", "{bad}");
        }
    }
}
