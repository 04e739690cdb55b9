//! Objects: put, get, head, copy, delete, attributes.

use futures::{StreamExt as _, TryStreamExt as _, stream};
#[allow(
    clippy::wildcard_imports,
    reason = "the types of the protocol's messages"
)]
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::{
    Service,
    access::Allowed,
    body::{Announced, announced_trailer, incoming},
    convert::{Sums, algorithm_name, count, etag, micros, size, sums_of, tag, timestamp},
    errors::{error, invalid},
    grants::asked,
    headers::{check_options, content_headers, metadata, tagging},
};
use crate::{
    core::{
        acl::Acl,
        checksum::{Algorithm, Checksum},
        names::{BadKey, check_key},
        policy::Action,
        precondition::{Conditions, Verdict},
        range::Range as Bytes,
        record::{Object as Stored, PartRef},
        settings::Versioning,
    },
    ops::{Body, BodyError, Error, Expected, Located, NewObject},
};

/// The largest object that is copied in one request.
const MAX_COPY: u64 = 5 << 30;
/// How many keys are deleted at once.
const DELETES: usize = 16;

/// Whether a key can be stored.
pub(super) fn checked_key(key: &str) -> S3Result<()> {
    check_key(key).map_err(|why| match why {
        BadKey::Empty => invalid("the key is empty"),
        BadKey::TooLong => error("KeyTooLongError", "Your key is too long"),
        BadKey::ZeroByte => invalid("the key has a zero byte"),
    })
}

/// Refuses a list that is open to everybody where that is blocked.
pub(super) fn check_public(allowed: &Allowed, acl: &Acl) -> S3Result<()> {
    let block = allowed.seen.bucket().public_access.unwrap_or_default();
    if block.block_public_acls && acl.is_public() {
        return Err(Error::AccessDenied.into());
    }
    Ok(())
}

fn conditions_of_write(
    if_match: Option<&IfMatch>,
    if_none_match: Option<&IfNoneMatch>,
) -> Conditions {
    Conditions {
        if_match: if_match.map(tag),
        if_none_match: if_none_match.map(tag),
        ..Conditions::default()
    }
}

/// What a read is answered with, whole or in part.
struct Reading {
    located: Located,
    bytes: std::ops::Range<u64>,
    range: Option<String>,
    parts: Option<i32>,
    version: Option<String>,
}

