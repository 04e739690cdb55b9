//! Whether an object is as it should be, remembered: for one version of it and one digest of what is wanted, the answer
//! never changes. So the whole object is needed once, and a decision that finds nothing to do reads views only.

use std::{
    hash::{DefaultHasher, Hasher as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::Serialize;
use serde_json::Value;

/// Where the whole of an object is, of which somebody has a view.
#[derive(Clone, Debug)]
pub(super) enum Whole {
    /// What is in hand is the whole.
    InHand,
    /// Compressed.
    Packed(Arc<[u8]>),
    /// It was found right, and dropped. Compared with anything else it differs.
    Dropped,
}

/// What is known of one version of an object.
#[derive(Debug)]
pub struct Comparison {
    version: Option<u64>,
    whole: Whole,
    /// Digest of what it was found right by, in this pass or before. Zero: none.
    right: AtomicU64,
    before: u64,
}

impl Comparison {
    pub(super) fn new(version: Option<u64>, whole: Whole, right: Option<u64>) -> Self {
        let before = right.unwrap_or(0);
        Self {
            version,
            whole,
            right: before.into(),
            before,
        }
    }

    /// Of an object that is in hand as a whole.
    pub fn in_hand(version: Option<u64>) -> Self {
        Self::new(version, Whole::InHand, None)
    }

    /// Whether the object, of which this is in hand, is what is wanted, by this measure.
    pub fn is_right(
        &self,
        wanted: &Value,
        in_hand: &impl Serialize,
        measure: impl Fn(&Value, &Value) -> bool,
    ) -> bool {
        let digest = digest(wanted);
        if digest != 0 && self.right.load(Ordering::Relaxed) == digest {
            return true;
        }
        let there = match &self.whole {
            Whole::InHand => serde_json::to_value(in_hand).ok(),
            Whole::Packed(packed) => miniz_oxide::inflate::decompress_to_vec(packed)
                .ok()
                .and_then(|json| serde_json::from_slice(&json).ok()),
            Whole::Dropped => None,
        };
        // What can't be read counts as different: it is written again.
        let right = there.is_some_and(|there| measure(wanted, &there));
        if right {
            self.right.store(digest, Ordering::Relaxed);
        }
        right
    }

    /// Whether it was found right by what this is a digest of.
    pub fn is_known(&self, parts: &impl Serialize) -> bool {
        let digest = digest(parts);
        digest != 0 && self.right.load(Ordering::Relaxed) == digest
    }

    /// It is right by this, which says all that is wanted.
    pub fn know(&self, parts: &impl Serialize) {
        let digest = digest(parts);
        if digest != 0 {
            self.right.store(digest, Ordering::Relaxed);
        }
    }

    /// What is to be remembered, if it is not yet: the version, and the digest by which it is right.
    pub fn news(&self) -> Option<(u64, u64)> {
        let right = self.right.load(Ordering::Relaxed);
        self.version.zip((right != self.before).then_some(right))
    }
}

/// Never zero, but of what can't be serialized, which is never known.
fn digest(wanted: &impl Serialize) -> u64 {
    let Ok(json) = serde_json::to_vec(wanted) else {
        return 0;
    };
    let mut hasher = DefaultHasher::new();
    hasher.write(&json);
    hasher.finish().max(1)
}
