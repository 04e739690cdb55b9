//! The part of age's file format that is needed to wrap a data key: X25519 recipients, one short payload. Keys are made
//! by `age-keygen`, and a wrapped key can be read with `age --decrypt`.
//!
//! <https://age-encryption.org/v1>. Its pieces (X25519, HKDF, HMAC, ChaCha20-Poly1305) are those of two libraries; here
//! is only the order in which they are put together.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD as BASE64};
use bech32::{Bech32, Hrp, primitives::decode::CheckedHrpstring};
use ring::{aead, hkdf, hmac};
use x25519_dalek::{PublicKey, StaticSecret};

use super::random;
use crate::error::{Error, Result};

const VERSION: &str = "age-encryption.org/v1\n";
const STANZA: &str = "-> X25519 ";
const MAC: &str = "---";
const WRAP_INFO: &[u8] = b"age-encryption.org/v1/X25519";
/// The nonce of the first and last chunk of a payload: no chunk before it, none after it.
const ONLY_CHUNK: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// Who may read: `age1…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(PublicKey);

/// Who can read: `AGE-SECRET-KEY-1…`.
#[derive(Clone)]
pub struct Identity(StaticSecret);

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Hrp::parse("age")
            .ok()
            .and_then(|hrp| bech32::encode::<Bech32>(hrp, self.0.as_bytes()).ok());
        f.write_str(&text.unwrap_or_default())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

impl FromStr for Recipient {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(Self(PublicKey::from(of_bech32("recipient", "age", text)?)))
    }
}

impl FromStr for Identity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(Self(StaticSecret::from(of_bech32(
            "identity",
            "age-secret-key-",
            text,
        )?)))
    }
}

impl Identity {
    /// The recipient for which this is the identity.
    pub fn recipient(&self) -> Recipient {
        Recipient(PublicKey::from(&self.0))
    }

    /// All identities of a file, as `age-keygen` writes it: one a line, comments begin with `#`.
    pub fn parse_file(text: &str) -> Result<Vec<Self>> {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::parse)
            .collect()
    }
}

fn of_bech32(what: &'static str, prefix: &str, text: &str) -> Result<[u8; 32]> {
    let bad = |detail: &str| Error::BadKey {
        what,
        detail: detail.to_owned(),
    };
    let checked = CheckedHrpstring::new::<Bech32>(text.trim())
        .map_err(|_| bad("it is not Bech32, as age writes its keys"))?;
    if checked.hrp().to_lowercase() != prefix {
        return Err(bad("it is another kind of key"));
    }
    let bytes: Vec<u8> = checked.byte_iter().collect();
    bytes.try_into().map_err(|_| bad("it is not 32 bytes long"))
}

/// A file of age with this payload.
pub(super) fn encrypt(payload: &[u8], recipients: &[Recipient]) -> Result<Vec<u8>> {
    if recipients.is_empty() {
        return Err(Error::BadKey {
            what: "recipient",
            detail: "there is none".to_owned(),
        });
    }
    let file_key: [u8; 16] = random()?;
    let mut header = VERSION.to_owned();
    for recipient in recipients {
        let secret = StaticSecret::from(random::<32>()?);
        let share = PublicKey::from(&secret);
        let shared = secret.diffie_hellman(&recipient.0);
        if !shared.was_contributory() {
            return Err(Error::BadKey {
                what: "recipient",
                detail: "it is a point of small order".to_owned(),
            });
        }
        let key = wrapping_key(share.as_bytes(), recipient.0.as_bytes(), shared.as_bytes())?;
        let body = BASE64.encode(seal(&key, [0; 12], &file_key)?);
        for part in [STANZA, &BASE64.encode(share.as_bytes()), "\n", &body, "\n"] {
            header.push_str(part);
        }
    }
    header.push_str(MAC);
    let mac = hmac::sign(&header_key(&file_key)?, header.as_bytes());
    let mut file = format!("{header} {}\n", BASE64.encode(mac.as_ref())).into_bytes();
    let nonce: [u8; 16] = random()?;
    file.extend_from_slice(&nonce);
    file.extend(seal(
        &derive(&nonce, &file_key, b"payload")?,
        ONLY_CHUNK,
        payload,
    )?);
    Ok(file)
}

/// The payload of a file of age, or what is wrong.
pub(super) fn decrypt(
    file: &[u8],
    identities: &[Identity],
) -> std::result::Result<Vec<u8>, &'static str> {
    const BROKEN: &str = "it is not a file of age";
    let end = file
        .windows(4)
        .position(|window| window == b"\n---")
        .ok_or(BROKEN)?
        + 4;
    let (header, rest) = file.split_at(end);
    let line_end = rest.iter().position(|byte| *byte == b'\n').ok_or(BROKEN)?;
    let (mac, payload) = rest.split_at(line_end);
    let mac = mac
        .strip_prefix(b" ")
        .and_then(|mac| BASE64.decode(mac).ok())
        .ok_or(BROKEN)?;
    let text = std::str::from_utf8(header).map_err(|_| BROKEN)?;
    let stanzas = text.strip_prefix(VERSION).ok_or(BROKEN)?;
    let file_key = file_key(stanzas, identities).ok_or("no identity at hand is of a recipient")?;
    let proved = header_key(&file_key).map_err(|_| BROKEN)?;
    hmac::verify(&proved, header, &mac).map_err(|_| "its header was changed")?;
    let (nonce, sealed) = payload
        .get(1..)
        .and_then(|payload| payload.split_first_chunk::<16>())
        .ok_or("its payload was cut")?;
    let key = derive(nonce, &file_key, b"payload").map_err(|_| BROKEN)?;
    open(&key, ONLY_CHUNK, sealed).ok_or("its payload was changed")
}

