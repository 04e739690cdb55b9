//! Access control lists as clients send and see them.

use s3s::{
    S3Result,
    dto::{
        AccessControlPolicy, Grant as WireGrant, Grantee as WireGrantee,
        Permission as WirePermission, Type,
    },
};

use super::{
    Service,
    errors::{error, invalid},
};
use crate::core::acl::{Acl, Canned, Grant, Grantee, Permission};

const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

/// How many grants a list may have.
const MAX_GRANTS: usize = 100;

/// What a request says of a list.
pub(super) struct Asked<'a> {
    pub(super) canned: Option<&'a str>,
    pub(super) full_control: Option<&'a str>,
    pub(super) read: Option<&'a str>,
    pub(super) write: Option<&'a str>,
    pub(super) read_acp: Option<&'a str>,
    pub(super) write_acp: Option<&'a str>,
    pub(super) policy: Option<&'a AccessControlPolicy>,
}

impl<'a> Asked<'a> {
    /// With `x-amz-grant-write`, which only buckets and changes of lists have.
    pub(super) fn write(self, write: Option<&'a str>) -> Self {
        Self { write, ..self }
    }

    /// With a list as body.
    pub(super) fn policy(self, policy: Option<&'a AccessControlPolicy>) -> Self {
        Self { policy, ..self }
    }
}

/// The headers that a message has for lists.
macro_rules! asked {
    ($input:expr $(, $extra:ident: $value:expr)*) => {
        $crate::s3::grants::Asked {
            canned: $input.acl.as_ref().map(|acl| acl.as_str()),
            full_control: $input.grant_full_control.as_deref(),
            read: $input.grant_read.as_deref(),
            read_acp: $input.grant_read_acp.as_deref(),
            write_acp: $input.grant_write_acp.as_deref(),
            write: None,
            policy: None,
        }
        $(.$extra($value))*
    };
}
pub(super) use asked;

impl Service {
    /// The list that a request asks for; private if it says nothing.
    pub(super) fn acl(&self, asked: &Asked<'_>, owner: &str, bucket_owner: &str) -> S3Result<Acl> {
        let headers = [
            (asked.full_control, Permission::FullControl),
            (asked.read, Permission::Read),
            (asked.write, Permission::Write),
            (asked.read_acp, Permission::ReadAcp),
            (asked.write_acp, Permission::WriteAcp),
        ];
        let has_headers = headers.iter().any(|(header, _)| header.is_some());
        let ways = [asked.canned.is_some(), has_headers, asked.policy.is_some()];
        if ways.iter().filter(|way| **way).count() > 1 {
            return Err(error(
                "InvalidRequest",
                "Specifying both Canned ACLs and Header Grants or a body is not allowed",
            ));
        }
        let acl = if let Some(policy) = asked.policy {
            self.read_policy(policy, owner)?
        } else if has_headers {
            let mut grants = Vec::new();
            for (header, permission) in headers {
                for grantee in header.into_iter().flat_map(|header| header.split(',')) {
                    grants.push(Grant {
                        grantee: self.read_header(grantee.trim())?,
                        permission,
                    });
                }
            }
            Acl(grants)
        } else {
            let canned = asked.canned.map_or(Some(Canned::Private), Canned::parse);
            canned
                .ok_or_else(|| invalid("unknown canned ACL"))?
                .grants(owner, bucket_owner)
        };
        if acl.0.len() > MAX_GRANTS {
            return Err(error("MalformedACLError", "too many grants"));
        }
        Ok(acl)
    }

    fn read_header(&self, text: &str) -> S3Result<Grantee> {
        let (kind, value) = text
            .split_once('=')
            .ok_or_else(|| invalid("Argument format not recognized"))?;
        let value = value.trim().trim_matches('"');
        match kind.trim().to_ascii_lowercase().as_str() {
            "id" => self.named(value),
            "uri" => group(value),
            "emailaddress" => Err(no_email()),
            _ => Err(invalid("Argument format not recognized")),
        }
    }

    fn named(&self, name: &str) -> S3Result<Grantee> {
        let tenant = self
            .keys
            .tenant(name)
            .ok_or_else(|| invalid("Invalid id"))?;
        Ok(Grantee::Tenant(tenant.name))
    }

    fn read_policy(&self, policy: &AccessControlPolicy, owner: &str) -> S3Result<Acl> {
        if let Some(named) = policy.owner.as_ref().and_then(|owner| owner.id.as_deref())
            && named != owner
        {
            return Err(error("AccessDenied", "the owner can't be changed"));
        }
        let malformed = || {
            error(
                "MalformedACLError",
                "The XML you provided was not well-formed",
            )
        };
        let mut grants = Vec::new();
        for grant in policy.grants.iter().flatten() {
            let grantee = grant.grantee.as_ref().ok_or_else(malformed)?;
            let grantee = match grantee.type_.as_str() {
                "CanonicalUser" => self.named(grantee.id.as_deref().ok_or_else(malformed)?)?,
                "Group" => group(grantee.uri.as_deref().ok_or_else(malformed)?)?,
                "AmazonCustomerByEmail" => return Err(no_email()),
                _ => return Err(malformed()),
            };
            let permission = match grant.permission.as_ref().map(WirePermission::as_str) {
                Some("FULL_CONTROL") => Permission::FullControl,
                Some("READ") => Permission::Read,
                Some("WRITE") => Permission::Write,
                Some("READ_ACP") => Permission::ReadAcp,
                Some("WRITE_ACP") => Permission::WriteAcp,
                Some(_) | None => return Err(malformed()),
            };
            grants.push(Grant {
                grantee,
                permission,
            });
        }
        Ok(Acl(grants))
    }

    /// A list as clients see it.
    pub(super) fn show_acl(&self, acl: &Acl) -> Vec<WireGrant> {
        let of_group = |uri: &str| WireGrantee {
            display_name: None,
            email_address: None,
            id: None,
            type_: Type::from_static("Group"),
            uri: Some(uri.to_owned()),
        };
        acl.0
            .iter()
            .map(|grant| {
                let grantee = match &grant.grantee {
                    Grantee::Tenant(name) => {
                        let owner = self.owner(name);
                        WireGrantee {
                            display_name: owner.display_name,
                            email_address: None,
                            id: owner.id,
                            type_: Type::from_static("CanonicalUser"),
                            uri: None,
                        }
                    }
                    Grantee::AllUsers => of_group(ALL_USERS),
                    Grantee::AuthenticatedUsers => of_group(AUTHENTICATED),
                    Grantee::LogDelivery => of_group(LOG_DELIVERY),
                };
                let permission = match grant.permission {
                    Permission::FullControl => "FULL_CONTROL",
                    Permission::Read => "READ",
                    Permission::Write => "WRITE",
                    Permission::ReadAcp => "READ_ACP",
                    Permission::WriteAcp => "WRITE_ACP",
                };
                WireGrant {
                    grantee: Some(grantee),
                    permission: Some(WirePermission::from_static(permission)),
                }
            })
            .collect()
    }
}

fn group(uri: &str) -> S3Result<Grantee> {
    match uri {
        ALL_USERS => Ok(Grantee::AllUsers),
        AUTHENTICATED => Ok(Grantee::AuthenticatedUsers),
        LOG_DELIVERY => Ok(Grantee::LogDelivery),
        _ => Err(invalid("Invalid group uri")),
    }
}

fn no_email() -> s3s::S3Error {
    error(
        "UnresolvableGrantByEmailAddress",
        "tenants have no e-mail address here: use their id",
    )
}
