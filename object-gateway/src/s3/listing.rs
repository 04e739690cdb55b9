//! Lists of objects, versions and uploads.

#[allow(
    clippy::wildcard_imports,
    reason = "the types of the protocol's messages"
)]
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::{
    Service,
    convert::{count, etag, limit, percent_encode, size, timestamp},
    errors::invalid,
    objects::listed_algorithm,
};
use crate::{
    core::{
        listing::{Item, Page, Query},
        policy::Action,
        record::{Kind, Record, VersionId},
        token,
    },
    ops::{UploadQuery, VersionItem, VersionQuery},
};

/// How names are shown.
#[derive(Clone, Copy)]
struct Show {
    encoded: bool,
}

impl Show {
    fn new(encoding: Option<&EncodingType>) -> S3Result<Self> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Self { encoded: false }),
            Some("url") => Ok(Self { encoded: true }),
            Some(_) => Err(invalid("Invalid Encoding Method specified in Request")),
        }
    }

    fn name(self, name: &str) -> String {
        if self.encoded {
            percent_encode(name)
        } else {
            name.to_owned()
        }
    }

    fn option(self, name: Option<&String>) -> Option<String> {
        name.map(|name| self.name(name))
    }

    fn encoding(self) -> Option<EncodingType> {
        self.encoded
            .then(|| EncodingType::from_static(EncodingType::URL))
    }
}

struct Lines {
    contents: Vec<Object>,
    prefixes: Vec<CommonPrefix>,
}

impl Service {
    fn lines(&self, page: &Page<Record>, show: Show, owners: bool) -> Lines {
        let mut lines = Lines {
            contents: Vec::new(),
            prefixes: Vec::new(),
        };
        for item in &page.items {
            match item {
                Item::Prefix(prefix) => {
                    lines.prefixes.push(CommonPrefix {
                        prefix: Some(show.name(prefix)),
                    });
                }
                Item::Key(key, record) => {
                    let Some(object) = record.object() else {
                        continue;
                    };
                    lines.contents.push(Object {
                        checksum_algorithm: listed_algorithm(object.checksum.as_ref()),
                        e_tag: Some(etag(&object.etag)),
                        key: Some(show.name(key)),
                        last_modified: Some(timestamp(record.id.at())),
                        owner: owners.then(|| self.owner(&object.owner)),
                        size: Some(size(object.size)),
                        storage_class: Some(ObjectStorageClass::from_static(
                            ObjectStorageClass::STANDARD,
                        )),
                        ..Object::default()
                    });
                }
            }
        }
        lines
    }

