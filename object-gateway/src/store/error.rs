//! Why the store did not do what it was asked.

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It was not done.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It may be done, or be done later.
    #[error("the store did not answer in time: {0}")]
    Unknown(String),
    /// There are too many requests.
    #[error("the store is overloaded")]
    Overloaded,
    /// What is stored can't be read.
    #[error("stored data can't be read: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// One word for metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "Unavailable",
            Self::Unknown(_) => "Unknown",
            Self::Overloaded => "Overloaded",
            Self::Corrupt(_) => "Corrupt",
        }
    }
}

impl From<crate::core::record::Unreadable> for StoreError {
    fn from(error: crate::core::record::Unreadable) -> Self {
        Self::Corrupt(error.to_string())
    }
}
