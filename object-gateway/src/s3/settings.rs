//! Settings of buckets and objects: lists, policy, browsers' rules, tags, lifecycle, versioning, public access.

use std::collections::BTreeMap;

#[allow(
    clippy::wildcard_imports,
    reason = "the types of the protocol's messages"
)]
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::{
    Service,
    convert::{micros, timestamp},
    errors::{error, invalid},
    grants::asked,
    objects::check_public,
};
use crate::{
    core::{
        cors, lifecycle,
        policy::{self, Action},
        settings::Versioning,
        tags::{MAX_BUCKET_TAGS, MAX_OBJECT_TAGS, check},
    },
    ops::Error,
};

fn pairs(tags: &TagSet) -> impl Iterator<Item = (String, String)> + '_ {
    tags.iter().map(|tag| {
        (
            tag.key.clone().unwrap_or_default(),
            tag.value.clone().unwrap_or_default(),
        )
    })
}

fn tag_set(tags: &BTreeMap<String, String>) -> TagSet {
    let tag = |(key, value): (&String, &String)| Tag {
        key: Some(key.clone()),
        value: Some(value.clone()),
    };
    tags.iter().map(tag).collect()
}

impl Service {
    pub(super) async fn bucket_acl(
        &self,
        req: S3Request<GetBucketAclInput>,
    ) -> S3Result<S3Response<GetBucketAclOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::GET_BUCKET_ACL)
            .await?;
        let bucket = allowed.seen.bucket();
        Ok(S3Response::new(GetBucketAclOutput {
            grants: Some(self.show_acl(&bucket.acl)),
            owner: Some(self.owner(&bucket.owner)),
        }))
    }

    pub(super) async fn set_bucket_acl(
        &self,
        req: S3Request<PutBucketAclInput>,
    ) -> S3Result<S3Response<PutBucketAclOutput>> {
        let input = &req.input;
        let allowed = self
            .allow(&req, &input.bucket, None, Action::PUT_BUCKET_ACL)
            .await?;
        let owner = allowed.seen.bucket().owner.clone();
        let wanted = asked!(input, write: input.grant_write.as_deref(), policy: input.access_control_policy.as_ref());
        let acl = self.acl(&wanted, &owner, &owner)?;
        check_public(&allowed, &acl)?;
        self.gateway
            .change_bucket(&allowed.seen, |bucket| bucket.acl.clone_from(&acl))
            .await?;
        Ok(S3Response::new(PutBucketAclOutput::default()))
    }

    pub(super) async fn object_acl(
        &self,
        req: S3Request<GetObjectAclInput>,
    ) -> S3Result<S3Response<GetObjectAclOutput>> {
        let input = &req.input;
        let version = input.version_id.as_deref();
        let (_, located) = self
            .find(&req, &input.bucket, &input.key, version, Action::GET_ACL)
            .await?;
        let object = located.object()?;
        Ok(S3Response::new(GetObjectAclOutput {
            grants: Some(self.show_acl(&object.acl)),
            owner: Some(self.owner(&object.owner)),
            ..GetObjectAclOutput::default()
        }))
    }

    pub(super) async fn set_object_acl(
        &self,
        req: S3Request<PutObjectAclInput>,
    ) -> S3Result<S3Response<PutObjectAclOutput>> {
        let input = &req.input;
        let version = input.version_id.as_deref();
        let (allowed, located) = self
            .find(&req, &input.bucket, &input.key, version, Action::PUT_ACL)
            .await?;
        let owner = located.object()?.owner.clone();
        let wanted = asked!(input, write: input.grant_write.as_deref(), policy: input.access_control_policy.as_ref());
        let acl = self.acl(&wanted, &owner, &allowed.seen.bucket().owner)?;
        check_public(&allowed, &acl)?;
        self.gateway
            .amend(&located, |object| object.acl = acl)
            .await?;
        Ok(S3Response::new(PutObjectAclOutput::default()))
    }

    pub(super) async fn policy(
        &self,
        req: S3Request<GetBucketPolicyInput>,
    ) -> S3Result<S3Response<GetBucketPolicyOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::GET_POLICY)
            .await?;
        let policy = allowed.seen.bucket().policy.clone();
        let policy = policy
            .ok_or_else(|| error("NoSuchBucketPolicy", "The bucket policy does not exist"))?;
        Ok(S3Response::new(GetBucketPolicyOutput {
            policy: Some(policy),
        }))
    }

    pub(super) async fn set_policy(
        &self,
        req: S3Request<PutBucketPolicyInput>,
    ) -> S3Result<S3Response<PutBucketPolicyOutput>> {
        let input = &req.input;
        let allowed = self
            .allow(&req, &input.bucket, None, Action::PUT_POLICY)
            .await?;
        if input.policy.len() > 20 << 10 {
            return Err(error("MalformedPolicy", "The policy has more than 20 KiB"));
        }
        let parsed = policy::Policy::parse(&input.policy, &input.bucket)
            .map_err(|why| error("MalformedPolicy", why.to_string()))?;
        let block = allowed.seen.bucket().public_access.unwrap_or_default();
        if block.block_public_policy && parsed.is_public() {
            return Err(Error::AccessDenied.into());
        }
        self.gateway
            .change_bucket(&allowed.seen, |bucket| {
                bucket.policy = Some(input.policy.clone());
            })
            .await?;
        Ok(S3Response::with_status(
            PutBucketPolicyOutput::default(),
            http::StatusCode::NO_CONTENT,
        ))
    }

    pub(super) async fn remove_policy(
        &self,
        req: S3Request<DeleteBucketPolicyInput>,
    ) -> S3Result<S3Response<DeleteBucketPolicyOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::DELETE_POLICY)
            .await?;
        self.gateway
            .change_bucket(&allowed.seen, |bucket| bucket.policy = None)
            .await?;
        Ok(S3Response::with_status(
            DeleteBucketPolicyOutput::default(),
            http::StatusCode::NO_CONTENT,
        ))
    }

    pub(super) async fn policy_status(
        &self,
        req: S3Request<GetBucketPolicyStatusInput>,
    ) -> S3Result<S3Response<GetBucketPolicyStatusOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::GET_POLICY_STATUS)
            .await?;
        let bucket = allowed.seen.bucket();
        let policy = allowed.seen.policy()?;
        let by_policy = policy.is_some_and(policy::Policy::is_public);
        let is_public = Some(by_policy || bucket.acl.is_public());
        Ok(S3Response::new(GetBucketPolicyStatusOutput {
            policy_status: Some(PolicyStatus { is_public }),
        }))
    }

    pub(super) async fn cors(
        &self,
        req: S3Request<GetBucketCorsInput>,
    ) -> S3Result<S3Response<GetBucketCorsOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::GET_CORS)
            .await?;
        let rules = &allowed.seen.bucket().cors;
        if rules.is_empty() {
            return Err(error(
                "NoSuchCORSConfiguration",
                "The CORS configuration does not exist",
            ));
        }
        let rules = rules.iter().cloned().map(|rule| CORSRule {
            allowed_headers: (!rule.headers.is_empty()).then_some(rule.headers),
            allowed_methods: rule.methods,
            allowed_origins: rule.origins,
            expose_headers: (!rule.expose.is_empty()).then_some(rule.expose),
            id: rule.id,
            max_age_seconds: rule.max_age,
        });
        Ok(S3Response::new(GetBucketCorsOutput {
            cors_rules: Some(rules.collect()),
        }))
    }

    pub(super) async fn set_cors(
        &self,
        req: S3Request<PutBucketCorsInput>,
    ) -> S3Result<S3Response<PutBucketCorsOutput>> {
        let input = &req.input;
        let allowed = self
            .allow(&req, &input.bucket, None, Action::PUT_CORS)
            .await?;
        let rules: Vec<cors::Rule> = input
            .cors_configuration
            .cors_rules
            .iter()
            .map(|rule| cors::Rule {
                id: rule.id.clone(),
                origins: rule.allowed_origins.clone(),
                methods: rule.allowed_methods.clone(),
                headers: rule.allowed_headers.clone().unwrap_or_default(),
                expose: rule.expose_headers.clone().unwrap_or_default(),
                max_age: rule.max_age_seconds,
            })
            .collect();
        cors::check(&rules).map_err(|why| match why {
            cors::Invalid::Empty | cors::Invalid::Count => error("MalformedXML", why.to_string()),
            cors::Invalid::Method(_) | cors::Invalid::Wildcards(_) => {
                error("InvalidRequest", why.to_string())
            }
        })?;
        self.gateway
            .change_bucket(&allowed.seen, |bucket| bucket.cors.clone_from(&rules))
            .await?;
        Ok(S3Response::new(PutBucketCorsOutput::default()))
    }

    pub(super) async fn remove_cors(
        &self,
        req: S3Request<DeleteBucketCorsInput>,
    ) -> S3Result<S3Response<DeleteBucketCorsOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::PUT_CORS)
            .await?;
        self.gateway
            .change_bucket(&allowed.seen, |bucket| bucket.cors.clear())
            .await?;
        Ok(S3Response::with_status(
            DeleteBucketCorsOutput::default(),
            http::StatusCode::NO_CONTENT,
        ))
    }

    pub(super) async fn bucket_tags(
        &self,
        req: S3Request<GetBucketTaggingInput>,
    ) -> S3Result<S3Response<GetBucketTaggingOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::GET_BUCKET_TAGS)
            .await?;
        let tags = allowed.seen.bucket().tags.as_ref();
        let tags = tags.ok_or_else(|| error("NoSuchTagSet", "The TagSet does not exist"))?;
        Ok(S3Response::new(GetBucketTaggingOutput {
            tag_set: tag_set(tags),
        }))
    }

    pub(super) async fn set_bucket_tags(
        &self,
        req: S3Request<PutBucketTaggingInput>,
    ) -> S3Result<S3Response<PutBucketTaggingOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::PUT_BUCKET_TAGS)
            .await?;
        let tags = check(pairs(&req.input.tagging.tag_set), MAX_BUCKET_TAGS)
            .map_err(|why| error("InvalidTag", why.to_string()))?;
        self.gateway
            .change_bucket(&allowed.seen, |bucket| bucket.tags = Some(tags.clone()))
            .await?;
        Ok(S3Response::with_status(
            PutBucketTaggingOutput::default(),
            http::StatusCode::NO_CONTENT,
        ))
    }

    pub(super) async fn remove_bucket_tags(
        &self,
        req: S3Request<DeleteBucketTaggingInput>,
    ) -> S3Result<S3Response<DeleteBucketTaggingOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::PUT_BUCKET_TAGS)
            .await?;
        self.gateway
            .change_bucket(&allowed.seen, |bucket| bucket.tags = None)
            .await?;
        Ok(S3Response::with_status(
            DeleteBucketTaggingOutput::default(),
            http::StatusCode::NO_CONTENT,
        ))
    }

    pub(super) async fn object_tags(
        &self,
        req: S3Request<GetObjectTaggingInput>,
    ) -> S3Result<S3Response<GetObjectTaggingOutput>> {
        let input = &req.input;
        let version = input.version_id.as_deref();
        let (allowed, located) = self
            .find(&req, &input.bucket, &input.key, version, Action::GET_TAGS)
            .await?;
        let has_versions = allowed.seen.bucket().versioning != Versioning::Never;
        Ok(S3Response::new(GetObjectTaggingOutput {
            tag_set: tag_set(&located.object()?.tags),
            version_id: has_versions.then(|| located.record.public_id()),
        }))
    }

    pub(super) async fn set_object_tags(
        &self,
        req: S3Request<PutObjectTaggingInput>,
    ) -> S3Result<S3Response<PutObjectTaggingOutput>> {
        let input = &req.input;
        let version = input.version_id.as_deref();
        let (_, located) = self
            .find(&req, &input.bucket, &input.key, version, Action::PUT_TAGS)
            .await?;
        let tags = check(pairs(&input.tagging.tag_set), MAX_OBJECT_TAGS)
            .map_err(|why| error("InvalidTag", why.to_string()))?;
        self.gateway
            .amend(&located, |object| object.tags = tags)
            .await?;
        Ok(S3Response::new(PutObjectTaggingOutput::default()))
    }

    pub(super) async fn remove_object_tags(
        &self,
        req: S3Request<DeleteObjectTaggingInput>,
    ) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
        let input = &req.input;
        let version = input.version_id.as_deref();
        let (_, located) = self
            .find(
                &req,
                &input.bucket,
                &input.key,
                version,
                Action::DELETE_TAGS,
            )
            .await?;
        self.gateway
            .amend(&located, |object| object.tags.clear())
            .await?;
        Ok(S3Response::with_status(
            DeleteObjectTaggingOutput::default(),
            http::StatusCode::NO_CONTENT,
        ))
    }

    pub(super) async fn versioning(
        &self,
        req: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::GET_VERSIONING)
            .await?;
        let status = match allowed.seen.bucket().versioning {
            Versioning::Never => None,
            Versioning::Enabled => Some(BucketVersioningStatus::ENABLED),
            Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
        };
        Ok(S3Response::new(GetBucketVersioningOutput {
            status: status.map(BucketVersioningStatus::from_static),
            ..GetBucketVersioningOutput::default()
        }))
    }

    pub(super) async fn set_versioning(
        &self,
        req: S3Request<PutBucketVersioningInput>,
    ) -> S3Result<S3Response<PutBucketVersioningOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::PUT_VERSIONING)
            .await?;
        let configuration = &req.input.versioning_configuration;
        if configuration
            .mfa_delete
            .as_ref()
            .is_some_and(|mfa| mfa.as_str() == MFADelete::ENABLED)
        {
            return Err(error("NotImplemented", "MFA delete is not implemented."));
        }
        let next = match configuration
            .status
            .as_ref()
            .map(BucketVersioningStatus::as_str)
        {
            Some("Enabled") => Versioning::Enabled,
            Some("Suspended") => Versioning::Suspended,
            Some(_) | None => {
                return Err(error(
                    "IllegalVersioningConfigurationException",
                    "The versioning status is not valid",
                ));
            }
        };
        self.gateway
            .change_bucket(&allowed.seen, |bucket| bucket.versioning = next)
            .await?;
        Ok(S3Response::new(PutBucketVersioningOutput::default()))
    }

    pub(super) async fn public_access(
        &self,
        req: S3Request<GetPublicAccessBlockInput>,
    ) -> S3Result<S3Response<GetPublicAccessBlockOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::GET_PUBLIC_ACCESS)
            .await?;
        let block = allowed.seen.bucket().public_access.ok_or_else(|| {
            error(
                "NoSuchPublicAccessBlockConfiguration",
                "The public access block configuration was not found",
            )
        })?;
        Ok(S3Response::new(GetPublicAccessBlockOutput {
            public_access_block_configuration: Some(PublicAccessBlockConfiguration {
                block_public_acls: Some(block.block_public_acls),
                ignore_public_acls: Some(block.ignore_public_acls),
                block_public_policy: Some(block.block_public_policy),
                restrict_public_buckets: Some(block.restrict_public_buckets),
            }),
        }))
    }

    pub(super) async fn set_public_access(
        &self,
        req: S3Request<PutPublicAccessBlockInput>,
    ) -> S3Result<S3Response<PutPublicAccessBlockOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::PUT_PUBLIC_ACCESS)
            .await?;
        let asked = &req.input.public_access_block_configuration;
        let block = policy::PublicAccessBlock {
            block_public_acls: asked.block_public_acls.unwrap_or(false),
            ignore_public_acls: asked.ignore_public_acls.unwrap_or(false),
            block_public_policy: asked.block_public_policy.unwrap_or(false),
            restrict_public_buckets: asked.restrict_public_buckets.unwrap_or(false),
        };
        self.gateway
            .change_bucket(&allowed.seen, |bucket| bucket.public_access = Some(block))
            .await?;
        Ok(S3Response::new(PutPublicAccessBlockOutput::default()))
    }

    pub(super) async fn remove_public_access(
        &self,
        req: S3Request<DeletePublicAccessBlockInput>,
    ) -> S3Result<S3Response<DeletePublicAccessBlockOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::PUT_PUBLIC_ACCESS)
            .await?;
        self.gateway
            .change_bucket(&allowed.seen, |bucket| bucket.public_access = None)
            .await?;
        let output = DeletePublicAccessBlockOutput::default();
        Ok(S3Response::with_status(
            output,
            http::StatusCode::NO_CONTENT,
        ))
    }

    pub(super) async fn lifecycle(
        &self,
        req: S3Request<GetBucketLifecycleConfigurationInput>,
    ) -> S3Result<S3Response<GetBucketLifecycleConfigurationOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::GET_LIFECYCLE)
            .await?;
        let rules = &allowed.seen.bucket().lifecycle;
        if rules.is_empty() {
            return Err(error(
                "NoSuchLifecycleConfiguration",
                "The lifecycle configuration does not exist",
            ));
        }
        Ok(S3Response::new(GetBucketLifecycleConfigurationOutput {
            rules: Some(rules.iter().map(show_rule).collect()),
            ..GetBucketLifecycleConfigurationOutput::default()
        }))
    }

    pub(super) async fn set_lifecycle(
        &self,
        req: S3Request<PutBucketLifecycleConfigurationInput>,
    ) -> S3Result<S3Response<PutBucketLifecycleConfigurationOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::PUT_LIFECYCLE)
            .await?;
        let configuration = req.input.lifecycle_configuration.as_ref();
        let malformed = || error("MalformedXML", "The XML you provided was not well-formed");
        let asked = &configuration.ok_or_else(malformed)?.rules;
        let rules = asked
            .iter()
            .enumerate()
            .map(|(at, rule)| read_rule(at, rule));
        let rules: Vec<lifecycle::Rule> = rules.collect::<S3Result<_>>()?;
        lifecycle::check(&rules).map_err(|why| match why {
            lifecycle::Invalid::Count | lifecycle::Invalid::Nothing(_) => {
                error("MalformedXML", why.to_string())
            }
            lifecycle::Invalid::Id(_)
            | lifecycle::Invalid::LongId
            | lifecycle::Invalid::Days
            | lifecycle::Invalid::Date => invalid(why.to_string()),
        })?;
        self.gateway
            .change_bucket(&allowed.seen, |bucket| bucket.lifecycle.clone_from(&rules))
            .await?;
        Ok(S3Response::new(
            PutBucketLifecycleConfigurationOutput::default(),
        ))
    }

    pub(super) async fn remove_lifecycle(
        &self,
        req: S3Request<DeleteBucketLifecycleInput>,
    ) -> S3Result<S3Response<DeleteBucketLifecycleOutput>> {
        let allowed = self
            .allow(&req, &req.input.bucket, None, Action::PUT_LIFECYCLE)
            .await?;
        self.gateway
            .change_bucket(&allowed.seen, |bucket| bucket.lifecycle.clear())
            .await?;
        let output = DeleteBucketLifecycleOutput::default();
        Ok(S3Response::with_status(
            output,
            http::StatusCode::NO_CONTENT,
        ))
    }
}

