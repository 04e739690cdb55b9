//! Access control lists: who may do what, as grants.

use serde::{Deserialize, Serialize};

/// Whom a grant is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grantee {
    /// One tenant.
    Tenant(String),
    /// Everybody, without a signature too.
    AllUsers,
    /// Every tenant.
    AuthenticatedUsers,
    /// The group that AWS delivers logs as; it is kept, nobody is in it.
    LogDelivery,
}

/// What a grant permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Permission {
    /// All of the others.
    FullControl,
    /// List a bucket, read an object.
    Read,
    /// Write and delete objects in a bucket.
    Write,
    /// Read the list itself.
    ReadAcp,
    /// Change the list itself.
    WriteAcp,
}

/// One grant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// Whom it is for.
    pub grantee: Grantee,
    /// What it permits.
    pub permission: Permission,
}

/// All grants of a bucket or an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Acl(pub Vec<Grant>);

/// Lists that have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canned {
    /// The owner only.
    Private,
    /// Everybody may read.
    PublicRead,
    /// Everybody may read and write.
    PublicReadWrite,
    /// Every tenant may read.
    AuthenticatedRead,
    /// The bucket's owner may read.
    BucketOwnerRead,
    /// The bucket's owner may do everything.
    BucketOwnerFullControl,
    /// Logs may be delivered.
    LogDeliveryWrite,
}

impl Canned {
    /// From `x-amz-acl`.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "private" => Self::Private,
            "public-read" => Self::PublicRead,
            "public-read-write" => Self::PublicReadWrite,
            "authenticated-read" => Self::AuthenticatedRead,
            "bucket-owner-read" => Self::BucketOwnerRead,
            "bucket-owner-full-control" => Self::BucketOwnerFullControl,
            "log-delivery-write" => Self::LogDeliveryWrite,
            _ => return None,
        })
    }

    /// Its grants, of something of `owner` in a bucket of `bucket_owner`.
    pub fn grants(self, owner: &str, bucket_owner: &str) -> Acl {
        let grant = |grantee, permission| Grant {
            grantee,
            permission,
        };
        let mut grants = vec![grant(
            Grantee::Tenant(owner.to_owned()),
            Permission::FullControl,
        )];
        let bucket_owner = || Grantee::Tenant(bucket_owner.to_owned());
        match self {
            Self::Private => {}
            Self::PublicRead => grants.push(grant(Grantee::AllUsers, Permission::Read)),
            Self::PublicReadWrite => grants.extend([
                grant(Grantee::AllUsers, Permission::Read),
                grant(Grantee::AllUsers, Permission::Write),
            ]),
            Self::AuthenticatedRead => {
                grants.push(grant(Grantee::AuthenticatedUsers, Permission::Read));
            }
            Self::BucketOwnerRead => grants.push(grant(bucket_owner(), Permission::Read)),
            Self::BucketOwnerFullControl => {
                grants.push(grant(bucket_owner(), Permission::FullControl));
            }
            Self::LogDeliveryWrite => grants.extend([
                grant(Grantee::LogDelivery, Permission::Write),
                grant(Grantee::LogDelivery, Permission::ReadAcp),
            ]),
        }
        Acl(grants)
    }
}

impl Acl {
    /// Whether somebody may do this; `who` is a tenant, or nobody. Groups count unless they are to be ignored.
    pub fn permits(&self, who: Option<&str>, wanted: Permission, ignore_groups: bool) -> bool {
        self.0.iter().any(|grant| {
            let is_meant = match &grant.grantee {
                Grantee::Tenant(tenant) => who == Some(tenant.as_str()),
                Grantee::AllUsers => !ignore_groups,
                Grantee::AuthenticatedUsers => who.is_some() && !ignore_groups,
                Grantee::LogDelivery => false,
            };
            is_meant && (grant.permission == wanted || grant.permission == Permission::FullControl)
        })
    }

    /// Whether it permits anything to people who are not named.
    pub fn is_public(&self) -> bool {
        self.0
            .iter()
            .any(|g| matches!(g.grantee, Grantee::AllUsers | Grantee::AuthenticatedUsers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_is_the_owner_only() {
        let acl = Canned::Private.grants("a", "b");
        assert!(acl.permits(Some("a"), Permission::WriteAcp, false));
        assert!(!acl.permits(Some("b"), Permission::Read, false));
        assert!(!acl.permits(None, Permission::Read, false) && !acl.is_public());
    }

    #[test]
    fn groups_are_everybody_or_every_tenant() {
        let public = Canned::PublicRead.grants("a", "b");
        assert!(public.permits(None, Permission::Read, false) && public.is_public());
        assert!(!public.permits(None, Permission::Read, true));
        assert!(!public.permits(None, Permission::Write, false));
        let tenants = Canned::AuthenticatedRead.grants("a", "b");
        assert!(tenants.permits(Some("c"), Permission::Read, false));
        assert!(!tenants.permits(None, Permission::Read, false));
    }

    #[test]
    fn the_bucket_owner_is_granted_by_name() {
        let acl = Canned::BucketOwnerFullControl.grants("a", "b");
        assert!(acl.permits(Some("b"), Permission::ReadAcp, true));
    }
}
