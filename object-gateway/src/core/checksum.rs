//! Checksums of bodies: MD5 for the ETag, always, and the one that the client names. What a client sends is compared
//! with what arrived; nothing is stored that does not match.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use crc_fast::{CrcAlgorithm, Digest as Crc};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// How the checksum is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    /// CRC-32 of ISO-HDLC.
    Crc32,
    /// CRC-32C, of iSCSI.
    Crc32c,
    /// CRC-64 of NVM Express.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
    ];

    /// As in `x-amz-checksum-algorithm`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header that carries it.
    pub fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// From its name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// How many bytes it has.
    pub fn width(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }
}

/// A checksum that is stored with an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// How it was computed.
    pub algorithm: Algorithm,
    /// In base64; of parts together, `-` and their number follow.
    pub value: String,
    /// Whether it is of the parts' checksums rather than of all bytes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub composite: bool,
}

/// What a checksum of a client must look like.
pub fn is_well_formed(algorithm: Algorithm, value: &str) -> bool {
    BASE64_STANDARD
        .decode(value)
        .is_ok_and(|bytes| bytes.len() == algorithm.width())
}

/// CRC-32C of a block, as kept beside it.
pub fn crc32c(bytes: &[u8]) -> u32 {
    let sum = crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes);
    u32::try_from(sum & 0xffff_ffff).unwrap_or(0)
}

enum Running {
    Crc(Algorithm, Box<Crc>),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
}

impl Running {
    fn new(algorithm: Algorithm) -> Self {
        match (algorithm, algorithm.crc()) {
            (_, Some(crc)) => Self::Crc(algorithm, Box::new(Crc::new(crc))),
            (Algorithm::Sha1, None) => Self::Sha1(sha1::Sha1::new()),
            (_, None) => Self::Sha256(sha2::Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(_, digest) => digest.update(bytes),
            Self::Sha1(digest) => digest.update(bytes),
            Self::Sha256(digest) => digest.update(bytes),
        }
    }

    fn finish(self) -> (Algorithm, Vec<u8>) {
        match self {
            Self::Crc(algorithm, digest) => {
                let bytes = digest.finalize().to_be_bytes();
                let from = bytes.len() - algorithm.width();
                (algorithm, bytes.get(from..).unwrap_or_default().to_vec())
            }
            Self::Sha1(digest) => (Algorithm::Sha1, digest.finalize().to_vec()),
            Self::Sha256(digest) => (Algorithm::Sha256, digest.finalize().to_vec()),
        }
    }
}

/// Checksums of a body as it passes.
pub struct Digests {
    md5: md5::Md5,
    named: Option<Running>,
    length: u64,
}

/// Checksums of a body that has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    /// MD5.
    pub md5: [u8; 16],
    /// The one that was named.
    pub named: Option<Checksum>,
    /// How many bytes passed.
    pub length: u64,
}

impl Digests {
    /// MD5 and, if one is named, another.
    pub fn new(named: Option<Algorithm>) -> Self {
        Self {
            md5: md5::Md5::new(),
            named: named.map(Running::new),
            length: 0,
        }
    }

    /// Some bytes pass.
    pub fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        if let Some(named) = &mut self.named {
            named.update(bytes);
        }
        self.length += bytes.len() as u64;
    }

    /// All have passed.
    pub fn finish(self) -> Sums {
        let named = self.named.map(|running| {
            let (algorithm, bytes) = running.finish();
            Checksum {
                algorithm,
                value: BASE64_STANDARD.encode(bytes),
                composite: false,
            }
        });
        Sums {
            md5: self.md5.finalize().into(),
            named,
            length: self.length,
        }
    }
}

impl Sums {
    /// The ETag of a body that came in one piece.
    pub fn etag(&self) -> String {
        hex(&self.md5)
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok())
        .collect()
}

