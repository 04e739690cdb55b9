//! The form of a stored blob: 32 bytes of header, then the content, plain or encrypted.
//!
//! The header names the data key, so that a blob can be opened without knowing which node wrote it, and the epoch, so
//! that its name can be computed from what is in it.

use super::digest::Digest;
use crate::{
    crypto::{DataKey, KeyId, TAG_AND_NONCE},
    error::{Error, Result},
    ids::BlobId,
};

/// The bytes before the content.
pub const HEADER: usize = 32;
const MAGIC: [u8; 4] = *b"CSBK";
const VERSION: u8 = 1;
const PLAIN: u8 = 0;
const AES_256_GCM: u8 = 1;

/// The name of content. Where it is encrypted, nothing of the content can be told from it.
pub fn name(content: &Digest, epoch: u32, key: Option<&DataKey>) -> BlobId {
    let hash = key.map_or(*content, |key| key.name(content));
    BlobId::new(*hash.as_bytes(), epoch)
}

/// How many bytes content of this length takes.
pub fn stored_bytes(content: u64, encrypted: bool) -> u64 {
    content + HEADER as u64 + if encrypted { TAG_AND_NONCE as u64 } else { 0 }
}

/// Room for the header, to be followed by the content; so that the content is not copied later.
pub fn buffer(content: usize) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(HEADER + content + TAG_AND_NONCE);
    buffer.resize(HEADER, 0);
    buffer
}

/// Makes a blob of a buffer whose content follows the room for the header.
pub fn seal(buffer: &mut Vec<u8>, place: &str, epoch: u32, key: Option<&DataKey>) -> Result<()> {
    let header = header(epoch, key);
    if let Some(key) = key {
        key.seal(buffer, HEADER, &[&header, place.as_bytes()])?;
    }
    let Some(room) = buffer.get_mut(..HEADER) else {
        return Err(Error::Internal {
            what: "no room for a header",
        });
    };
    room.copy_from_slice(&header);
    Ok(())
}

fn header(epoch: u32, key: Option<&DataKey>) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let id = key.map_or([0; 16], DataKey::id_bytes);
    let kind = if key.is_some() { AES_256_GCM } else { PLAIN };
    let [a, b, c, d] = MAGIC;
    let start = [a, b, c, d, VERSION, kind, 0, 0];
    let parts = start
        .into_iter()
        .chain(u64::from(epoch).to_be_bytes())
        .chain(id);
    for (byte, value) in header.iter_mut().zip(parts) {
        *byte = value;
    }
    header
}

/// What the header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The epoch of the name.
    pub epoch: u32,
    /// The data key, if it is encrypted.
    pub key: Option<KeyId>,
}

/// Reads a header. `place` is for the message.
pub fn read_header(place: &str, bytes: &[u8]) -> Result<Header> {
    let (header, _) = bytes
        .split_first_chunk::<HEADER>()
        .ok_or_else(|| Error::damaged(place, "it is too short"))?;
    let (magic, rest) = header.split_at(4);
    let [version, kind, reserved @ ..] = rest else {
        return Err(Error::damaged(place, "it is too short"));
    };
    if magic != MAGIC {
        return Err(Error::damaged(place, "it does not begin as a blob does"));
    }
    if *version > VERSION {
        return Err(Error::NewerFormat {
            key: place.to_owned(),
            found: u32::from(*version),
            known: u32::from(VERSION),
        });
    }
    let (reserved, rest) = reserved.split_at(2);
    let (epoch, id) = rest.split_at(8);
    if *version == 0 || reserved != [0, 0] || (*kind == PLAIN && id != [0; 16]) {
        return Err(Error::damaged(
            place,
            "its header is not one that is written",
        ));
    }
    let fixed = |_| Error::damaged(place, "it is too short");
    let epoch = u64::from_be_bytes(epoch.try_into().map_err(fixed)?);
    let epoch = u32::try_from(epoch).map_err(|_| Error::damaged(place, "its epoch is none"))?;
    let id: [u8; 16] = id.try_into().map_err(fixed)?;
    let key = match *kind {
        PLAIN => None,
        AES_256_GCM => Some(KeyId(id)),
        _ => {
            return Err(Error::damaged(
                place,
                "it is encrypted in a way that is not known",
            ));
        }
    };
    Ok(Header { epoch, key })
}

/// The content of a blob, in the buffer that it came in; its range there is returned.
pub fn open(
    buffer: &mut [u8],
    place: &str,
    header: Header,
    key: Option<&DataKey>,
) -> Result<std::ops::Range<usize>> {
    match (header.key, key) {
        (None, _) => Ok(HEADER..buffer.len()),
        (Some(id), Some(key)) if id == key.key_id() => {
            let head: [u8; HEADER] = self::header(header.epoch, Some(key));
            key.open(buffer, HEADER, &[&head, place.as_bytes()])
                .map_err(|()| Error::damaged(place, "it can't be decrypted"))
        }
        (Some(id), _) => Err(Error::NoKey {
            id: id.to_string(),
            detail: "it is not at hand".to_owned(),
        }),
    }
}

/// Opens a blob and proves that it is what its name says. Gives the range of the content.
pub fn open_blob(
    buffer: &mut [u8],
    place: &str,
    id: &BlobId,
    key: Option<&DataKey>,
) -> Result<(std::ops::Range<usize>, Digest)> {
    let header = read_header(place, buffer)?;
    let range = open(buffer, place, header, key)?;
    let content = buffer.get(range.clone()).unwrap_or_default();
    let digest = Digest::of(content);
    let key = header.key.and(key);
    if name(&digest, header.epoch, key) != *id {
        return Err(Error::damaged(
            place,
            "its content is not what its name says",
        ));
    }
    Ok((range, digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(epoch: u32, key: Option<&DataKey>) -> (BlobId, Vec<u8>) {
        let mut bytes = buffer(5);
        bytes.extend_from_slice(b"hello");
        let id = name(&Digest::of(b"hello"), epoch, key);
        seal(&mut bytes, &id.to_string(), epoch, key).unwrap();
        (id, bytes)
    }

    #[test]
    fn content_comes_back_and_each_flipped_byte_is_found() {
        let key = DataKey::from_bytes([7; 32]);
        for key in [None, Some(&key)] {
            for epoch in [0, 9] {
                let (id, bytes) = sealed(epoch, key);
                assert_eq!(bytes.len() as u64, stored_bytes(5, key.is_some()));
                let mut opened = bytes.clone();
                let (range, _) = open_blob(&mut opened, &id.to_string(), &id, key).unwrap();
                assert_eq!(&opened[range], b"hello");
                for at in 0..bytes.len() {
                    let mut flipped = bytes.clone();
                    flipped[at] ^= 1;
                    assert!(
                        open_blob(&mut flipped, &id.to_string(), &id, key).is_err(),
                        "{at}"
                    );
                }
            }
        }
    }

    #[test]
    fn names_differ_by_epoch_and_by_key() {
        let key = DataKey::from_bytes([7; 32]);
        let content = Digest::of(b"hello");
        assert_ne!(name(&content, 0, None), name(&content, 1, None));
        assert_ne!(
            name(&content, 0, None).hash(),
            name(&content, 0, Some(&key)).hash()
        );
    }

    #[test]
    fn without_its_key_a_blob_is_not_opened() {
        let key = DataKey::from_bytes([7; 32]);
        let (id, mut bytes) = sealed(0, Some(&key));
        let error = open_blob(&mut bytes, "x", &id, None).unwrap_err();
        assert_eq!(error.reason(), "KeyMissing");
    }
}