fn days(days: Option<i32>) -> S3Result<Option<u32>> {
    let positive = || invalid("days must be positive");
    days.map(|days| u32::try_from(days).map_err(|_| positive()))
        .transpose()
}

fn bytes(bytes: Option<i64>) -> Option<u64> {
    bytes.and_then(|bytes| u64::try_from(bytes).ok())
}

fn read_rule(at: usize, rule: &LifecycleRule) -> S3Result<lifecycle::Rule> {
    if rule
        .transitions
        .as_ref()
        .is_some_and(|list| !list.is_empty())
        || rule
            .noncurrent_version_transitions
            .as_ref()
            .is_some_and(|list| !list.is_empty())
    {
        return Err(error(
            "NotImplemented",
            "Transitions are not implemented: there is one storage class.",
        ));
    }
    let enabled = match rule.status.as_str() {
        "Enabled" => true,
        "Disabled" => false,
        _ => {
            return Err(error(
                "MalformedXML",
                "The XML you provided was not well-formed",
            ));
        }
    };
    let mut filter = lifecycle::Filter::default();
    if let Some(asked) = &rule.filter {
        let and = asked.and.as_ref();
        let prefix = and
            .and_then(|and| and.prefix.clone())
            .or_else(|| asked.prefix.clone());
        filter.prefix = prefix.unwrap_or_default();
        let tags = and.and_then(|and| and.tags.clone()).unwrap_or_default();
        filter.tags = pairs(&tags).collect();
        if let Some(tag) = &asked.tag {
            filter.tags.extend(pairs(&vec![tag.clone()]));
        }
        let larger = and.and_then(|and| and.object_size_greater_than);
        filter.larger_than = bytes(larger.or(asked.object_size_greater_than));
        let smaller = and.and_then(|and| and.object_size_less_than);
        filter.smaller_than = bytes(smaller.or(asked.object_size_less_than));
    } else if let Some(prefix) = &rule.prefix {
        filter.prefix.clone_from(prefix);
    }
    let expiration = rule.expiration.as_ref();
    let when = match expiration {
        None => None,
        Some(expiration) => match (
            days(expiration.days)?,
            expiration.date.as_ref().and_then(micros),
        ) {
            (Some(_), Some(_)) => return Err(invalid("Days and Date can't both be given")),
            (Some(days), None) => Some(lifecycle::When::Days(days)),
            (None, Some(date)) => Some(lifecycle::When::Date(date)),
            (None, None) => None,
        },
    };
    let noncurrent = rule.noncurrent_version_expiration.as_ref();
    let abort = rule.abort_incomplete_multipart_upload.as_ref();
    Ok(lifecycle::Rule {
        id: rule.id.clone().unwrap_or_else(|| format!("rule-{at}")),
        enabled,
        old_prefix: rule.filter.is_none() && rule.prefix.is_some(),
        filter,
        expiration: when,
        expired_marker: expiration
            .and_then(|e| e.expired_object_delete_marker)
            .unwrap_or(false),
        noncurrent_days: days(noncurrent.and_then(|n| n.noncurrent_days))?,
        noncurrent_kept: days(noncurrent.and_then(|n| n.newer_noncurrent_versions))?,
        abort_days: days(abort.and_then(|abort| abort.days_after_initiation))?,
    })
}

