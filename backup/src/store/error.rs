//! What a store may say, reduced to what it calls for.

use std::error::Error as _;

use object_store::{
    Error as Cause,
    client::{HttpError, HttpErrorKind},
};

use crate::error::ErrorClass;

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such object.
    #[error("not found")]
    NotFound,
    /// There is no such bucket or container.
    #[error("the store has no such bucket: {detail}")]
    NoBucket {
        /// What it says.
        detail: String,
    },
    /// There is such an object already.
    #[error("already there")]
    AlreadyExists,
    /// Wrong or expired credentials.
    #[error("the store does not accept the credentials: {detail}")]
    Credentials {
        /// What it says.
        detail: String,
    },
    /// The credentials do not permit this.
    #[error("the store does not permit it: {detail}")]
    Forbidden {
        /// What it says.
        detail: String,
    },
    /// Too many requests.
    #[error("the store asks to slow down: {detail}")]
    Throttled {
        /// What it says.
        detail: String,
    },
    /// No connection, a name that is not known, a certificate that is not trusted.
    #[error("the store can't be reached: {detail}")]
    Unreachable {
        /// What the system says.
        detail: String,
    },
    /// An error of the server, a broken connection, a body that was cut. What was asked may be done.
    #[error("the store failed: {detail}")]
    Failed {
        /// What it says.
        detail: String,
    },
    /// No answer in time. What was asked may be done.
    #[error("the store did not answer in time")]
    Timeout,
    /// The request is not one that the store accepts: a wrong region, bucket or endpoint.
    #[error("the store refuses the request: {detail}")]
    Refused {
        /// What it says.
        detail: String,
    },
}

impl StoreError {
    /// One word.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => "StoreNotFound",
            Self::NoBucket { .. } => "NoBucket",
            Self::AlreadyExists => "StoreConflict",
            Self::Credentials { .. } | Self::Forbidden { .. } => "StoreAuth",
            Self::Throttled { .. } => "StoreThrottled",
            Self::Unreachable { .. } => "StoreUnreachable",
            Self::Failed { .. } | Self::Timeout => "StoreUnavailable",
            Self::Refused { .. } => "StoreRefused",
        }
    }

    /// What it calls for.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::NotFound | Self::NoBucket { .. } | Self::Refused { .. } => ErrorClass::Invalid,
            Self::AlreadyExists => ErrorClass::Conflict,
            Self::Credentials { .. } | Self::Forbidden { .. } => ErrorClass::Forbidden,
            Self::Throttled { .. } => ErrorClass::Throttled,
            Self::Unreachable { .. } | Self::Failed { .. } | Self::Timeout => ErrorClass::Transient,
        }
    }

    /// Whether the same request may succeed if it is made again soon.
    pub fn may_pass(&self) -> bool {
        matches!(self.class(), ErrorClass::Transient | ErrorClass::Throttled)
    }
}

impl From<Cause> for StoreError {
    fn from(error: Cause) -> Self {
        let detail = full_text(&error);
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the enum is not ours and may grow"
        )]
        match &error {
            Cause::NotFound { .. } => of_nothing(detail),
            // Another write of the same key is under way, which may fail yet: nothing is known to be there.
            Cause::AlreadyExists { .. } if detail.contains("ConditionalRequestConflict") => {
                Self::Failed { detail }
            }
            Cause::AlreadyExists { .. } | Cause::Precondition { .. } => Self::AlreadyExists,
            Cause::Unauthenticated { .. } => Self::Credentials { detail },
            Cause::PermissionDenied { .. } if is_about_credentials(&detail) => {
                Self::Credentials { detail }
            }
            Cause::PermissionDenied { .. } => Self::Forbidden { detail },
            _ => of_transport(&error, detail),
        }
    }
}

/// What is behind a 404: most often that there is no such object.
fn of_nothing(detail: String) -> StoreError {
    if [
        "NoSuchBucket",
        "ContainerNotFound",
        "The specified bucket does not exist",
    ]
    .iter()
    .any(|code| detail.contains(code))
    {
        return StoreError::NoBucket { detail };
    }
    if is_about_credentials(&detail) {
        return StoreError::Credentials { detail };
    }
    StoreError::NotFound
}

