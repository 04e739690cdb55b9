//! Bucket policies, and the decision on access: a policy's deny wins over everything, then the policy's allow, the
//! owner and the access control list each suffice. What nobody permits is denied.
//!
//! A policy with a part that is not understood is refused when it is put: a condition that is ignored would be a
//! door left open.

use std::{collections::BTreeMap, net::IpAddr};

use serde::Deserialize;

use super::acl::{Acl, Permission};

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// As policies name it.
    pub name: &'static str,
    /// The permission of the bucket's list that suffices.
    pub bucket: Option<Permission>,
    /// The permission of the object's list that suffices.
    pub object: Option<Permission>,
    /// Whether the owner of the bucket may do it without a grant.
    pub bucket_owner: bool,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $constant:ident $name:literal $bucket:expr, $object:expr, $owner:literal;)*) => {
        impl Action {
            $($(#[$doc])* pub const $constant: Self =
                Self { name: concat!("s3:", $name), bucket: $bucket, object: $object, bucket_owner: $owner };)*
        }
    };
}

actions! {
    /// List objects.
    LIST "ListBucket" Some(Permission::Read), None, true;
    /// List versions.
    LIST_VERSIONS "ListBucketVersions" Some(Permission::Read), None, true;
    /// List uploads.
    LIST_UPLOADS "ListBucketMultipartUploads" Some(Permission::Read), None, true;
    /// Write an object, or a part.
    PUT "PutObject" Some(Permission::Write), None, true;
    /// Delete an object.
    DELETE "DeleteObject" Some(Permission::Write), None, true;
    /// Delete a version.
    DELETE_VERSION "DeleteObjectVersion" None, None, true;
    /// Give an upload up.
    ABORT "AbortMultipartUpload" Some(Permission::Write), None, true;
    /// List parts.
    LIST_PARTS "ListMultipartUploadParts" Some(Permission::Write), None, true;
    /// Read an object.
    GET "GetObject" None, Some(Permission::Read), false;
    /// Read a version.
    GET_VERSION "GetObjectVersion" None, Some(Permission::Read), false;
    /// Read an object's list.
    GET_ACL "GetObjectAcl" None, Some(Permission::ReadAcp), false;
    /// Change an object's list.
    PUT_ACL "PutObjectAcl" None, Some(Permission::WriteAcp), false;
    /// Read an object's tags.
    GET_TAGS "GetObjectTagging" None, Some(Permission::Read), true;
    /// Change an object's tags.
    PUT_TAGS "PutObjectTagging" None, Some(Permission::FullControl), true;
    /// Remove an object's tags.
    DELETE_TAGS "DeleteObjectTagging" None, Some(Permission::FullControl), true;
    /// Read where a bucket is.
    LOCATION "GetBucketLocation" Some(Permission::Read), None, true;
    /// Read a bucket's list.
    GET_BUCKET_ACL "GetBucketAcl" Some(Permission::ReadAcp), None, true;
    /// Change a bucket's list.
    PUT_BUCKET_ACL "PutBucketAcl" Some(Permission::WriteAcp), None, true;
    /// Delete a bucket.
    DELETE_BUCKET "DeleteBucket" None, None, true;
    /// Read a bucket's policy.
    GET_POLICY "GetBucketPolicy" None, None, true;
    /// Change a bucket's policy.
    PUT_POLICY "PutBucketPolicy" None, None, true;
    /// Remove a bucket's policy.
    DELETE_POLICY "DeleteBucketPolicy" None, None, true;
    /// Read whether a bucket is public.
    GET_POLICY_STATUS "GetBucketPolicyStatus" None, None, true;
    /// Read a bucket's rules for browsers.
    GET_CORS "GetBucketCORS" None, None, true;
    /// Change a bucket's rules for browsers.
    PUT_CORS "PutBucketCORS" None, None, true;
    /// Read a bucket's tags.
    GET_BUCKET_TAGS "GetBucketTagging" None, None, true;
    /// Change a bucket's tags.
    PUT_BUCKET_TAGS "PutBucketTagging" None, None, true;
    /// Read when objects expire.
    GET_LIFECYCLE "GetLifecycleConfiguration" None, None, true;
    /// Change when objects expire.
    PUT_LIFECYCLE "PutLifecycleConfiguration" None, None, true;
    /// Read whether versions are kept.
    GET_VERSIONING "GetBucketVersioning" None, None, true;
    /// Change whether versions are kept.
    PUT_VERSIONING "PutBucketVersioning" None, None, true;
    /// Read what is blocked.
    GET_PUBLIC_ACCESS "GetBucketPublicAccessBlock" None, None, true;
    /// Change what is blocked.
    PUT_PUBLIC_ACCESS "PutBucketPublicAccessBlock" None, None, true;
    /// Read a setting that is never there.
    GET_OTHER "GetBucketOther" None, None, true;
}