impl Service {
    pub(super) async fn put(
        &self,
        req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        checked_key(&req.input.key)?;
        check_options!(req.input);
        if req.input.write_offset_bytes.is_some() {
            return Err(error("NotImplemented", "Appending is not implemented."));
        }
        let allowed = self
            .allow(&req, &req.input.bucket, Some(&req.input.key), Action::PUT)
            .await?;
        let owner = allowed.owner();
        let acl = self.acl(&asked!(req.input), &owner, &allowed.seen.bucket().owner)?;
        check_public(&allowed, &acl)?;
        let new = NewObject {
            headers: content_headers!(req.input),
            metadata: metadata(req.input.metadata.as_ref())?,
            owner,
            acl,
            tags: tagging(req.input.tagging.as_deref())?,
        };
        let conditions = conditions_of_write(
            req.input.if_match.as_ref(),
            req.input.if_none_match.as_ref(),
        );
        let announced = Announced {
            length: req.input.content_length,
            md5: req.input.content_md5.clone(),
            checksum: sums_of!(req.input).given(),
            algorithm: named_algorithm(req.input.checksum_algorithm.as_ref())?,
            trailer: announced_trailer(&req.headers, req.trailing_headers.clone()),
        };
        let body = incoming(req.input.body, announced)?;
        let key = &req.input.key;
        let stored = self
            .gateway
            .put(&allowed.seen, key, new, body, &conditions)
            .await?;
        let sums = Sums::of(stored.checksum.as_ref());
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(etag(&stored.etag)),
            version_id: stored.version,
            checksum_crc32: sums.crc32,
            checksum_crc32c: sums.crc32c,
            checksum_crc64nvme: sums.crc64nvme,
            checksum_sha1: sums.sha1,
            checksum_sha256: sums.sha256,
            checksum_type: sums.kind,
            ..PutObjectOutput::default()
        }))
    }

    // What get and head have in common: the object, the conditions, the range.
    #[expect(clippy::too_many_arguments, reason = "they are what both inputs have")]
    async fn reading<T: Sync>(
        &self,
        req: &S3Request<T>,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        conditions: Conditions,
        range: Option<Range>,
        part: Option<i32>,
    ) -> S3Result<Reading> {
        let action = if version.is_some() {
            Action::GET_VERSION
        } else {
            Action::GET
        };
        let (allowed, located) = self.find(req, bucket, key, version, action).await?;
        let object = located.object()?;
        match conditions.of_read(&object.etag, located.record.id.at()) {
            Verdict::Proceed => {}
            Verdict::NotModified => {
                return Err(Error::NotModified {
                    etag: object.etag.clone(),
                }
                .into());
            }
            Verdict::Failed | Verdict::Absent => return Err(Error::PreconditionFailed.into()),
        }
        let (bytes, parts) = match (part, range) {
            (None, None) => (None, None),
            (None, Some(range)) => (Some(resolve(range, object.size)?), None),
            (Some(_), Some(_)) => {
                return Err(invalid(
                    "Cannot specify both Range header and partNumber query parameter",
                ));
            }
            (Some(number), None) => {
                let parts = self.gateway.parts_of(&object.content).await?;
                let bytes = part_range(&parts, number, object.size)?;
                (Some(bytes), (!parts.is_empty()).then(|| count(parts.len())))
            }
        };
        let range = bytes
            .as_ref()
            .filter(|b| !b.is_empty())
            .map(|bytes| format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, object.size));
        let has_versions = allowed.seen.bucket().versioning != Versioning::Never;
        let version = has_versions.then(|| located.record.public_id());
        let bytes = bytes.unwrap_or(0..object.size);
        Ok(Reading {
            located,
            bytes,
            range,
            parts,
            version,
        })
    }

    pub(super) async fn get(
        &self,
        req: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = &req.input;
        super::headers::refuse_encryption(input.sse_customer_algorithm.is_some())?;
        let conditions = Conditions {
            if_match: input.if_match.as_ref().map(tag),
            if_none_match: input.if_none_match.as_ref().map(tag),
            modified_since: input.if_modified_since.as_ref().and_then(micros),
            unmodified_since: input.if_unmodified_since.as_ref().and_then(micros),
        };
        let version = input.version_id.as_deref();
        let (range, part) = (input.range, input.part_number);
        let reading = self
            .reading(
                &req,
                &input.bucket,
                &input.key,
                version,
                conditions,
                range,
                part,
            )
            .await?;
        let stream = self
            .gateway
            .open(&reading.located, reading.bytes.clone())
            .await?;
        let head = Self::describe(&reading, input.checksum_mode.as_ref())?;
        let object = reading.located.object()?;
        let tags = (!object.tags.is_empty()).then(|| count(object.tags.len()));
        let output = GetObjectOutput {
            body: Some(StreamingBlob::wrap(stream)),
            tag_count: tags,
            accept_ranges: head.accept_ranges,
            cache_control: head.cache_control,
            checksum_crc32: head.checksum_crc32,
            checksum_crc32c: head.checksum_crc32c,
            checksum_crc64nvme: head.checksum_crc64nvme,
            checksum_sha1: head.checksum_sha1,
            checksum_sha256: head.checksum_sha256,
            checksum_type: head.checksum_type,
            content_disposition: head.content_disposition,
            content_encoding: head.content_encoding,
            content_language: head.content_language,
            content_length: head.content_length,
            content_range: head.content_range,
            content_type: head.content_type,
            e_tag: head.e_tag,
            expires: head.expires,
            last_modified: head.last_modified,
            metadata: head.metadata,
            parts_count: head.parts_count,
            version_id: head.version_id,
            website_redirect_location: head.website_redirect_location,
            ..GetObjectOutput::default()
        };
        let status = reading
            .range
            .is_some()
            .then_some(http::StatusCode::PARTIAL_CONTENT);
        let mut response = S3Response::new(output);
        response.status = status;
        Ok(response)
    }

    pub(super) async fn head(
        &self,
        req: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = &req.input;
        super::headers::refuse_encryption(input.sse_customer_algorithm.is_some())?;
        let conditions = Conditions {
            if_match: input.if_match.as_ref().map(tag),
            if_none_match: input.if_none_match.as_ref().map(tag),
            modified_since: input.if_modified_since.as_ref().and_then(micros),
            unmodified_since: input.if_unmodified_since.as_ref().and_then(micros),
        };
        let version = input.version_id.as_deref();
        let (range, part) = (input.range, input.part_number);
        let reading = self
            .reading(
                &req,
                &input.bucket,
                &input.key,
                version,
                conditions,
                range,
                part,
            )
            .await?;
        let mut response = S3Response::new(Self::describe(&reading, input.checksum_mode.as_ref())?);
        response.status = reading
            .range
            .is_some()
            .then_some(http::StatusCode::PARTIAL_CONTENT);
        Ok(response)
    }

    fn describe(reading: &Reading, mode: Option<&ChecksumMode>) -> S3Result<HeadObjectOutput> {
        let object = reading.located.object()?;
        let is_whole = reading.range.is_none();
        let asked = mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED);
        let sums = Sums::of(object.checksum.as_ref().filter(|_| asked && is_whole));
        let headers = object.headers.clone();
        let content_type = headers
            .content_type
            .or_else(|| Some("binary/octet-stream".to_owned()));
        Ok(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: headers.cache_control,
            checksum_crc32: sums.crc32,
            checksum_crc32c: sums.crc32c,
            checksum_crc64nvme: sums.crc64nvme,
            checksum_sha1: sums.sha1,
            checksum_sha256: sums.sha256,
            checksum_type: sums.kind,
            content_disposition: headers.content_disposition,
            content_encoding: headers.content_encoding,
            content_language: headers.content_language,
            content_length: Some(size(reading.bytes.end - reading.bytes.start)),
            content_range: reading.range.clone(),
            content_type,
            e_tag: Some(etag(&object.etag)),
            expires: headers.expires.map(timestamp),
            last_modified: Some(timestamp(reading.located.record.id.at())),
            metadata: Some(object.metadata.clone().into_iter().collect()),
            parts_count: reading.parts,
            version_id: reading.version.clone(),
            website_redirect_location: headers.redirect,
            ..HeadObjectOutput::default()
        })
    }

    /// The source of a copy, if it may be read and its conditions hold.
    pub(super) async fn source<T: Sync>(
        &self,
        req: &S3Request<T>,
        source: &CopySource,
        conditions: &Conditions,
    ) -> S3Result<(Located, Option<String>)> {
        let CopySource::Bucket {
            bucket,
            key,
            version_id,
        } = source
        else {
            return Err(error(
                "NotImplemented",
                "Access points are not implemented.",
            ));
        };
        let version = version_id.as_deref();
        let action = if version.is_some() {
            Action::GET_VERSION
        } else {
            Action::GET
        };
        let (allowed, located) = self.find(req, bucket, key, version, action).await?;
        let object = located.object()?;
        match conditions.of_read(&object.etag, located.record.id.at()) {
            Verdict::Proceed => {}
            Verdict::NotModified | Verdict::Failed | Verdict::Absent => {
                return Err(Error::PreconditionFailed.into());
            }
        }
        let has_versions = allowed.seen.bucket().versioning != Versioning::Never;
        let version = has_versions.then(|| located.record.public_id());
        Ok((located, version))
    }

    /// The bytes of a source as a body.
    pub(super) async fn copied(
        &self,
        source: &Located,
        bytes: std::ops::Range<u64>,
        algorithm: Option<Algorithm>,
    ) -> S3Result<Body> {
        let length = bytes.end - bytes.start;
        let stream = self.gateway.open(source, bytes).await?;
        let stream = stream.map_err(|why| {
            tracing::warn!("the source of a copy can't be read: {why}");
            BodyError::Cut
        });
        Ok(Body::new(stream.boxed(), length).with_checksum(algorithm, Expected::Nothing))
    }

    pub(super) async fn copy(
        &self,
        req: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = &req.input;
        checked_key(&input.key)?;
        check_options!(input);
        super::headers::refuse_encryption(input.copy_source_sse_customer_algorithm.is_some())?;
        let allowed = self
            .allow(&req, &input.bucket, Some(&input.key), Action::PUT)
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
        let (source, source_version) = self.source(&req, &input.copy_source, &conditions).await?;
        let object = source.object()?;
        if object.size > MAX_COPY {
            return Err(error(
                "InvalidRequest",
                "The source is too large to be copied in one request",
            ));
        }
        let replaces_metadata = directive(
            input
                .metadata_directive
                .as_ref()
                .map(MetadataDirective::as_str),
        )?;
        let replaces_tags = directive(
            input
                .tagging_directive
                .as_ref()
                .map(TaggingDirective::as_str),
        )?;
        if let CopySource::Bucket {
            bucket,
            key,
            version_id: None,
        } = &input.copy_source
            && **bucket == *input.bucket
            && **key == *input.key
            && !replaces_metadata
            && !replaces_tags
        {
            return Err(error(
                "InvalidRequest",
                "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
            ));
        }
        let owner = allowed.owner();
        let acl = self.acl(&asked!(input), &owner, &allowed.seen.bucket().owner)?;
        check_public(&allowed, &acl)?;
        let new = NewObject {
            headers: if replaces_metadata {
                content_headers!(input)
            } else {
                object.headers.clone()
            },
            metadata: if replaces_metadata {
                metadata(input.metadata.as_ref())?
            } else {
                object.metadata.clone()
            },
            owner,
            acl,
            tags: if replaces_tags {
                tagging(input.tagging.as_deref())?
            } else {
                object.tags.clone()
            },
        };
        let algorithm = named_algorithm(input.checksum_algorithm.as_ref())?
            .or_else(|| object.checksum.as_ref().map(|checksum| checksum.algorithm));
        let body = self.copied(&source, 0..object.size, algorithm).await?;
        let none = Conditions::default();
        let stored = self
            .gateway
            .put(&allowed.seen, &input.key, new, body, &none)
            .await?;
        let sums = Sums::of(stored.checksum.as_ref());
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                e_tag: Some(etag(&stored.etag)),
                last_modified: Some(timestamp(stored.modified)),
                checksum_crc32: sums.crc32,
                checksum_crc32c: sums.crc32c,
                checksum_crc64nvme: sums.crc64nvme,
                checksum_sha1: sums.sha1,
                checksum_sha256: sums.sha256,
                checksum_type: sums.kind,
            }),
            copy_source_version_id: source_version,
            version_id: stored.version,
            ..CopyObjectOutput::default()
        }))
    }

    pub(super) async fn delete(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = &req.input;
        if input.if_match.is_some()
            || input.if_match_size.is_some()
            || input.if_match_last_modified_time.is_some()
        {
            return Err(error(
                "NotImplemented",
                "Conditional deletes are not implemented.",
            ));
        }
        let version = input.version_id.as_deref();
        let action = if version.is_some() {
            Action::DELETE_VERSION
        } else {
            Action::DELETE
        };
        let allowed = self
            .allow(&req, &input.bucket, Some(&input.key), action)
            .await?;
        let owner = allowed.owner();
        let deleted = self
            .gateway
            .delete(&allowed.seen, &input.key, version, &owner)
            .await?;
        Ok(S3Response::with_status(
            DeleteObjectOutput {
                delete_marker: deleted.is_marker.then_some(true),
                version_id: deleted.version,
                ..DeleteObjectOutput::default()
            },
            http::StatusCode::NO_CONTENT,
        ))
    }

    pub(super) async fn delete_many(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let input = &req.input;
        if !(1..=1000).contains(&input.delete.objects.len()) {
            return Err(error(
                "MalformedXML",
                "1 to 1000 keys can be deleted at once",
            ));
        }
        let allowed = self.enter(&req, &input.bucket).await?;
        let owner = allowed.owner();
        let one = |object: &ObjectIdentifier| {
            let (key, version) = (object.key.clone(), object.version_id.clone());
            let action = if version.is_some() {
                Action::DELETE_VERSION
            } else {
                Action::DELETE
            };
            let permitted = Self::permits(&req, &allowed, Some(&key), action, None);
            let (seen, owner) = (&allowed.seen, &owner);
            async move {
                let result = match permitted {
                    Ok(true) => self
                        .gateway
                        .delete(seen, &key, version.as_deref(), owner)
                        .await
                        .map_err(Into::into),
                    Ok(false) => Err(Error::AccessDenied.into()),
                    Err(error) => Err(error),
                };
                (key, version, result)
            }
        };
        let done: Vec<_> = stream::iter(input.delete.objects.iter().map(one).collect::<Vec<_>>())
            .buffered(DELETES)
            .collect()
            .await;
        let is_quiet = input.delete.quiet.unwrap_or(false);
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for (key, version, result) in done {
            match result {
                Ok(gone) if !is_quiet => deleted.push(DeletedObject {
                    key: Some(key),
                    delete_marker: gone.is_marker.then_some(true),
                    delete_marker_version_id: gone.version.clone().filter(|_| gone.is_marker),
                    version_id: version,
                }),
                Ok(_) => {}
                Err(why) => errors.push(s3s::dto::Error {
                    code: Some(why.code().as_str().to_owned()),
                    key: Some(key),
                    message: why.message().map(str::to_owned),
                    version_id: version,
                }),
            }
        }
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: Some(deleted),
            errors: (!errors.is_empty()).then_some(errors),
            ..DeleteObjectsOutput::default()
        }))
    }

    pub(super) async fn attributes(
        &self,
        req: S3Request<GetObjectAttributesInput>,
    ) -> S3Result<S3Response<GetObjectAttributesOutput>> {
        let input = &req.input;
        let version = input.version_id.as_deref();
        let action = if version.is_some() {
            Action::GET_VERSION
        } else {
            Action::GET
        };
        let (allowed, located) = self
            .find(&req, &input.bucket, &input.key, version, action)
            .await?;
        let object = located.object()?;
        let wants = |name: &str| {
            let named = input
                .object_attributes
                .iter()
                .flat_map(|list| list.as_str().split(','));
            named.map(str::trim).any(|one| one == name)
        };
        let sums = Sums::of(object.checksum.as_ref());
        let checksum = s3s::dto::Checksum {
            checksum_crc32: sums.crc32,
            checksum_crc32c: sums.crc32c,
            checksum_crc64nvme: sums.crc64nvme,
            checksum_sha1: sums.sha1,
            checksum_sha256: sums.sha256,
            checksum_type: sums.kind,
        };
        let has_versions = allowed.seen.bucket().versioning != Versioning::Never;
        let parts = if wants("ObjectParts") {
            self.attribute_parts(input, object).await?
        } else {
            None
        };
        Ok(S3Response::new(GetObjectAttributesOutput {
            checksum: (wants("Checksum") && object.checksum.is_some()).then_some(checksum),
            e_tag: wants("ETag").then(|| etag(&object.etag)),
            last_modified: Some(timestamp(located.record.id.at())),
            object_parts: parts,
            object_size: wants("ObjectSize").then(|| size(object.size)),
            storage_class: wants("StorageClass")
                .then(|| StorageClass::from_static(StorageClass::STANDARD)),
            version_id: has_versions.then(|| located.record.public_id()),
            ..GetObjectAttributesOutput::default()
        }))
    }

    async fn attribute_parts(
        &self,
        input: &GetObjectAttributesInput,
        object: &Stored,
    ) -> S3Result<Option<GetObjectAttributesParts>> {
        let all = self.gateway.parts_of(&object.content).await?;
        if all.is_empty() {
            return Ok(None);
        }
        let limit = super::convert::limit(input.max_parts)?;
        let marker = input.part_number_marker.unwrap_or(0);
        let after = u32::try_from(marker).unwrap_or(0);
        let rest: Vec<&PartRef> = all.iter().filter(|part| part.number > after).collect();
        let shown: Vec<ObjectPart> = rest
            .iter()
            .take(limit)
            .map(|part| {
                let sums = Sums::of(part.checksum.as_ref());
                ObjectPart {
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
        let has_checksums = all.iter().any(|part| part.checksum.is_some());
        Ok(Some(GetObjectAttributesParts {
            is_truncated: Some(rest.len() > shown.len()),
            max_parts: Some(count(limit)),
            next_part_number_marker: shown.last().and_then(|part| part.part_number),
            part_number_marker: Some(marker),
            // As AWS: the parts themselves are listed only if they have checksums.
            parts: has_checksums.then_some(shown),
            total_parts_count: Some(count(all.len())),
        }))
    }
}

/// The checksum that a request names.
pub(super) fn named_algorithm(name: Option<&ChecksumAlgorithm>) -> S3Result<Option<Algorithm>> {
    let Some(name) = name else { return Ok(None) };
    let unknown = || {
        error(
            "InvalidRequest",
            "Checksum algorithm provided is unsupported.",
        )
    };
    Algorithm::parse(name.as_str())
        .map(Some)
        .ok_or_else(unknown)
}

fn directive(text: Option<&str>) -> S3Result<bool> {
    match text {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(_) => Err(invalid("Unknown directive.")),
    }
}

fn resolve(range: Range, size: u64) -> S3Result<std::ops::Range<u64>> {
    let bytes = match range {
        Range::Int { first, last } => Bytes::From(first, last),
        Range::Suffix { length } => Bytes::Last(length),
    };
    bytes
        .resolve(size)
        .map_err(|_| Error::InvalidRange { size }.into())
}

fn part_range(parts: &[PartRef], number: i32, size: u64) -> S3Result<std::ops::Range<u64>> {
    let missing = || {
        let mut refused = error(
            "InvalidPartNumber",
            "The requested partnumber is not satisfiable",
        );
        refused.set_status_code(http::StatusCode::RANGE_NOT_SATISFIABLE);
        refused
    };
    if parts.is_empty() {
        return if number == 1 {
            Ok(0..size)
        } else {
            Err(missing())
        };
    }
    let mut start = 0;
    for part in parts {
        if i32::try_from(part.number) == Ok(number) {
            return Ok(start..start + part.blob.size);
        }
        start += part.blob.size;
    }
    Err(missing())
}

/// The checksum algorithm of an object, for lists.
pub(super) fn listed_algorithm(checksum: Option<&Checksum>) -> Option<Vec<ChecksumAlgorithm>> {
    checksum.map(|checksum| vec![algorithm_name(checksum.algorithm)])
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::core::record::BlobRef;

    #[test]
    fn a_part_is_a_range() {
        let part = |number, size| PartRef {
            number,
            blob: BlobRef {
                id: Uuid::nil(),
                size,
                chunk: 1,
            },
            checksum: None,
        };
        let parts = [part(2, 10), part(5, 3)];
        assert_eq!(part_range(&parts, 5, 13).unwrap(), 10..13);
        assert!(part_range(&parts, 1, 13).is_err());
        assert_eq!(part_range(&[], 1, 7).unwrap(), 0..7);
    }
}
