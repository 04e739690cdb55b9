//! A repository: a store, what `repo.json` says of it, and the keys that are at hand.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    crypto::{DataKey, Identity, KeyId, Recipient},
    error::{Error, Result},
    format::{commit::ObjectRef, digest::Digest, document, envelope, repository::Description},
    ids::{BlobId, ClusterUid},
    keys,
    store::Store,
};

/// How often an object is read again whose bytes are not what they should be: a wire may have damaged it, not the store.
const READINGS: usize = 3;

/// A repository that is open.
#[derive(Debug, Clone)]
pub struct Repository {
    store: Store,
    description: Arc<Description>,
    identities: Arc<Vec<Identity>>,
    /// What is written is encrypted with this, if the repository is encrypted at all.
    writing: Option<Arc<DataKey>>,
    known: Arc<Mutex<BTreeMap<KeyId, Arc<DataKey>>>>,
}

/// A blob that was read: a buffer, and where in it the content is.
#[derive(Debug)]
pub struct Content {
    buffer: Vec<u8>,
    range: std::ops::Range<usize>,
    /// The content's digest.
    pub digest: Digest,
}

impl Content {
    /// The content.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.range.clone()).unwrap_or_default()
    }
}

impl Repository {
    /// Opens what is there, and makes it as described if nothing is. One that is there is as it is: only the cluster has
    /// to be the same.
    pub async fn create(store: Store, description: &Description) -> Result<Self> {
        let bytes = document::write(keys::REPOSITORY, description, None)?;
        store
            .impatient()
            .put(keys::REPOSITORY, bytes.into())
            .await?;
        Self::open(store, Some(&description.cluster_uid)).await
    }

    /// Opens what is there. With a cluster, it has to be that one's.
    pub async fn open(store: Store, cluster: Option<&ClusterUid>) -> Result<Self> {
        let description = describe(&store).await?;
        if let Some(expected) = cluster
            && description.cluster_uid != *expected
        {
            return Err(Error::ForeignRepository {
                found: description.cluster_uid.to_string(),
                expected: expected.to_string(),
            });
        }
        if description.chunk_bytes < 4096 || description.chunk_bytes > 1 << 30 {
            return Err(Error::damaged(
                keys::REPOSITORY,
                "chunks of this size can't be handled",
            ));
        }
        Ok(Self {
            store,
            description: Arc::new(description),
            identities: Arc::default(),
            writing: None,
            known: Arc::default(),
        })
    }

    /// With identities, by which what others wrote can be read.
    #[must_use]
    pub fn with_identities(mut self, identities: Vec<Identity>) -> Self {
        self.identities = Arc::new(identities);
        self
    }

    /// With a data key of one's own, to write with. `kept` is one that was made before; its wrapped form is written
    /// again, so that nothing is ever written that nobody can read. Does nothing if the repository is not encrypted.
    pub async fn for_writing(mut self, kept: Option<DataKey>) -> Result<Self> {
        let Some(encryption) = &self.description.encryption else {
            return Ok(self);
        };
        let recipients: Vec<Recipient> = encryption
            .recipients
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_>>()?;
        let key = kept.map_or_else(DataKey::generate, Ok)?;
        // Each wrapping has other bytes: the first one that was written is as good as this.
        self.store
            .put(&keys::data_key(key.id()), key.wrap(&recipients)?.into())
            .await?;
        let key = Arc::new(key);
        self.remember(&key);
        self.writing = Some(key);
        Ok(self)
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What `repo.json` says.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The key that is written with.
    pub fn writing_key(&self) -> Option<&Arc<DataKey>> {
        self.writing.as_ref()
    }

    /// Whether what is written is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.description.encryption.is_some()
    }

    fn remember(&self, key: &Arc<DataKey>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(key.key_id(), Arc::clone(key));
    }