fn show_rule(rule: &lifecycle::Rule) -> LifecycleRule {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let size = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let filter = &rule.filter;
    let parts = usize::from(!filter.prefix.is_empty())
        + filter.tags.len()
        + usize::from(filter.larger_than.is_some())
        + usize::from(filter.smaller_than.is_some());
    let prefix = Some(filter.prefix.clone()).filter(|prefix| !prefix.is_empty() || parts == 0);
    let shown = if parts > 1 {
        LifecycleRuleFilter {
            and: Some(LifecycleRuleAndOperator {
                object_size_greater_than: filter.larger_than.map(size),
                object_size_less_than: filter.smaller_than.map(size),
                prefix,
                tags: (!filter.tags.is_empty()).then(|| tag_set(&filter.tags)),
            }),
            ..LifecycleRuleFilter::default()
        }
    } else {
        LifecycleRuleFilter {
            object_size_greater_than: filter.larger_than.map(size),
            object_size_less_than: filter.smaller_than.map(size),
            prefix,
            tag: tag_set(&filter.tags).into_iter().next(),
            ..LifecycleRuleFilter::default()
        }
    };
    let has_expiration = rule.expiration.is_some() || rule.expired_marker;
    let (days, date) = match rule.expiration {
        None => (None, None),
        Some(lifecycle::When::Days(days)) => (Some(number(days)), None),
        Some(lifecycle::When::Date(date)) => (None, Some(timestamp(date))),
    };
    LifecycleRule {
        abort_incomplete_multipart_upload: rule.abort_days.map(|days| {
            AbortIncompleteMultipartUpload {
                days_after_initiation: Some(number(days)),
            }
        }),
        expiration: has_expiration.then(|| LifecycleExpiration {
            date,
            days,
            expired_object_delete_marker: rule.expired_marker.then_some(true),
        }),
        filter: (!rule.old_prefix).then_some(shown),
        id: Some(rule.id.clone()),
        noncurrent_version_expiration: rule.noncurrent_days.map(|days| {
            NoncurrentVersionExpiration {
                newer_noncurrent_versions: rule.noncurrent_kept.map(number),
                noncurrent_days: Some(number(days)),
            }
        }),
        noncurrent_version_transitions: None,
        prefix: rule.old_prefix.then(|| filter.prefix.clone()),
        status: ExpirationStatus::from_static(if rule.enabled {
            ExpirationStatus::ENABLED
        } else {
            ExpirationStatus::DISABLED
        }),
        transitions: None,
    }
}