    pub(super) async fn list_v1(
        &self,
        req: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = &req.input;
        let show = Show::new(input.encoding_type.as_ref())?;
        let max_keys = limit(input.max_keys)?;
        let allowed = self.allow(&req, &input.bucket, None, Action::LIST).await?;
        let query = Query {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input
                .delimiter
                .clone()
                .filter(|delimiter| !delimiter.is_empty()),
            after: input.marker.clone().filter(|marker| !marker.is_empty()),
            limit: max_keys,
        };
        let page = self.gateway.list(&allowed.seen, query).await?;
        let lines = self.lines(&page, show, true);
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket.clone()),
            prefix: Some(show.name(input.prefix.as_deref().unwrap_or_default())),
            marker: Some(show.name(input.marker.as_deref().unwrap_or_default())),
            max_keys: Some(count(max_keys)),
            is_truncated: Some(page.next.is_some()),
            next_marker: show.option(page.next.as_ref()),
            contents: Some(lines.contents),
            common_prefixes: Some(lines.prefixes),
            delimiter: show.option(input.delimiter.as_ref().filter(|d| !d.is_empty())),
            encoding_type: show.encoding(),
            request_charged: None,
        }))
    }

    pub(super) async fn list_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = &req.input;
        let show = Show::new(input.encoding_type.as_ref())?;
        let max_keys = limit(input.max_keys)?;
        let allowed = self.allow(&req, &input.bucket, None, Action::LIST).await?;
        let id = allowed.seen.bucket().id;
        let after = match &input.continuation_token {
            Some(text) => {
                let wrong = || invalid("The continuation token provided is incorrect");
                Some(token::decode(id, text).ok_or_else(wrong)?)
            }
            None => input.start_after.clone().filter(|after| !after.is_empty()),
        };
        let query = Query {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input
                .delimiter
                .clone()
                .filter(|delimiter| !delimiter.is_empty()),
            after,
            limit: max_keys,
        };
        let page = self.gateway.list(&allowed.seen, query).await?;
        let lines = self.lines(&page, show, input.fetch_owner.unwrap_or(false));
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket.clone()),
            prefix: Some(show.name(input.prefix.as_deref().unwrap_or_default())),
            max_keys: Some(count(max_keys)),
            key_count: Some(count(lines.contents.len() + lines.prefixes.len())),
            continuation_token: input.continuation_token.clone(),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.map(|last| token::encode(id, &last)),
            contents: Some(lines.contents),
            common_prefixes: Some(lines.prefixes),
            delimiter: show.option(input.delimiter.as_ref().filter(|d| !d.is_empty())),
            encoding_type: show.encoding(),
            start_after: show.option(input.start_after.as_ref()),
            request_charged: None,
        }))
    }

    pub(super) async fn list_all_versions(
        &self,
        req: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        let input = &req.input;
        let show = Show::new(input.encoding_type.as_ref())?;
        let max_keys = limit(input.max_keys)?;
        let marker = input
            .version_id_marker
            .as_deref()
            .filter(|marker| !marker.is_empty());
        let key_marker = input
            .key_marker
            .as_ref()
            .filter(|marker| !marker.is_empty());
        let after = match marker {
            None => None,
            Some(marker) => {
                let wrong = || invalid("Invalid version id specified");
                Some(VersionId::parse(marker).ok_or_else(wrong)?)
            }
        };
        if after.is_some() && key_marker.is_none() {
            return Err(invalid(
                "A version-id marker cannot be specified without a key marker.",
            ));
        }
        let allowed = self
            .allow(&req, &input.bucket, None, Action::LIST_VERSIONS)
            .await?;
        let query = VersionQuery {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input
                .delimiter
                .clone()
                .filter(|delimiter| !delimiter.is_empty()),
            start: key_marker.map(|key| (key.clone(), after)),
            limit: max_keys,
        };
        let page = self.gateway.list_versions(&allowed.seen, &query).await?;
        let (mut versions, mut markers, mut prefixes) = (Vec::new(), Vec::new(), Vec::new());
        for item in &page.items {
            match item {
                VersionItem::Prefix(prefix) => {
                    prefixes.push(CommonPrefix {
                        prefix: Some(show.name(prefix)),
                    });
                }
                VersionItem::Version(key, record, is_latest) => match &record.kind {
                    Kind::Object(object) => versions.push(ObjectVersion {
                        checksum_algorithm: listed_algorithm(object.checksum.as_ref()),
                        e_tag: Some(etag(&object.etag)),
                        is_latest: Some(*is_latest),
                        key: Some(show.name(key)),
                        last_modified: Some(timestamp(record.id.at())),
                        owner: Some(self.owner(&object.owner)),
                        size: Some(size(object.size)),
                        storage_class: Some(ObjectVersionStorageClass::from_static(
                            ObjectVersionStorageClass::STANDARD,
                        )),
                        version_id: Some(record.public_id()),
                        ..ObjectVersion::default()
                    }),
                    Kind::DeleteMarker { owner } => markers.push(DeleteMarkerEntry {
                        is_latest: Some(*is_latest),
                        key: Some(show.name(key)),
                        last_modified: Some(timestamp(record.id.at())),
                        owner: Some(self.owner(owner)),
                        version_id: Some(record.public_id()),
                    }),
                    Kind::Deleted => {}
                },
            }
        }
        let (next_key, next_version) = page.next.unzip();
        Ok(S3Response::new(ListObjectVersionsOutput {
            common_prefixes: Some(prefixes),
            delete_markers: Some(markers),
            delimiter: show.option(input.delimiter.as_ref().filter(|d| !d.is_empty())),
            encoding_type: show.encoding(),
            is_truncated: Some(next_key.is_some()),
            key_marker: Some(show.name(input.key_marker.as_deref().unwrap_or_default())),
            max_keys: Some(count(max_keys)),
            name: Some(input.bucket.clone()),
            next_key_marker: show.option(next_key.as_ref()),
            next_version_id_marker: next_version.flatten().map(|id| id.to_string()),
            prefix: Some(show.name(input.prefix.as_deref().unwrap_or_default())),
            version_id_marker: input.version_id_marker.clone(),
            versions: Some(versions),
            request_charged: None,
        }))
    }

    pub(super) async fn list_open_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let input = &req.input;
        let show = Show::new(input.encoding_type.as_ref())?;
        let max_uploads = limit(input.max_uploads)?;
        let allowed = self
            .allow(&req, &input.bucket, None, Action::LIST_UPLOADS)
            .await?;
        let key_marker = input.key_marker.clone().filter(|marker| !marker.is_empty());
        let id_marker = input
            .upload_id_marker
            .as_deref()
            .and_then(|id| id.parse().ok());
        let query = UploadQuery {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone(),
            after: key_marker.map(|key| (key, id_marker)),
            limit: max_uploads,
        };
        let page = self.gateway.list_uploads(&allowed.seen, &query).await?;
        let (next_key, next_id) = page.next.unzip();
        let uploads = page.uploads.iter().map(|upload| {
            let owner = self.owner(&upload.owner);
            MultipartUpload {
                initiated: Some(timestamp(upload.started)),
                initiator: Some(Initiator {
                    display_name: owner.display_name.clone(),
                    id: owner.id.clone(),
                }),
                key: Some(show.name(&upload.key)),
                owner: Some(owner),
                storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
                upload_id: Some(upload.id.to_string()),
                checksum_algorithm: upload.algorithm.map(super::convert::algorithm_name),
                checksum_type: None,
            }
        });
        let prefix = |prefix: &String| CommonPrefix {
            prefix: Some(show.name(prefix)),
        };
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(input.bucket.clone()),
            common_prefixes: Some(page.prefixes.iter().map(prefix).collect()),
            delimiter: show.option(input.delimiter.as_ref()),
            encoding_type: show.encoding(),
            is_truncated: Some(next_key.is_some()),
            key_marker: Some(show.name(input.key_marker.as_deref().unwrap_or_default())),
            max_uploads: Some(count(max_uploads)),
            next_key_marker: show.option(next_key.as_ref()),
            next_upload_id_marker: next_id.map(|id| id.to_string()),
            prefix: show.option(input.prefix.as_ref()),
            upload_id_marker: input.upload_id_marker.clone(),
            uploads: Some(uploads.collect()),
            request_charged: None,
        }))
    }
}
