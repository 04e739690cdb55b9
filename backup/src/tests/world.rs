//! A node's data directory, and a repository in the store of the tests.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tempfile::TempDir;

use crate::{
    catalogue, commit,
    crypto::{DataKey, Identity},
    error::Result,
    format::{
        commit::{Commit, NodePart},
        manifest::Node,
        repository::Description,
    },
    gc,
    ids::{Attempt, BackupId, HostId, Uuid},
    node_backup,
    plan::scan,
    repository::Repository,
    store::{RetryPolicy, Store},
    testing::faulty_store::FaultyStore,
    transfer::{
        Limits, Transfer,
        download::{self, Fetched, Selection, Target},
    },
};

/// Small, so that little data has many chunks.
pub(super) const CHUNK: u64 = 16 << 10;
pub(super) const SAFETY: u64 = 1000;
pub(super) const SECONDS: u64 = 5000;
pub(super) const IDENTITY: &str =
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

pub(super) struct World {
    pub(super) store: FaultyStore,
    pub(super) encrypted: bool,
    pub(super) disk: TempDir,
    ulids: u64,
}

pub(super) fn cluster() -> Uuid {
    Uuid::from_random(7)
}

pub(super) fn host() -> HostId {
    HostId::from_random(42)
}

impl World {
    pub(super) fn new() -> Self {
        let store = FaultyStore::default();
        store.set_seconds(1_000_000);
        let world = Self {
            store,
            encrypted: false,
            disk: tempfile::tempdir().unwrap(),
            ulids: 0,
        };
        fs::create_dir_all(world.table()).unwrap();
        world
    }

    pub(super) fn encrypted() -> Self {
        Self {
            encrypted: true,
            ..Self::new()
        }
    }

    fn data(&self) -> PathBuf {
        self.disk.path().join("data")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.disk.path().join("state")
    }

    pub(super) fn table(&self) -> PathBuf {
        self.data().join(format!("shop/orders-{}", "0".repeat(32)))
    }

    /// An SSTable of components of these sizes, with content of its own.
    pub(super) fn sstable(&self, number: u32, sizes: &[(&str, usize)]) {
        for (name, bytes) in sizes {
            let path = self.table().join(format!("nb-{number}-big-{name}"));
            fs::write(path, content(&format!("{number} {name}"), *bytes)).unwrap();
        }
    }

    pub(super) fn usual_data(&self) {
        self.sstable(
            1,
            &[
                ("Data.db", 50_000),
                ("Index.db", 900),
                ("Statistics.db", 70),
                ("Digest.crc32", 9),
            ],
        );
        self.sstable(
            2,
            &[
                ("Data.db", 3_000),
                ("SAI+aa+idx+Meta.db", 55),
                ("Empty.db", 0),
            ],
        );
        self.sstable(3, &[("Data.db", 17_000), ("TOC.txt", 92)]);
    }

    pub(super) fn snapshot(&self, tag: &str) -> Vec<scan::TableFolder> {
        let folder = self.table().join("snapshots").join(tag);
        if !folder.exists() {
            fs::create_dir_all(&folder).unwrap();
            for item in fs::read_dir(self.table()).unwrap() {
                let path = item.unwrap().path();
                if path.is_file() {
                    fs::hard_link(&path, folder.join(path.file_name().unwrap())).unwrap();
                }
            }
            fs::write(folder.join("schema.cql"), "CREATE TABLE …").unwrap();
        }
        scan::snapshot(&[self.data()], tag).unwrap()
    }

    pub(super) async fn open(&self) -> Result<Repository> {
        self.open_as(Arc::new(self.store.clone())).await
    }

    pub(super) async fn open_as(
        &self,
        store: Arc<dyn object_store::ObjectStore>,
    ) -> Result<Repository> {
        open(store, &self.description()).await
    }

    pub(super) fn description(&self) -> Description {
        let description = Description {
            chunk_bytes: CHUNK,
            safety_seconds: SAFETY,
            ..Description::new(Uuid::from_random(1), cluster(), "c1", Timestamp::UNIX_EPOCH)
        };
        if self.encrypted {
            description.encrypted_for(vec![identity().recipient().to_string()])
        } else {
            description
        }
    }

    pub(super) fn next_id(&mut self) -> BackupId {
        self.ulids += 1;
        BackupId::new(self.ulids, u128::from(self.ulids))
    }

    pub(super) fn request(&self, id: &BackupId, base: Option<NodePart>) -> node_backup::Request {
        node_backup::Request {
            attempt: attempt(id, 1),
            node: node(id.as_str()),
            folders: self.snapshot(id.as_str()),
            state: self.state(),
            base,
            seconds: SECONDS,
        }
    }

