//! Continuation tokens: where a list goes on. They are signed with the bucket's id, which clients don't know, so that
//! a token of another bucket or a made-up one is refused.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

const SIGNATURE: usize = 8;

/// A token for going on after this key.
pub fn encode(bucket: Uuid, last: &str) -> String {
    let mut bytes = sign(bucket, last.as_bytes());
    bytes.extend_from_slice(last.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The key of a token, if it is one of this bucket.
pub fn decode(bucket: Uuid, token: &str) -> Option<String> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
    let (signature, key) = bytes.split_at_checked(SIGNATURE)?;
    let is_ours: bool = sign(bucket, key).ct_eq(signature).into();
    is_ours
        .then(|| String::from_utf8(key.to_vec()).ok())
        .flatten()
}

fn sign(bucket: Uuid, key: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(b"list-1");
    hash.update(bucket.as_bytes());
    hash.update(key);
    hash.finalize().iter().take(SIGNATURE).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_for_its_own_bucket_only() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let token = encode(a, "ü/key");
        assert_eq!(decode(a, &token).as_deref(), Some("ü/key"));
        assert_eq!(decode(b, &token), None);
        assert_eq!((decode(a, "made up"), decode(a, "")), (None, None));
    }
}