/// A policy that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// It is not JSON of this form.
    #[error("the policy is not a policy document: {0}")]
    Json(#[from] serde_json::Error),
    /// It has no statement.
    #[error("the policy has no statement")]
    Empty,
    /// A part is not understood.
    #[error("the policy has {0}, which is not supported")]
    Unsupported(String),
    /// A resource is of another bucket.
    #[error("the policy has the resource {0}, which is not of this bucket")]
    Resource(String),
    /// An action is not one of S3.
    #[error("the policy has the action {0}, which is not one of S3")]
    Action(String),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Bool(bool),
    Number(i64),
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Bool(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Principal {
    Everybody(String),
    Named(BTreeMap<String, OneOrMany<String>>),
}

type Conditions = BTreeMap<String, BTreeMap<String, OneOrMany<Scalar>>>;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(default, rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    principal: Principal,
    #[serde(default)]
    action: Option<OneOrMany<String>>,
    #[serde(default)]
    not_action: Option<OneOrMany<String>>,
    #[serde(default)]
    resource: Option<OneOrMany<String>>,
    #[serde(default)]
    not_resource: Option<OneOrMany<String>>,
    #[serde(default)]
    condition: Conditions,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Document {
    #[serde(default, rename = "Version")]
    _version: Option<String>,
    #[serde(default, rename = "Id")]
    _id: Option<String>,
    statement: OneOrMany<Statement>,
}

/// A bucket's policy.
#[derive(Clone, Debug)]
pub struct Policy(Vec<Statement>);

/// What is known of a request.
#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    /// The tenant, unless nobody signed.
    pub tenant: Option<&'a str>,
    /// The bucket.
    pub bucket: &'a str,
    /// The key, if it is about an object.
    pub key: Option<&'a str>,
    /// Values that conditions may ask for, by their lower-case names.
    pub context: BTreeMap<String, String>,
}

/// Everything that a decision needs beside the request.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The bucket's owner.
    pub bucket_owner: &'a str,
    /// The bucket's list.
    pub bucket_acl: &'a Acl,
    /// The bucket's policy.
    pub policy: Option<&'a Policy>,
    /// What is blocked.
    pub block: PublicAccessBlock,
    /// The object's owner and list, if there is one.
    pub object: Option<(&'a str, &'a Acl)>,
}

/// What is refused of public access, whatever lists and policies say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are the four of S3")]
pub struct PublicAccessBlock {
    /// Lists that permit groups can't be put.
    pub block_public_acls: bool,
    /// Groups in lists don't count.
    pub ignore_public_acls: bool,
    /// Policies that permit everybody can't be put.
    pub block_public_policy: bool,
    /// Policies that permit everybody count for the owner only.
    pub restrict_public_buckets: bool,
}

impl Policy {
    /// A policy for this bucket.
    pub fn parse(text: &str, bucket: &str) -> Result<Self, Malformed> {
        let document: Document = serde_json::from_str(text)?;
        let statements = document.statement.as_slice().to_vec();
        if statements.is_empty() {
            return Err(Malformed::Empty);
        }
        statements
            .iter()
            .try_for_each(|statement| statement.check(bucket))?;
        Ok(Self(statements))
    }

    /// Whether it permits anything to everybody without a condition.
    pub fn is_public(&self) -> bool {
        self.0.iter().any(|statement| {
            statement.effect == Effect::Allow
                && statement.condition.is_empty()
                && statement.principal.is_everybody()
        })
    }

    fn says(&self, effect: Effect, action: Action, request: &Request<'_>) -> bool {
        self.0
            .iter()
            .any(|s| s.effect == effect && s.applies(action, request))
    }
}

impl Principal {
    fn names(&self) -> impl Iterator<Item = &str> {
        let (one, many) = match self {
            Self::Everybody(name) => (Some(name.as_str()), None),
            Self::Named(map) => (None, Some(map.values().flat_map(OneOrMany::as_slice))),
        };
        one.into_iter()
            .chain(many.into_iter().flatten().map(String::as_str))
    }

    fn is_everybody(&self) -> bool {
        self.names().any(|name| name == "*")
    }

    fn includes(&self, tenant: Option<&str>) -> bool {
        self.names().any(|name| {
            name == "*"
                || tenant.is_some_and(|tenant| {
                    name == tenant
                        || name.strip_prefix("arn:aws:iam::").is_some_and(|rest| {
                            rest == format!("{tenant}:root")
                                || rest.strip_prefix(":user/") == Some(tenant)
                                || rest
                                    .split_once(":user/")
                                    .is_some_and(|(account, _)| account == tenant)
                        })
                })
        })
    }
}

const OPERATORS: [&str; 18] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "Bool",
    "IpAddress",
    "NotIpAddress",
    "Null",
    "ArnEquals",
    "ArnLike",
];