    /// A backup of the node's data as it is, on top of the newest that there is.
    pub(super) async fn back_up(&mut self) -> Result<Commit> {
        let id = self.next_id();
        self.back_up_as(&id).await
    }

    pub(super) async fn back_up_as(&self, id: &BackupId) -> Result<Commit> {
        let repository = self.open().await?;
        let base = catalogue::newest_of(&repository, &host(), Some(id)).await?;
        let part = node_backup::run(&repository, &transfer(), self.request(id, base)).await?;
        self.commit(&repository, id, part).await
    }

    pub(super) async fn commit(
        &self,
        repository: &Repository,
        id: &BackupId,
        part: NodePart,
    ) -> Result<Commit> {
        let request = commit::Request {
            backup: id.clone(),
            name: String::new(),
            description: String::new(),
            nodes: vec![part],
            absent: Vec::new(),
            cluster: Some(serde_json::json!({ "kind": "CassandraCluster" })),
            now: self.store.now(),
        };
        commit::run(repository, request).await
    }

    /// What a backup gives back, by file.
    pub(super) async fn restored(&self, id: &BackupId) -> Result<BTreeMap<String, Vec<u8>>> {
        let folder = tempfile::tempdir().unwrap();
        self.restore_into(id, folder.path(), &[]).await?;
        Ok(files(folder.path()))
    }

    pub(super) async fn restore_into(
        &self,
        id: &BackupId,
        folder: &Path,
        local: &[PathBuf],
    ) -> Result<Fetched> {
        let repository = self.open().await?;
        let commit = catalogue::load(&repository, id).await?;
        let part = commit.node(&host()).unwrap();
        let target = Target {
            folders: vec![folder.to_owned()],
            local: local.to_vec(),
        };
        let selection = Selection {
            beside: true,
            ..Selection::default()
        };
        download::run(&repository, &transfer(), part, &selection, &target).await
    }

    /// What the snapshot of a backup holds, by file.
    pub(super) fn snapshotted(&self, id: &BackupId) -> BTreeMap<String, Vec<u8>> {
        let table = format!("shop/orders-{}", "0".repeat(32));
        files(&self.table().join("snapshots").join(id.as_str()))
            .into_iter()
            .map(|(name, bytes)| (format!("{table}/{name}"), bytes))
            .collect()
    }

    pub(super) async fn collect(&mut self) -> Result<gc::Report> {
        let id = self.next_id();
        let repository = self.open().await?;
        let options = gc::Options {
            id,
            scratch: None,
            dry_run: false,
        };
        gc::run(&repository, &options).await
    }

    pub(super) fn data_dir(&self) -> PathBuf {
        self.data()
    }
}

/// The repository in a store, by somebody who may read and write everything.
pub(super) async fn open(
    store: Arc<dyn object_store::ObjectStore>,
    description: &Description,
) -> Result<Repository> {
    let retry = RetryPolicy {
        first: Duration::from_millis(1),
        longest: Duration::from_millis(2),
        times: 8,
    };
    let store = Store::new(store, "backups/of/c1", retry);
    let repository = Repository::create(store, description).await?;
    let repository = if description.encryption.is_some() {
        repository.with_identities(vec![identity()])
    } else {
        repository
    };
    repository
        .for_writing(Some(DataKey::from_bytes([3; 32])))
        .await
}

pub(super) fn attempt(id: &BackupId, number: u32) -> Attempt {
    Attempt {
        host_id: host(),
        backup: id.clone(),
        number,
    }
}

pub(super) fn identity() -> Identity {
    IDENTITY.parse().unwrap()
}

pub(super) fn transfer() -> Transfer {
    let limits = Limits {
        memory_bytes: 256 << 10,
        concurrency: 4,
        ..Limits::default()
    };
    Transfer::new(limits, CHUNK)
}

pub(super) fn node(tag: &str) -> Node {
    Node {
        snapshot_tag: tag.to_owned(),
        cluster_uid: cluster(),
        // Another one each time it is asked for, as of a program that looks at the clock.
        snapshot_at: Timestamp::now(),
        ..crate::format::manifest::tests::head().node
    }
}

/// Bytes that depend on the seed and do not repeat.
pub(super) fn content(seed: &str, bytes: usize) -> Vec<u8> {
    let mut content = vec![0; bytes];
    blake3::Hasher::new()
        .update(seed.as_bytes())
        .finalize_xof()
        .fill(&mut content);
    content
}

/// All files below a folder.
pub(super) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for item in fs::read_dir(next).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}
