//! Encryption before the store: data keys, what is derived from them, and how they are wrapped.
//!
//! A node makes a data key of its own and wraps it for the recipients of the repository: with public keys alone it can
//! write, and read only what it wrote itself with a key that it still has on its volume. Whoever has an identity of a
//! recipient can read everything.

mod age;

use std::{fmt, ops::Range};

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom as _, SystemRandom},
};

pub use age::{Identity, Recipient};

use crate::{
    error::{Error, Result},
    format::digest::Digest,
    ids::hex,
};

/// What encryption adds to content.
pub const TAG_AND_NONCE: usize = NONCE_LEN + 16;

/// Random bytes from the system.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::Internal {
            what: "the system gave no random bytes",
        })?;
    Ok(bytes)
}

/// The name of a data key: half of a digest of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub(crate) [u8; 16]);

impl KeyId {
    /// The name that these digits are.
    pub fn parse(text: &str) -> Option<Self> {
        hex(text).map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A data key, and the three keys that are derived from it: for content, for names, for proofs.
#[derive(Clone)]
pub struct DataKey {
    bytes: [u8; 32],
    id: KeyId,
    id_text: String,
    names: [u8; 32],
    proofs: [u8; 32],
    content: [u8; 32],
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl DataKey {
    /// A new one.
    pub fn generate() -> Result<Self> {
        Ok(Self::from_bytes(random()?))
    }

    /// One that was kept.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let derive =
            |purpose: &str| blake3::derive_key(&format!("cassandra-backup 1 {purpose}"), &bytes);
        let mut id = [0; 16];
        for (byte, value) in id.iter_mut().zip(derive("name of the data key")) {
            *byte = value;
        }
        Self {
            bytes,
            id: KeyId(id),
            id_text: KeyId(id).to_string(),
            names: derive("names of blobs"),
            proofs: derive("proofs of documents"),
            content: derive("content"),
        }
    }

    /// Its bytes: what is wrapped, or kept on the volume.
    pub fn to_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Its name.
    pub fn key_id(&self) -> KeyId {
        self.id
    }

    /// Its name as text.
    pub fn id(&self) -> &str {
        &self.id_text
    }

    pub(crate) fn id_bytes(&self) -> [u8; 16] {
        self.id.0
    }

    /// The name of content, from which nothing of it can be told.
    pub(crate) fn name(&self, content: &Digest) -> Digest {
        blake3::keyed_hash(&self.names, content.as_bytes()).into()
    }

    /// Proves that a line was written at this place by somebody who had the key.
    pub(crate) fn mac(&self, place: &str, line: &[u8]) -> Digest {
        let mut hasher = blake3::Hasher::new_keyed(&self.proofs);
        hasher
            .update(&(place.len() as u64).to_le_bytes())
            .update(place.as_bytes())
            .update(line);
        hasher.finalize().into()
    }

    /// Encrypts what follows `from` where it is. Tag and nonce are put behind it, so that nothing has to be moved.
    pub(crate) fn seal(&self, buffer: &mut Vec<u8>, from: usize, about: &[&[u8]]) -> Result<()> {
        let failed = |_| Error::Internal { what: "encryption" };
        let nonce: [u8; NONCE_LEN] = random()?;
        let content = buffer.get_mut(from..).unwrap_or_default();
        let tag = aes(&self.content)
            .map_err(failed)?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(about.concat()),
                content,
            )
            .map_err(failed)?;
        buffer.extend_from_slice(tag.as_ref());
        buffer.extend_from_slice(&nonce);
        Ok(())
    }

    /// Decrypts what follows `from` where it is.
    pub(crate) fn open(
        &self,
        buffer: &mut [u8],
        from: usize,
        about: &[&[u8]],
    ) -> std::result::Result<Range<usize>, ()> {
        let sealed = buffer.get_mut(from..).ok_or(())?;
        let (sealed, nonce) = sealed.split_last_chunk_mut::<NONCE_LEN>().ok_or(())?;
        let plain = aes(&self.content)
            .map_err(|_| ())?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(about.concat()),
                sealed,
            )
            .map_err(|_| ())?;
        Ok(from..from + plain.len())
    }

    /// The key, readable by each of the recipients: a file of age.
    pub fn wrap(&self, recipients: &[Recipient]) -> Result<Vec<u8>> {
        age::encrypt(&self.bytes, recipients)
    }

    /// The key in a file of age.
    pub fn unwrap(id: &str, wrapped: &[u8], identities: &[Identity]) -> Result<Self> {
        let no_key = |detail: &str| Error::NoKey {
            id: id.to_owned(),
            detail: detail.to_owned(),
        };
        let bytes = age::decrypt(wrapped, identities).map_err(no_key)?;
        let bytes = bytes
            .try_into()
            .map_err(|_| no_key("what is wrapped is not a data key"))?;
        let key = Self::from_bytes(bytes);
        if key.id() == id {
            Ok(key)
        } else {
            Err(no_key("another key is wrapped in its place"))
        }
    }
}

fn aes(key: &[u8; 32]) -> std::result::Result<LessSafeKey, ring::error::Unspecified> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_is_encrypted_to_different_bytes() {
        let key = DataKey::from_bytes([1; 32]);
        let sealed = || {
            let mut buffer = b"same".to_vec();
            key.seal(&mut buffer, 0, &[b"here"]).unwrap();
            buffer
        };
        let (one, mut two) = (sealed(), sealed());
        assert_ne!(one, two);
        assert!(key.open(&mut two.clone(), 0, &[b"elsewhere"]).is_err());
        let range = key.open(&mut two, 0, &[b"here"]).unwrap();
        assert_eq!(&two[range], b"same");
    }

    #[test]
    fn derived_keys_differ() {
        let key = DataKey::from_bytes([1; 32]);
        assert_ne!(key.names, key.proofs);
        assert_ne!(key.names, key.bytes);
        let printed = format!("{:?}", DataKey::from_bytes([0xab; 32]));
        assert!(
            !printed.contains("171, 171"),
            "a key must not be printed: {printed}"
        );
    }
}