impl Statement {
    fn check(&self, bucket: &str) -> Result<(), Malformed> {
        if self.action.is_some() == self.not_action.is_some() {
            return Err(Malformed::Unsupported(
                "a statement without one of Action and NotAction".to_owned(),
            ));
        }
        if self.resource.is_some() == self.not_resource.is_some() {
            return Err(Malformed::Unsupported(
                "a statement without one of Resource and NotResource".to_owned(),
            ));
        }
        if let Principal::Everybody(name) = &self.principal
            && name != "*"
        {
            return Err(Malformed::Unsupported(format!("the principal {name}")));
        }
        for action in [&self.action, &self.not_action]
            .into_iter()
            .flatten()
            .flat_map(OneOrMany::as_slice)
        {
            if action != "*"
                && !action
                    .get(..3)
                    .is_some_and(|start| start.eq_ignore_ascii_case("s3:"))
            {
                return Err(Malformed::Action(action.clone()));
            }
        }
        for resource in [&self.resource, &self.not_resource]
            .into_iter()
            .flatten()
            .flat_map(OneOrMany::as_slice)
        {
            let path = resource.strip_prefix("arn:aws:s3:::").unwrap_or(resource);
            let name = path.split('/').next().unwrap_or_default();
            if !is_like(name, bucket) {
                return Err(Malformed::Resource(resource.clone()));
            }
        }
        for operator in self.condition.keys() {
            let base = operator.strip_suffix("IfExists").unwrap_or(operator);
            if !OPERATORS.contains(&base) {
                return Err(Malformed::Unsupported(format!("the condition {operator}")));
            }
        }
        for (key, values) in self.condition.values().flatten() {
            if key.eq_ignore_ascii_case("aws:SourceIp")
                && values
                    .as_slice()
                    .iter()
                    .any(|value| Network::parse(&value.text()).is_none())
            {
                return Err(Malformed::Unsupported("an address that is none".to_owned()));
            }
        }
        Ok(())
    }

    fn applies(&self, action: Action, request: &Request<'_>) -> bool {
        let has = |list: &Option<OneOrMany<String>>, test: &dyn Fn(&str) -> bool| {
            list.as_ref()
                .map(|list| list.as_slice().iter().any(|item| test(item)))
        };
        let is_action = |pattern: &str| {
            is_like(
                &pattern.to_ascii_lowercase(),
                &action.name.to_ascii_lowercase(),
            )
        };
        let path = request.key.map_or_else(
            || request.bucket.to_owned(),
            |key| format!("{}/{key}", request.bucket),
        );
        let is_resource = |pattern: &str| {
            is_like(
                pattern.strip_prefix("arn:aws:s3:::").unwrap_or(pattern),
                &path,
            )
        };
        let named = has(&self.action, &is_action)
            .unwrap_or_else(|| !has(&self.not_action, &is_action).unwrap_or(true));
        let covered = has(&self.resource, &is_resource)
            .unwrap_or_else(|| !has(&self.not_resource, &is_resource).unwrap_or(true));
        named
            && covered
            && self.principal.includes(request.tenant)
            && self.condition.iter().all(|(operator, tests)| {
                tests.iter().all(|(key, values)| {
                    let found = request.context.get(&key.to_ascii_lowercase());
                    holds(operator, found.map(String::as_str), values.as_slice())
                })
            })
    }
}