/// Codes by which S3 says that it is not about permissions.
fn is_about_credentials(detail: &str) -> bool {
    [
        "ExpiredToken",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "InvalidToken",
        "XAdminUserNotFound",
        "RequestTimeTooSkewed",
    ]
    .iter()
    .any(|code| detail.contains(code))
}

fn of_transport(error: &Cause, detail: String) -> StoreError {
    if let Some(kind) = transport(error) {
        return if kind == HttpErrorKind::Timeout {
            StoreError::Timeout
        } else if kind == HttpErrorKind::Connect {
            StoreError::Unreachable { detail }
        } else {
            StoreError::Failed { detail }
        };
    }
    // The library keeps the status to itself, but for the text.
    match status(&detail) {
        Some(429 | 503) => StoreError::Throttled { detail },
        Some(400) if is_about_credentials(&detail) => StoreError::Credentials { detail },
        Some(408) => StoreError::Timeout,
        Some(300..=499) => StoreError::Refused { detail },
        Some(_) => StoreError::Failed { detail },
        None if detail.contains("BareRedirect") || detail.contains("redirect without LOCATION") => {
            StoreError::Refused { detail }
        }
        None if matches!(error, Cause::Generic { .. }) => StoreError::Failed { detail },
        None => StoreError::Refused { detail },
    }
}

fn transport(error: &Cause) -> Option<HttpErrorKind> {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    loop {
        if let Some(http) = cause.downcast_ref::<HttpError>() {
            return Some(http.kind());
        }
        cause = cause.source()?;
    }
}

fn status(detail: &str) -> Option<u16> {
    let (_, rest) = detail.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// The message, and those of its causes that it does not hold already.
fn full_text(error: &Cause) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = inner.source();
    }
    without_xml(&text)
}

/// Of an answer in XML, code and message: the rest is for those who wrote the store.
fn without_xml(text: &str) -> String {
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>"))
            .map(|(content, _)| content)
    };
    let start = text.find("<?xml").or_else(|| text.find("<Error>"));
    match (start.and_then(|start| text.get(..start)), element("Code")) {
        (Some(before), Some(code)) => {
            let message = element("Message")
                .unwrap_or_default()
                .replace("&#34;", "\"");
            format!("{before}{code}: {message}")
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_found(body: &'static str) -> StoreError {
        Cause::NotFound {
            path: "x".into(),
            source: body.into(),
        }
        .into()
    }

    #[test]
    fn a_missing_bucket_and_an_unknown_key_are_not_taken_for_a_missing_object() {
        assert!(matches!(
            not_found("status code: 404"),
            StoreError::NotFound
        ));
        let bucket = not_found("404: <Error><Code>NoSuchBucket</Code><Message>m</Message></Error>");
        assert_eq!(bucket.reason(), "NoBucket");
        let key = not_found("404: <Error><Code>InvalidAccessKeyId</Code></Error>");
        assert_eq!(key.reason(), "StoreAuth");
    }

    #[test]
    fn a_write_that_is_under_way_is_not_taken_for_one_that_is_done() {
        let of = |body: &'static str| {
            StoreError::from(Cause::AlreadyExists {
                path: "x".into(),
                source: body.into(),
            })
        };
        assert!(
            of("409 Conflict: <Error><Code>ConditionalRequestConflict</Code></Error>").may_pass()
        );
        assert!(matches!(
            of("409 Conflict: BlobAlreadyExists"),
            StoreError::AlreadyExists
        ));
    }

    #[test]
    fn of_xml_only_code_and_message_are_told() {
        let text = "GET x - status code: 403: <?xml version=\"1.0\"?>\n<Error><Code>C</Code><Message>a \
            &#34;b&#34;</Message><RequestId>1</RequestId></Error>";
        assert_eq!(without_xml(text), "GET x - status code: 403: C: a \"b\"");
        assert_eq!(without_xml("no xml"), "no xml");
    }

    #[test]
    fn statuses_are_told_apart() {
        let of = |status: &str| {
            let source = format!("Server returned non-2xx status code: {status}").into();
            StoreError::from(Cause::Generic {
                store: "S3",
                source,
            })
            .reason()
        };
        assert_eq!(of("503 Slow Down"), "StoreThrottled");
        assert_eq!(of("500 Internal Server Error"), "StoreUnavailable");
        assert_eq!(of("400 Bad Request"), "StoreRefused");
        assert_eq!(of("400 Bad Request: ExpiredToken"), "StoreAuth");
    }
}
