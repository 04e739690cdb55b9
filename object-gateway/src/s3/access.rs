//! Who asks, and whether that is permitted. An operation gets its bucket from here only, so that none forgets to ask.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use s3s::{
    S3Request, S3Result,
    access::{S3Access, S3AccessContext},
};

use super::Service;
use crate::{
    core::{
        policy::{Action, Request, Subject, is_permitted},
        rate::Allowance,
    },
    keys::{Keyring, Tenant},
    ops::{Error, Gateway, Located, Seen},
};

/// What is known of a request before it is parsed, and what becomes known.
#[derive(Debug, Default)]
pub struct RequestInfo {
    /// Whence it came.
    pub address: Option<IpAddr>,
    /// Whether by TLS.
    pub secure: bool,
    /// The operation and the access key, once they are known.
    pub known: Mutex<Known>,
}

/// What becomes known of a request.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The operation.
    pub operation: Option<String>,
    /// The access key, which is no secret.
    pub access_key: Option<String>,
    /// The bucket.
    pub bucket: Option<String>,
}

impl RequestInfo {
    /// What has become known.
    pub fn known(&self) -> Known {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Notes what a request is, and refuses it if its tenant makes too many. Whether it is permitted is asked by each
/// operation, which knows the object.
pub struct Hook {
    keys: Arc<Keyring>,
    gateway: Arc<Gateway>,
    allowances: Mutex<BTreeMap<String, Allowance>>,
}

impl Hook {
    /// For these tenants.
    pub fn new(keys: Arc<Keyring>, gateway: Arc<Gateway>) -> Self {
        Self {
            keys,
            gateway,
            allowances: Mutex::default(),
        }
    }

    fn may_go_on(&self, access_key: &str) -> bool {
        let Some(tenant) = self.keys.tenant_of(access_key) else {
            return true;
        };
        let Some(rate) = tenant.requests_per_second else {
            return true;
        };
        let now = self.gateway.now();
        let mut allowances = self
            .allowances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let full = Allowance::full(rate, now);
        allowances
            .entry(tenant.name)
            .or_insert(full)
            .take(rate, now)
    }
}

#[async_trait::async_trait]
impl S3Access for Hook {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let known = Known {
            operation: Some(context.s3_op().name().to_owned()),
            access_key: context.credentials().map(|c| c.access_key.clone()),
            bucket: context.s3_path().get_bucket_name().map(str::to_owned),
        };
        let may = known
            .access_key
            .as_deref()
            .is_none_or(|key| self.may_go_on(key));
        if let Some(info) = context.extensions_mut().get::<Arc<RequestInfo>>() {
            *info.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        }
        if may {
            Ok(())
        } else {
            Err(Error::SlowDown.into())
        }
    }
}

/// A request that may go on.
pub(super) struct Allowed {
    pub(super) seen: Seen,
    pub(super) who: Option<Tenant>,
}

impl Allowed {
    /// Who owns what is written now: nobody's objects are the bucket owner's.
    pub(super) fn owner(&self) -> String {
        let bucket = &self.seen.bucket().owner;
        self.who
            .as_ref()
            .map_or_else(|| bucket.clone(), |tenant| tenant.name.clone())
    }
}

impl Service {
    /// Who signed.
    pub(super) fn who<T>(&self, request: &S3Request<T>) -> Option<Tenant> {
        self.keys
            .tenant_of(&request.credentials.as_ref()?.access_key)
    }

    /// Who signed; somebody must have.
    pub(super) fn somebody<T>(&self, request: &S3Request<T>) -> S3Result<Tenant> {
        self.who(request).ok_or_else(|| Error::AccessDenied.into())
    }

    /// The bucket, if this may be done with it.
    pub(super) async fn allow<T: Sync>(
        &self,
        request: &S3Request<T>,
        bucket: &str,
        key: Option<&str>,
        action: Action,
    ) -> S3Result<Allowed> {
        let allowed = self.enter(request, bucket).await?;
        if Self::permits(request, &allowed, key, action, None)? {
            Ok(allowed)
        } else {
            Err(Error::AccessDenied.into())
        }
    }