fn file_key(stanzas: &str, identities: &[Identity]) -> Option<[u8; 16]> {
    let mut lines = stanzas.lines();
    while let Some(line) = lines.next() {
        let Some(share) = line.strip_prefix(STANZA) else {
            continue;
        };
        let share: [u8; 32] = BASE64.decode(share).ok()?.try_into().ok()?;
        let body = BASE64.decode(lines.next()?).ok()?;
        for identity in identities {
            let shared = identity.0.diffie_hellman(&PublicKey::from(share));
            let own = identity.recipient();
            let key = wrapping_key(&share, own.0.as_bytes(), shared.as_bytes()).ok()?;
            if let Some(file_key) = open(&key, [0; 12], &body) {
                return file_key.try_into().ok();
            }
        }
    }
    None
}

fn wrapping_key(share: &[u8; 32], recipient: &[u8; 32], shared: &[u8; 32]) -> Result<[u8; 32]> {
    derive(&[*share, *recipient].concat(), shared, WRAP_INFO)
}

fn header_key(file_key: &[u8; 16]) -> Result<hmac::Key> {
    Ok(hmac::Key::new(
        hmac::HMAC_SHA256,
        &derive(&[], file_key, b"header")?,
    ))
}

fn derive(salt: &[u8], secret: &[u8], info: &[u8]) -> Result<[u8; 32]> {
    let failed = |_| Error::Internal {
        what: "derivation of a key",
    };
    let mut key = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info], hkdf::HKDF_SHA256)
        .and_then(|output| output.fill(&mut key))
        .map_err(failed)?;
    Ok(key)
}

fn seal(key: &[u8; 32], nonce: [u8; 12], plain: &[u8]) -> Result<Vec<u8>> {
    let failed = |_| Error::Internal { what: "encryption" };
    let key = aead::UnboundKey::new(&aead::CHACHA20_POLY1305, key).map_err(failed)?;
    let mut bytes = plain.to_vec();
    aead::LessSafeKey::new(key)
        .seal_in_place_append_tag(
            aead::Nonce::assume_unique_for_key(nonce),
            aead::Aad::empty(),
            &mut bytes,
        )
        .map_err(failed)?;
    Ok(bytes)
}

fn open(key: &[u8; 32], nonce: [u8; 12], sealed: &[u8]) -> Option<Vec<u8>> {
    let key = aead::UnboundKey::new(&aead::CHACHA20_POLY1305, key).ok()?;
    let mut bytes = sealed.to_vec();
    let nonce = aead::Nonce::assume_unique_for_key(nonce);
    let plain = aead::LessSafeKey::new(key)
        .open_in_place(nonce, aead::Aad::empty(), &mut bytes)
        .ok()?;
    Some(plain.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of age-keygen's manual.
    const IDENTITY: &str =
        "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

    fn identity() -> Identity {
        IDENTITY.parse().unwrap()
    }

    fn other() -> Identity {
        Identity(StaticSecret::from([9; 32]))
    }

    #[test]
    fn keys_are_read_as_age_writes_them() {
        // 32 bytes of 0x42: the key of age's own test vectors.
        assert_eq!(identity().0.to_bytes(), [0x42; 32]);
        let recipient = identity().recipient();
        assert!(recipient.to_string().starts_with("age1"));
        assert_eq!(
            recipient.to_string().parse::<Recipient>().unwrap(),
            recipient
        );
        let file = format!("# created: today\n# public key: {recipient}\n{IDENTITY}\n");
        assert_eq!(Identity::parse_file(&file).unwrap().len(), 1);
        assert!(IDENTITY.parse::<Recipient>().is_err());
        assert!("age1qqq".parse::<Recipient>().is_err());
    }

    #[test]
    fn each_recipient_can_read_and_nobody_else() {
        let recipients = [other().recipient(), identity().recipient()];
        let file = encrypt(b"secret", &recipients).unwrap();
        assert_eq!(decrypt(&file, &[identity()]).unwrap(), b"secret");
        assert_eq!(decrypt(&file, &[other()]).unwrap(), b"secret");
        let stranger = Identity(StaticSecret::from([8; 32]));
        assert_eq!(
            decrypt(&file, &[stranger]),
            Err("no identity at hand is of a recipient")
        );
        assert!(encrypt(b"secret", &[]).is_err());
    }

    #[test]
    fn each_flipped_byte_is_found() {
        let file = encrypt(b"secret", &[identity().recipient()]).unwrap();
        for at in 0..file.len() {
            let mut flipped = file.clone();
            flipped[at] ^= 1;
            assert!(decrypt(&flipped, &[identity()]).is_err(), "byte {at}");
            assert!(decrypt(&file[..at], &[identity()]).is_err(), "cut at {at}");
        }
    }
}