fn holds(operator: &str, found: Option<&str>, values: &[Scalar]) -> bool {
    let (base, if_exists) = operator
        .strip_suffix("IfExists")
        .map_or((operator, false), |base| (base, true));
    let any = |test: &dyn Fn(&str, &str) -> bool| {
        found.is_some_and(|found| values.iter().any(|value| test(found, &value.text())))
    };
    if base == "Null" {
        return values
            .iter()
            .any(|value| (value.text() == "true") == found.is_none());
    }
    if found.is_none() && if_exists {
        return true;
    }
    let number = |text: &str| text.parse::<i64>().ok();
    let compare = |test: fn(i64, i64) -> bool| {
        any(&|a, b| number(a).zip(number(b)).is_some_and(|(a, b)| test(a, b)))
    };
    let within = || {
        any(&|a, b| {
            a.parse()
                .is_ok_and(|ip| Network::parse(b).is_some_and(|n| n.has(ip)))
        })
    };
    match base {
        "StringEquals" => any(&|a, b| a == b),
        "StringNotEquals" => !any(&|a, b| a == b),
        "StringEqualsIgnoreCase" | "Bool" => any(&|a, b| a.eq_ignore_ascii_case(b)),
        "StringNotEqualsIgnoreCase" => !any(&|a, b| a.eq_ignore_ascii_case(b)),
        "StringLike" | "ArnEquals" | "ArnLike" => any(&|a, b| is_like(b, a)),
        "StringNotLike" => !any(&|a, b| is_like(b, a)),
        "NumericEquals" => compare(|a, b| a == b),
        "NumericNotEquals" => !compare(|a, b| a == b),
        "NumericLessThan" => compare(|a, b| a < b),
        "NumericLessThanEquals" => compare(|a, b| a <= b),
        "NumericGreaterThan" => compare(|a, b| a > b),
        "NumericGreaterThanEquals" => compare(|a, b| a >= b),
        "IpAddress" => within(),
        "NotIpAddress" => !within(),
        _ => false,
    }
}