    /// The bucket, before it is known whether anything is permitted.
    pub(super) async fn enter<T: Sync>(
        &self,
        request: &S3Request<T>,
        bucket: &str,
    ) -> S3Result<Allowed> {
        let who = self.who(request);
        let seen = self.gateway.bucket(bucket).await?;
        Ok(Allowed { seen, who })
    }

    /// The object, if this may be done with it.
    pub(super) async fn find<T: Sync>(
        &self,
        request: &S3Request<T>,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        action: Action,
    ) -> S3Result<(Allowed, Located)> {
        let allowed = self.enter(request, bucket).await?;
        match self.gateway.locate(&allowed.seen, key, version).await {
            // A delete marker has no list of its own.
            Ok(located) if located.record.object().is_none() => {
                let may_know = Self::permits(request, &allowed, None, Action::LIST, None)?;
                if may_know {
                    Ok((allowed, located))
                } else {
                    Err(Error::AccessDenied.into())
                }
            }
            Ok(located) => {
                if Self::permits(request, &allowed, Some(key), action, Some(&located))? {
                    Ok((allowed, located))
                } else {
                    Err(Error::AccessDenied.into())
                }
            }
            // Whether something is there is told to those only who may list.
            Err(missing @ (Error::NoSuchKey(_) | Error::NoSuchVersion)) => {
                let may_know = Self::permits(request, &allowed, None, Action::LIST, None)?;
                Err(if may_know {
                    missing
                } else {
                    Error::AccessDenied
                }
                .into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether something is permitted.
    pub(super) fn permits<T>(
        request: &S3Request<T>,
        allowed: &Allowed,
        key: Option<&str>,
        action: Action,
        object: Option<&Located>,
    ) -> S3Result<bool> {
        let bucket = allowed.seen.bucket();
        let policy = allowed.seen.policy()?;
        let mut context = if policy.is_some() {
            context_of(request)
        } else {
            BTreeMap::new()
        };
        let found = object.and_then(|located| located.record.object());
        for (tag, value) in found.into_iter().flat_map(|object| &object.tags) {
            let name = format!("s3:existingobjecttag/{}", tag.to_ascii_lowercase());
            context.insert(name, value.clone());
        }
        let asked = Request {
            tenant: allowed.who.as_ref().map(|tenant| tenant.name.as_str()),
            bucket: &bucket.name,
            key,
            context,
        };
        let subject = Subject {
            bucket_owner: &bucket.owner,
            bucket_acl: &bucket.acl,
            policy,
            block: bucket.public_access.unwrap_or_default(),
            object: found.map(|object| (object.owner.as_str(), &object.acl)),
        };
        Ok(is_permitted(action, &asked, subject))
    }
}

// What conditions of policies may ask for.
fn context_of<T>(request: &S3Request<T>) -> BTreeMap<String, String> {
    let mut context = BTreeMap::new();
    let header = |name: &str| {
        request
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    for (key, name) in [
        ("aws:useragent", "user-agent"),
        ("aws:referer", "referer"),
        ("s3:x-amz-acl", "x-amz-acl"),
        ("s3:x-amz-copy-source", "x-amz-copy-source"),
        ("s3:x-amz-metadata-directive", "x-amz-metadata-directive"),
        ("s3:x-amz-storage-class", "x-amz-storage-class"),
    ] {
        if let Some(value) = header(name) {
            context.insert(key.to_owned(), value.to_owned());
        }
    }
    let query = request.uri.query().unwrap_or_default();
    for (name, value) in crate::core::tags::parse_header(query) {
        let key = match name.as_str() {
            "prefix" => "s3:prefix",
            "delimiter" => "s3:delimiter",
            "max-keys" => "s3:max-keys",
            "versionId" => "s3:versionid",
            _ => continue,
        };
        context.insert(key.to_owned(), value);
    }
    if let Some(info) = request.extensions.get::<Arc<RequestInfo>>() {
        context.insert("aws:securetransport".to_owned(), info.secure.to_string());
        if let Some(address) = info.address {
            context.insert("aws:sourceip".to_owned(), address.to_string());
        }
    }
    context
}
