//! Buckets: list, create, head, delete, location.

#[allow(
    clippy::wildcard_imports,
    reason = "the types of the protocol's messages"
)]
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::{Service, convert::timestamp, errors::error, grants::asked};
use crate::core::{policy::Action, settings};

impl Service {
    pub(super) async fn list_own_buckets(
        &self,
        req: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let tenant = self.somebody(&req)?;
        let prefix = req.input.prefix.clone().unwrap_or_default();
        let after = req.input.continuation_token.clone().unwrap_or_default();
        let limit = usize::try_from(req.input.max_buckets.unwrap_or(10_000)).unwrap_or(10_000);
        let own = self.gateway.buckets_of(&tenant.name).await?;
        let mut rest = own
            .into_iter()
            .filter(|b| b.name.starts_with(&prefix) && b.name > after);
        let shown: Vec<Bucket> = rest
            .by_ref()
            .take(limit)
            .map(|bucket| Bucket {
                creation_date: Some(timestamp(bucket.created)),
                name: Some(bucket.name),
                bucket_region: None,
            })
            .collect();
        let last = shown.last().and_then(|bucket| bucket.name.clone());
        let token = rest.next().and(last);
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(shown),
            owner: Some(self.owner(&tenant.name)),
            continuation_token: token,
            prefix: req.input.prefix,
        }))
    }

    pub(super) async fn create(
        &self,
        req: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let tenant = self.somebody(&req)?;
        let input = &req.input;
        if input.object_lock_enabled_for_bucket == Some(true) {
            return Err(error("NotImplemented", "Object lock is not implemented."));
        }
        let asked_region = input
            .create_bucket_configuration
            .as_ref()
            .and_then(|configuration| configuration.location_constraint.as_ref())
            .map_or("", BucketLocationConstraint::as_str);
        if !asked_region.is_empty() && !asked_region.eq_ignore_ascii_case(&self.region) {
            return Err(error(
                "InvalidLocationConstraint",
                "The specified location-constraint is not valid",
            ));
        }
        let wanted = asked!(input, write: input.grant_write.as_deref());
        let acl = self.acl(&wanted, &tenant.name, &tenant.name)?;
        let bucket = settings::Bucket {
            name: input.bucket.clone(),
            owner: tenant.name,
            acl,
            ..settings::Bucket::default()
        };
        self.gateway.create_bucket(bucket).await?;
        let location = Some(format!("/{}", input.bucket));
        Ok(S3Response::new(CreateBucketOutput { location }))
    }

    pub(super) async fn head_one_bucket(
        &self,
        req: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.allow(&req, &req.input.bucket, None, Action::LIST)
            .await?;
        Ok(S3Response::new(HeadBucketOutput {
            bucket_region: Some(self.region.to_string()),
            ..HeadBucketOutput::default()
        }))
    }

    pub(super) async fn delete_one_bucket(
        &self,
        req: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::DELETE_BUCKET)
            .await?;
        self.gateway.delete_bucket(&allowed.seen).await?;
        Ok(S3Response::with_status(
            DeleteBucketOutput::default(),
            http::StatusCode::NO_CONTENT,
        ))
    }

    pub(super) async fn location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.allow(&req, &req.input.bucket, None, Action::LOCATION)
            .await?;
        // The oldest region has no name here.
        let region = Some(&*self.region).filter(|region| *region != "us-east-1");
        Ok(S3Response::new(GetBucketLocationOutput {
            location_constraint: region
                .map(|region| BucketLocationConstraint::from(region.to_owned())),
        }))
    }
}
