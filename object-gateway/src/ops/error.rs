//! Why an operation was refused or failed.

use crate::{core::upload::Incomplete, store::StoreError};

/// What an operation gives.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such bucket.
    #[error("the bucket does not exist")]
    NoSuchBucket,
    /// Somebody else has a bucket of this name.
    #[error("the bucket name is taken")]
    BucketTaken,
    /// The same tenant has it already.
    #[error("the bucket is already yours")]
    BucketOwned,
    /// There is something in it.
    #[error("the bucket is not empty")]
    BucketNotEmpty,
    /// The name is not one.
    #[error("the bucket name is not valid")]
    InvalidBucketName,
    /// It is being changed or deleted by somebody else.
    #[error("a conflicting operation is in progress")]
    OperationAborted,
    /// There is no such object; with the delete marker's version, if that is what is there.
    #[error("the key does not exist")]
    NoSuchKey(Option<String>),
    /// There is no such version.
    #[error("the version does not exist")]
    NoSuchVersion,
    /// A delete marker was asked for as if it were an object.
    #[error("the version is a delete marker")]
    IsDeleteMarker(String),
    /// There is no such upload.
    #[error("the upload does not exist; it may have been completed or given up")]
    NoSuchUpload,
    /// The parts can't be put together.
    #[error(transparent)]
    Incomplete(#[from] Incomplete),
    /// 304.
    #[error("not modified")]
    NotModified {
        /// The ETag.
        etag: String,
    },
    /// 412.
    #[error("a precondition does not hold")]
    PreconditionFailed,
    /// 409: two conditional requests met.
    #[error("a conflicting conditional operation is in progress")]
    ConditionalConflict,
    /// 416.
    #[error("the range is not satisfiable for {size} bytes")]
    InvalidRange {
        /// The object's size.
        size: u64,
    },
    /// What arrived is not what was announced.
    #[error("{0} does not match what arrived")]
    BadDigest(&'static str),
    /// The body ended early.
    #[error("the body has fewer or more bytes than announced")]
    IncompleteBody,
    /// The body can't be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// It is too large.
    #[error("the object is too large")]
    EntityTooLarge,
    /// There is no memory for it now.
    #[error("too many requests at once")]
    SlowDown,
    /// Nobody permits it.
    #[error("access denied")]
    AccessDenied,
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a body can't be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Its hash is not the signed one.
    #[error("the body is not the one that was signed")]
    Signature,
    /// Its hash in the header is another one.
    #[error("x-amz-content-sha256 does not match the body")]
    Sha256,
    /// It is not in the form that was announced.
    #[error("the body is malformed")]
    Malformed,
    /// The client sent nothing for too long.
    #[error("the client sent nothing for too long")]
    Idle,
    /// The connection broke.
    #[error("the body was cut")]
    Cut,
}

impl From<crate::core::record::Unreadable> for Error {
    fn from(error: crate::core::record::Unreadable) -> Self {
        Self::Store(error.into())
    }
}
