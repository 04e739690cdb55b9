//! The small objects that must be readable without any key: one line of JSON, and a second line that proves the first.
//!
//! `repo.json`, `intent.json`, `COMMIT` and `DELETED` are of this form. A flipped bit, a missing end or a hand that
//! changed a number is found; where the repository is encrypted, so is a hand that computed the digest anew.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::digest::Digest;
use crate::{
    crypto::DataKey,
    error::{Error, Result},
};

/// The format that this version writes, of every object.
pub const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    blake3: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mac: Option<Digest>,
}

#[derive(Deserialize)]
struct Versioned {
    format: u32,
}

/// The object's bytes. `key` is what it lies under, so that one object can't stand in for another.
pub fn write<T: Serialize>(key: &str, document: &T, with: Option<&DataKey>) -> Result<Vec<u8>> {
    let not_written = |_| Error::Internal {
        what: "a document could not be written as JSON",
    };
    let mut bytes = serde_json::to_vec(document).map_err(not_written)?;
    let proof = Proof {
        blake3: Digest::of(&bytes),
        key_id: with.map(|key| key.id().to_owned()),
        mac: with.map(|data_key| data_key.mac(key, &bytes)),
    };
    bytes.push(b'\n');
    serde_json::to_writer(&mut bytes, &proof).map_err(not_written)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The key by which the object is authenticated, if it is.
pub fn key_id(bytes: &[u8]) -> Option<String> {
    let (_, proof) = split(bytes)?;
    serde_json::from_slice::<Proof>(proof).ok()?.key_id
}

/// What is in the object. With the key, it is proved that somebody wrote it who had it.
pub fn read<T: DeserializeOwned>(key: &str, bytes: &[u8], with: Option<&DataKey>) -> Result<T> {
    let damaged = |detail: &str| Error::damaged(key, detail);
    let (line, proof) = split(bytes).ok_or_else(|| damaged("it is not two lines"))?;
    let proof: Proof =
        serde_json::from_slice(proof).map_err(|_| damaged("its second line is no proof"))?;
    if proof.blake3 != Digest::of(line) {
        return Err(damaged("its digest is another"));
    }
    if let Some(data_key) = with
        && proof.mac != Some(data_key.mac(key, line))
    {
        return Err(damaged("it was not written with the repository's key"));
    }
    let Versioned { format } = serde_json::from_slice(line)
        .map_err(|error| damaged(&format!("it tells no format: {error}")))?;
    if format > FORMAT {
        return Err(Error::NewerFormat {
            key: key.to_owned(),
            found: format,
            known: FORMAT,
        });
    }
    serde_json::from_slice(line).map_err(|error| damaged(&error.to_string()))
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.strip_suffix(b"\n")?;
    let at = end.iter().position(|byte| *byte == b'\n')?;
    let (line, proof) = end.split_at(at);
    Some((line, proof.get(1..)?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn each_flipped_byte_and_each_cut_is_found() {
        let document = json!({ "format": 1, "text": "a line\nand another" });
        let bytes = write("COMMIT", &document, None).unwrap();
        assert_eq!(read::<Value>("COMMIT", &bytes, None).unwrap(), document);
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            // The name of a field of the proof that may be absent is the only byte that does not matter.
            assert!(
                read::<Value>("COMMIT", &flipped, None).is_err(),
                "byte {at}"
            );
            assert!(
                read::<Value>("COMMIT", &bytes[..at], None).is_err(),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn a_newer_format_is_told_apart_from_damage() {
        let bytes = write("COMMIT", &json!({ "format": 2 }), None).unwrap();
        let error = read::<Value>("COMMIT", &bytes, None).unwrap_err();
        assert_eq!(error.reason(), "NewerFormat");
    }

    #[test]
    fn a_document_of_another_key_or_place_is_refused() {
        let (ours, other) = (DataKey::from_bytes([1; 32]), DataKey::from_bytes([2; 32]));
        let bytes = write("a", &json!({ "format": 1 }), Some(&ours)).unwrap();
        assert!(read::<Value>("a", &bytes, Some(&ours)).is_ok());
        assert!(read::<Value>("a", &bytes, Some(&other)).is_err());
        assert!(read::<Value>("b", &bytes, Some(&ours)).is_err());
        let without = write("a", &json!({ "format": 1 }), None).unwrap();
        assert!(read::<Value>("a", &without, Some(&ours)).is_err());
        assert_eq!(key_id(&bytes).as_deref(), Some(ours.id()));
    }
}
