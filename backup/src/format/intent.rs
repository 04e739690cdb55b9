//! What an attempt is about to do: `intent.json`, written before the first blob.
//!
//! While it is not over, nothing is collected that it may be using: the base that it names, and whatever was written
//! since it began. It is over when its time has passed, counted from when the store says that it was written.

use serde::{Deserialize, Serialize};

use crate::ids::Attempt;

/// An attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// Of this object.
    pub format: u32,
    /// Whose, and which.
    pub attempt: Attempt,
    /// The member's name, to be read by people.
    pub member: String,
    /// The attempt whose blobs it will use again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Attempt>,
    /// How long it may take until its backup is committed.
    pub seconds: u64,
}
