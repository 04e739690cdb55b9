//! A bucket: who owns it and how it is set up. It is one row, changed by compare-and-swap on its revision.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    acl::Acl,
    cors, lifecycle,
    names::shard_of,
    policy::PublicAccessBlock,
    record::{Kind, Object, Record, VersionId},
    time::Micros,
};

/// How far a bucket's life has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It takes objects.
    #[default]
    Active,
    /// It is being deleted, and takes none.
    Deleting,
}

/// Whether versions are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// They never were.
    #[default]
    Never,
    /// They are.
    Enabled,
    /// They were; what is there is kept.
    Suspended,
}

/// One bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Of this incarnation: a bucket that is created again is another one.
    pub id: Uuid,
    /// The tenant that owns it.
    pub owner: String,
    /// When it was created.
    pub created: Micros,
    /// How far its life has come.
    pub state: State,
    /// Rises with each change.
    pub revision: u64,
    /// How many shards its objects lie in; fixed when it is created.
    pub shards: u16,
    /// Whether versions are kept.
    pub versioning: Versioning,
    /// Who may do what with it.
    pub acl: Acl,
    /// Its policy, as it was put.
    pub policy: Option<String>,
    /// Its rules for browsers.
    pub cors: Vec<cors::Rule>,
    /// When objects expire.
    pub lifecycle: Vec<lifecycle::Rule>,
    /// Its tags.
    pub tags: Option<BTreeMap<String, String>>,
    /// What is blocked of public access.
    pub public_access: Option<PublicAccessBlock>,
}

impl Bucket {
    /// Where a key lies.
    pub fn shard(&self, key: &str) -> u16 {
        shard_of(key, self.shards)
    }

    /// What a write of an object is recorded as.
    pub fn written(&self, id: VersionId, object: Object) -> Record {
        Record {
            id,
            null: self.versioning != Versioning::Enabled,
            kind: Kind::Object(Box::new(object)),
        }
    }

    /// What a delete without a version is recorded as.
    pub fn deleted(&self, id: VersionId, owner: &str) -> Record {
        match self.versioning {
            Versioning::Never => Record::deleted(id),
            Versioning::Enabled | Versioning::Suspended => Record {
                id,
                null: self.versioning == Versioning::Suspended,
                kind: Kind::DeleteMarker {
                    owner: owner.to_owned(),
                },
            },
        }
    }
}