/// The ETag of an object that came in parts: the MD5 of the parts' MD5s, and how many they are. AWS computes it so,
/// and clients do as well.
pub fn multipart_etag<'a>(parts: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut md5 = md5::Md5::new();
    let mut count = 0;
    for etag in parts {
        md5.update(unhex(etag)?);
        count += 1;
    }
    Some(format!("{}-{count}", hex(&md5.finalize())))
}

/// The checksum of parts together, from each part's checksum and size: of all bytes where the algorithm can be
/// combined and it is asked for, else of the checksums.
pub fn of_parts(algorithm: Algorithm, full: bool, parts: &[(String, u64)]) -> Option<Checksum> {
    let raw: Option<Vec<Vec<u8>>> = parts
        .iter()
        .map(|(value, _)| BASE64_STANDARD.decode(value).ok())
        .collect();
    let raw = raw?;
    if full {
        let crc = algorithm.crc()?;
        let combined =
            raw.iter()
                .zip(parts)
                .try_fold(None, |sum: Option<u64>, (bytes, (_, size))| {
                    let mut wide = [0; 8];
                    let from = 8_usize.checked_sub(bytes.len())?;
                    wide.get_mut(from..)?.copy_from_slice(bytes);
                    let part = u64::from_be_bytes(wide);
                    Some(Some(sum.map_or(part, |sum| {
                        crc_fast::checksum_combine(crc, sum, part, *size)
                    })))
                })??;
        let bytes = combined.to_be_bytes();
        let value = BASE64_STANDARD.encode(bytes.get(8 - algorithm.width()..)?);
        return Some(Checksum {
            algorithm,
            value,
            composite: false,
        });
    }
    let mut running = Running::new(algorithm);
    for bytes in &raw {
        running.update(bytes);
    }
    let value = format!(
        "{}-{}",
        BASE64_STANDARD.encode(running.finish().1),
        parts.len()
    );
    Some(Checksum {
        algorithm,
        value,
        composite: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(named: Algorithm, bytes: &[u8]) -> Sums {
        let mut digests = Digests::new(Some(named));
        digests.update(bytes);
        digests.finish()
    }

    #[test]
    fn checksums_are_those_of_the_standards() {
        let of = |algorithm| sums(algorithm, b"123456789").named.unwrap().value;
        let crc = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
        assert_eq!(of(Algorithm::Crc32), crc(&0xcbf4_3926_u32.to_be_bytes()));
        assert_eq!(of(Algorithm::Crc32c), crc(&0xe306_9283_u32.to_be_bytes()));
        assert_eq!(
            of(Algorithm::Crc64Nvme),
            crc(&0xae8b_1486_0a79_9888_u64.to_be_bytes())
        );
        assert_eq!(
            sums(Algorithm::Sha1, b"").etag(),
            "d41d8cd98f00b204e9800998ecf8427e"
        );
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    // P8 of the defects that this design excludes.
    #[test]
    fn p8_the_etag_of_parts_is_the_md5_of_their_md5s_and_their_number() {
        let part = "d41d8cd98f00b204e9800998ecf8427e";
        assert_eq!(
            multipart_etag([part, part]).unwrap(),
            "5873dd45edd01f09c1ef2e7819369e8e-2"
        );
        assert_eq!(multipart_etag(["no"]), None);
    }

    #[test]
    fn the_crc_of_parts_is_that_of_all_bytes() {
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let whole = sums(algorithm, b"hello, world, again").named.unwrap();
            let parts = [b"hello, ".as_slice(), b"world", b", again"].map(|part| {
                (
                    sums(algorithm, part).named.unwrap().value,
                    part.len() as u64,
                )
            });
            assert_eq!(of_parts(algorithm, true, &parts), Some(whole));
        }
        assert_eq!(of_parts(Algorithm::Sha1, true, &[]), None);
    }

    #[test]
    fn checksums_of_clients_have_the_right_width() {
        assert!(is_well_formed(Algorithm::Crc32, "AAAAAA=="));
        assert!(
            !is_well_formed(Algorithm::Crc32, "AAAA") && !is_well_formed(Algorithm::Sha1, "bad")
        );
    }
}