struct Network(IpAddr, u32);

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text
            .split_once('/')
            .map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().ok()?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(widest), |bits| bits.parse().ok())?;
        (bits <= widest).then_some(Self(address, bits))
    }

    fn has(&self, ip: IpAddr) -> bool {
        match (self.0, ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let mask = u32::MAX.checked_shl(32 - self.1).unwrap_or(0);
                u32::from(a) & mask == u32::from(b) & mask
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let mask = u128::MAX.checked_shl(128 - self.1).unwrap_or(0);
                u128::from(a) & mask == u128::from(b) & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Whether a text is like a pattern with `*` and `?`.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || text.get(t) == Some(c) => {
                p += 1;
                t += 1;
            }
            Some(_) | None => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern
        .get(p..)
        .unwrap_or_default()
        .iter()
        .all(|c| *c == '*')
}

/// Whether the request is permitted.
pub fn is_permitted(action: Action, request: &Request<'_>, subject: Subject<'_>) -> bool {
    let is_owner = request.tenant == Some(subject.bucket_owner);
    if let Some(policy) = subject.policy {
        if policy.says(Effect::Deny, action, request) {
            // The owner can always mend a policy that shuts everybody out.
            return is_owner && action.name.ends_with("BucketPolicy");
        }
        let is_restricted =
            subject.block.restrict_public_buckets && policy.is_public() && !is_owner;
        if !is_restricted && policy.says(Effect::Allow, action, request) {
            return true;
        }
    }
    let ignore_groups = subject.block.ignore_public_acls;
    let by_bucket = action
        .bucket
        .is_some_and(|p| subject.bucket_acl.permits(request.tenant, p, ignore_groups));
    let by_object = subject
        .object
        .zip(action.object)
        .is_some_and(|((owner, acl), wanted)| {
            // An owner who took all grants away can still give them back.
            let is_own = request.tenant == Some(owner)
                && matches!(wanted, Permission::ReadAcp | Permission::WriteAcp);
            is_own || acl.permits(request.tenant, wanted, ignore_groups)
        });
    (action.bucket_owner && is_owner) || by_bucket || by_object
}

#[cfg(test)]
mod tests {
    use super::{super::acl::Canned, *};

    const BUCKET: &str = "photos";

    fn parse(statement: &str) -> Result<Policy, Malformed> {
        Policy::parse(
            &format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#),
            BUCKET,
        )
    }

    fn permitted(
        policy: Option<&Policy>,
        who: Option<&str>,
        action: Action,
        key: Option<&str>,
    ) -> bool {
        let bucket_acl = Canned::Private.grants("owner", "owner");
        let subject = Subject {
            bucket_owner: "owner",
            bucket_acl: &bucket_acl,
            policy,
            block: PublicAccessBlock::default(),
            object: None,
        };
        let context = BTreeMap::from([
            ("aws:sourceip".to_owned(), "10.1.2.3".to_owned()),
            ("s3:prefix".to_owned(), "a/".to_owned()),
        ]);
        is_permitted(
            action,
            &Request {
                tenant: who,
                bucket: BUCKET,
                key,
                context,
            },
            subject,
        )
    }

    const PUBLIC: &str = r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::photos/*"}"#;

    #[test]
    fn what_nobody_permits_is_denied() {
        assert!(!permitted(None, None, Action::LIST, None));
        assert!(!permitted(None, Some("other"), Action::PUT, Some("k")));
        assert!(permitted(None, Some("owner"), Action::PUT, Some("k")));
    }

    #[test]
    fn a_policy_permits_what_it_names_only() {
        let policy = parse(PUBLIC).unwrap();
        assert!(policy.is_public() && permitted(Some(&policy), None, Action::GET, Some("k")));
        assert!(!permitted(Some(&policy), None, Action::LIST, None));
        assert!(!permitted(Some(&policy), None, Action::PUT, Some("k")));
    }

    #[test]
    fn a_deny_wins_but_the_owner_can_mend_the_policy() {
        let deny = r#"{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:*","Resource":["arn:aws:s3:::photos","arn:aws:s3:::photos/*"]}"#;
        let policy = parse(&format!("{PUBLIC},{deny}")).unwrap();
        assert!(!permitted(Some(&policy), None, Action::GET, Some("k")));
        assert!(!permitted(Some(&policy), Some("owner"), Action::LIST, None));
        assert!(permitted(
            Some(&policy),
            Some("owner"),
            Action::DELETE_POLICY,
            None
        ));
    }

    #[test]
    fn conditions_must_all_hold() {
        let with = |condition: &str| {
            let statement = format!(
                r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::t1:root"}},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::photos","Condition":{condition}}}"#
            );
            let policy = parse(&statement).unwrap();
            permitted(Some(&policy), Some("t1"), Action::LIST, None)
        };
        assert!(with(
            r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/8"]},"StringLike":{"s3:prefix":"a*"}}"#
        ));
        assert!(!with(r#"{"IpAddress":{"aws:SourceIp":"192.168.0.0/16"}}"#));
        assert!(!with(r#"{"StringEquals":{"s3:delimiter":"/"}}"#));
        assert!(with(r#"{"StringEqualsIfExists":{"s3:delimiter":"/"}}"#));
        assert!(with(r#"{"Null":{"s3:delimiter":"true"}}"#));
        assert!(!with(r#"{"NumericLessThan":{"s3:max-keys":10}}"#));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in [
            r#"{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::other/*"}"#,
            r#"{"Effect":"Allow","Principal":"*","Action":"ec2:*","Resource":"arn:aws:s3:::photos"}"#,
            r#"{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::photos","Condition":{"DateLessThan":{"a":"b"}}}"#,
            r#"{"Effect":"Allow","NotPrincipal":"*","Action":"s3:*","Resource":"arn:aws:s3:::photos"}"#,
            r#"{"Effect":"Allow","Principal":"*","Resource":"arn:aws:s3:::photos"}"#,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(Policy::parse("[]", BUCKET).is_err() && parse("").is_err());
    }

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (pattern, text, like) in [
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("s3:Get*", "s3:GetObject", true),
            ("*a*b", "xaxxb", true),
            ("a*", "ba", false),
        ] {
            assert_eq!(is_like(pattern, text), like, "{pattern} {text}");
        }
    }

    // P12 of the defects that this design excludes.
    #[test]
    fn p12_reading_a_bucket_is_not_reading_its_objects() {
        let acl = Canned::PublicRead.grants("owner", "owner");
        let private = Canned::Private.grants("writer", "owner");
        let subject = Subject {
            bucket_owner: "owner",
            bucket_acl: &acl,
            policy: None,
            block: PublicAccessBlock::default(),
            object: Some(("writer", &private)),
        };
        let by = |tenant| Request {
            tenant: Some(tenant),
            bucket: BUCKET,
            key: Some("k"),
            ..Request::default()
        };
        assert!(!is_permitted(Action::GET, &by("reader"), subject));
        assert!(is_permitted(Action::LIST, &by("reader"), subject));
        assert!(is_permitted(Action::GET, &by("writer"), subject));
    }

    #[test]
    fn blocked_public_access_ignores_groups_and_public_policies() {
        let policy = parse(PUBLIC).unwrap();
        let acl = Canned::PublicRead.grants("owner", "owner");
        let block = PublicAccessBlock {
            ignore_public_acls: true,
            restrict_public_buckets: true,
            ..PublicAccessBlock::default()
        };
        let subject = Subject {
            bucket_owner: "owner",
            bucket_acl: &acl,
            policy: Some(&policy),
            block,
            object: Some(("owner", &acl)),
        };
        let request = Request {
            bucket: BUCKET,
            key: Some("k"),
            ..Request::default()
        };
        assert!(!is_permitted(Action::GET, &request, subject));
        assert!(!is_permitted(Action::LIST, &request, subject));
    }
}