    async fn key(&self, id: KeyId) -> Result<Arc<DataKey>> {
        let known = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(&id).cloned()
        };
        if let Some(key) = known {
            return Ok(key);
        }
        let text = id.to_string();
        if self.identities.is_empty() {
            return Err(Error::NoKey {
                id: text,
                detail: "no identity was given".to_owned(),
            });
        }
        let wrapped = self.store.get(&keys::data_key(&text)).await?;
        let key = Arc::new(DataKey::unwrap(&text, &wrapped, &self.identities)?);
        self.remember(&key);
        Ok(key)
    }

    fn writing(&self) -> Result<Option<&DataKey>> {
        match (&self.description.encryption, &self.writing) {
            (Some(_), None) => Err(Error::Internal {
                what: "an encrypted repository was not opened for writing",
            }),
            (_, writing) => Ok(writing.as_deref()),
        }
    }

    /// The name that content has in this repository.
    pub(crate) fn name(&self, content: &Digest, epoch: u32) -> Result<BlobId> {
        Ok(envelope::name(content, epoch, self.writing()?))
    }

    /// Makes a blob of a buffer that begins with room for the header.
    pub(crate) fn seal_blob(&self, buffer: &mut Vec<u8>, id: &BlobId) -> Result<()> {
        envelope::seal(
            buffer,
            &self.place(&keys::blob(id)),
            id.epoch(),
            self.writing()?,
        )
    }

    /// Whether content has this name, under whatever key was used.
    pub(crate) fn is_named(&self, content: &Digest, id: &BlobId) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = known.values().map(|key| Some(key.as_ref())).chain([None]);
        keys.into_iter()
            .any(|key| envelope::name(content, id.epoch(), key) == *id)
    }

    /// What an object is bound to when it is encrypted: it can't be put in another's place, or in another repository.
    fn place(&self, key: &str) -> String {
        format!("{}/{key}", self.description.uid)
    }

    /// The content of a blob, proved to be what the name says. `needed_by` is for the message.
    pub async fn get_blob(&self, id: &BlobId, needed_by: &str) -> Result<Content> {
        let key = keys::blob(id);
        let mut reading = 1;
        loop {
            let found = self.read_blob(&key, id).await;
            match found {
                Err(Error::DamagedObject { .. }) if reading < READINGS => reading += 1,
                Err(error) if error.is_not_found() => {
                    return Err(Error::MissingBlob {
                        id: *id,
                        needed_by: needed_by.to_owned(),
                    });
                }
                other => return other,
            }
        }
    }

    async fn read_blob(&self, key: &str, id: &BlobId) -> Result<Content> {
        let body = self.store.get(key).await?;
        let header = envelope::read_header(key, &body)?;
        let data_key = match header.key {
            Some(id) => Some(self.key(id).await?),
            None if self.is_encrypted() => {
                return Err(Error::damaged(
                    key,
                    "it is not encrypted, as this repository is",
                ));
            }
            None => None,
        };
        let (place, key, id) = (self.place(key), key.to_owned(), *id);
        on_bytes("reading a blob", body.len(), move || {
            let mut buffer = Vec::from(body);
            let (range, digest) =
                envelope::open_blob(&mut buffer, &place, &id, data_key.as_deref())
                    .map_err(|error| named(error, &key))?;
            Ok(Content {
                buffer,
                range,
                digest,
            })
        })
        .await
    }

    /// Writes an object that is not a blob and not a document: encrypted, if the repository is.
    pub(crate) async fn put_object(&self, key: &str, content: Vec<u8>) -> Result<ObjectRef> {
        let body = match self.writing()? {
            None => content,
            data_key => {
                let mut buffer = envelope::buffer(content.len());
                buffer.extend_from_slice(&content);
                envelope::seal(&mut buffer, &self.place(key), 0, data_key)?;
                buffer
            }
        };
        let reference = ObjectRef::of(key.to_owned(), &body);
        self.store.put_once(key, body.into()).await?;
        Ok(reference)
    }

    /// The content of such an object, proved to be the one that the reference names.
    pub async fn get_object(&self, reference: &ObjectRef) -> Result<Vec<u8>> {
        let body = self.get_stored(reference).await?;
        self.open_object(&reference.key, body).await
    }

    /// The bytes of an object as they are stored, proved to be those that the reference names.
    pub async fn get_stored(&self, reference: &ObjectRef) -> Result<Bytes> {
        let mut reading = 1;
        loop {
            let body = self.store.get(&reference.key).await?;
            if body.len() as u64 == reference.bytes && Digest::of(&body) == reference.digest {
                return Ok(body);
            }
            if reading == READINGS {
                return Err(Error::damaged(
                    &reference.key,
                    "it is not what the backup names",
                ));
            }
            reading += 1;
        }
    }

    /// The content of such bytes.
    pub(crate) async fn open_object(&self, key: &str, body: Bytes) -> Result<Vec<u8>> {
        let mut buffer = Vec::from(body);
        if !self.is_encrypted() {
            return Ok(buffer);
        }
        let header = envelope::read_header(key, &buffer)?;
        let Some(id) = header.key else {
            return Err(Error::damaged(
                key,
                "it is not encrypted, as this repository is",
            ));
        };
        let data_key = self.key(id).await?;
        let range = envelope::open(&mut buffer, &self.place(key), header, Some(&data_key))
            .map_err(|error| named(error, key))?;
        buffer.truncate(range.end);
        buffer.drain(..range.start);
        Ok(buffer)
    }

    /// An object that exists by now, as the reference that names it.
    pub(crate) async fn reference_to(&self, key: &str) -> Result<ObjectRef> {
        Ok(ObjectRef::of(key.to_owned(), &self.store.get(key).await?))
    }

    /// Writes a document. The same one may be there already.
    pub(crate) async fn put_document<T: Serialize + Sync>(
        &self,
        key: &str,
        document: &T,
    ) -> Result<()> {
        let bytes = document::write(key, document, self.writing.as_deref())?;
        self.store.put_once(key, bytes.into()).await.map(drop)
    }

    /// Reads a document. If it is authenticated and its key can be had, that is proved; with an identity at hand, and for
    /// a node's own objects, it always is.
    pub async fn get_document<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        let mut reading = 1;
        loop {
            match self.read_document(key).await {
                Err(Error::DamagedObject { .. }) if reading < READINGS => reading += 1,
                other => return other,
            }
        }
    }

    async fn read_document<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        let bytes = self.store.get(key).await?;
        let proof = match document::key_id(&bytes) {
            Some(id) => {
                let id = KeyId::parse(&id)
                    .ok_or_else(|| Error::damaged(key, "its key has a name that is none"))?;
                match self.key(id).await {
                    Ok(key) => Some(key),
                    // Who deletes has no key, and needs none: the digest is proved all the same.
                    Err(Error::NoKey { .. }) if self.identities.is_empty() => None,
                    Err(error) => return Err(error),
                }
            }
            None if self.is_encrypted() && !self.identities.is_empty() => {
                return Err(Error::damaged(
                    key,
                    "it is not authenticated, as this repository is",
                ));
            }
            None => None,
        };
        document::read(key, &bytes, proof.as_deref())
    }
}

async fn describe(store: &Store) -> Result<Description> {
    let store = store.impatient();
    let mut reading = 1;
    loop {
        let bytes = store.get(keys::REPOSITORY).await.map_err(|error| {
            if error.is_not_found() {
                return Error::NoRepository {
                    key: keys::REPOSITORY.to_owned(),
                };
            }
            error
        })?;
        match document::read(keys::REPOSITORY, &bytes, None) {
            Err(Error::DamagedObject { .. }) if reading < READINGS => reading += 1,
            other => return other,
        }
    }
}

fn named(error: Error, key: &str) -> Error {
    if let Error::DamagedObject { detail, .. } = error {
        return Error::damaged(key, detail);
    }
    error
}

/// What is hashed or encrypted in less time than another thread takes to begin.
const SMALL: usize = 16 << 10;

/// Runs work on so many bytes: away from the threads that wait for the network, unless it is next to nothing.
pub(crate) async fn on_bytes<T: Send + 'static>(
    what: &'static str,
    bytes: usize,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    if bytes <= SMALL {
        work()
    } else {
        blocking(what, work).await
    }
}

/// Runs work that takes a while away from the threads that wait for the network.
pub(crate) async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::Internal { what })?
}
