//! Where everything lies. The only file that knows the layout.
//!
//! Every prefix that is listed ends at a slash, so that nothing is taken for its neighbour (`b1` and `b10`).

use crate::ids::{Attempt, BackupId, BlobId, HostId, InvalidName};

/// What the repository is: `repo.json`.
pub const REPOSITORY: &str = "repo.json";
/// Where the blobs are.
pub const BLOBS: &str = "blobs";
/// Where the nodes' attempts are.
pub const NODES: &str = "nodes";
/// Where the backups are.
pub const BACKUPS: &str = "backups";
/// Where collections leave their marks.
pub const COLLECTIONS: &str = "gc";
/// Where wrapped data keys are.
pub const DATA_KEYS: &str = "keys";

/// Where canaries are, by which stores are tried out.
pub const CANARIES: &str = "canaries";

/// A canary.
pub fn canary(id: &BackupId) -> String {
    format!("{CANARIES}/{id}")
}

/// A blob.
pub fn blob(id: &BlobId) -> String {
    format!("{BLOBS}/{:02x}/{id}", id.shard())
}

/// One of the 256 shards of blobs.
pub fn shard(shard: u8) -> String {
    format!("{BLOBS}/{shard:02x}")
}

/// The blob that a key names, if it is one.
pub fn parse_blob(key: &str) -> Option<BlobId> {
    let (shard, name) = key
        .strip_prefix(BLOBS)?
        .strip_prefix('/')?
        .split_once('/')?;
    let id: BlobId = name.parse().ok()?;
    (shard == format!("{:02x}", id.shard())).then_some(id)
}

/// The folder of an attempt.
pub fn attempt(attempt: &Attempt) -> String {
    format!("{NODES}/{attempt}")
}

/// What an attempt is about to do.
pub fn intent(of: &Attempt) -> String {
    format!("{}/intent.json", attempt(of))
}

/// What an attempt found and where it is.
pub fn manifest(of: &Attempt) -> String {
    format!("{}/manifest.jsonl.zst", attempt(of))
}

/// The blobs that a manifest names, sorted.
pub fn refs(of: &Attempt) -> String {
    format!("{}/refs.bin", attempt(of))
}

/// The attempt, and the name of the object in its folder, that a key names.
pub fn parse_attempt(key: &str) -> Result<(Attempt, &str), InvalidName> {
    let invalid = || InvalidName {
        value: key.to_owned(),
        expected: "nodes/<host id>/<backup>.<attempt>/<object>",
    };
    let rest = key
        .strip_prefix(NODES)
        .and_then(|rest| rest.strip_prefix('/'))
        .ok_or_else(invalid)?;
    let (host_id, rest) = rest.split_once('/').ok_or_else(invalid)?;
    let (folder, object) = rest.split_once('/').ok_or_else(invalid)?;
    let (backup, number) = folder.split_once('.').ok_or_else(invalid)?;
    let number: u32 = number.parse().map_err(|_| invalid())?;
    let attempt = Attempt {
        host_id: host_id.parse()?,
        backup: backup.parse()?,
        number,
    };
    Ok((attempt, object))
}

/// The folder of the attempts of one node.
pub fn node(host_id: &HostId) -> String {
    format!("{NODES}/{host_id}")
}

/// The folder of a backup.
pub fn backup(id: &BackupId) -> String {
    format!("{BACKUPS}/{id}")
}

/// What a backup holds beside the nodes' data.
pub fn cluster(id: &BackupId) -> String {
    format!("{}/cluster.json.zst", backup(id))
}

/// The object by which a backup exists.
pub fn commit(id: &BackupId) -> String {
    format!("{}/COMMIT", backup(id))
}

/// The object by which a backup is deleted.
pub fn tombstone(id: &BackupId) -> String {
    format!("{}/DELETED", backup(id))
}

/// The backup, and the name of the object in its folder, that a key names.
pub fn parse_backup(key: &str) -> Result<(BackupId, &str), InvalidName> {
    let (id, object) = key
        .strip_prefix(BACKUPS)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.split_once('/'))
        .ok_or_else(|| InvalidName {
            value: key.to_owned(),
            expected: "backups/<backup>/<object>",
        })?;
    Ok((id.parse()?, object))
}

/// The mark that a collection began.
pub fn collection(id: &BackupId) -> String {
    format!("{COLLECTIONS}/{id}.json")
}

/// What a collection did.
pub fn collection_report(id: &BackupId) -> String {
    format!("{COLLECTIONS}/{id}.report.json")
}

/// A wrapped data key.
pub fn data_key(id: &str) -> String {
    format!("{DATA_KEYS}/{id}.age")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let id = BlobId::new([0xab; 32], 3);
        assert_eq!(parse_blob(&blob(&id)), Some(id));
        assert_eq!(parse_blob(&blob(&id).replace("/ab/", "/ac/")), None);
        let of = Attempt {
            host_id: HostId::from_random(1),
            backup: BackupId::new(1, 2),
            number: 3,
        };
        assert_eq!(parse_attempt(&intent(&of)), Ok((of.clone(), "intent.json")));
        assert_eq!(parse_backup(&commit(&of.backup)), Ok((of.backup, "COMMIT")));
    }

    #[test]
    fn what_is_no_key_of_ours_is_not_taken_for_one() {
        for key in [
            "nodes",
            "nodes/x",
            "nodes/n1/b1.1/intent.json",
            "node/a/b/c",
        ] {
            assert!(parse_attempt(key).is_err(), "{key}");
        }
        for key in ["backups/b1/COMMIT", "backups/COMMIT", "backup"] {
            assert!(parse_backup(key).is_err(), "{key}");
        }
    }
}
