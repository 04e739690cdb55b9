//! The region in a signature. A client that names another one is told ours, in the form that clients understand and
//! sign again by: s3cmd, which names `US` unless it is told otherwise, finds its way so.

/// A region that is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// In the `Authorization` header.
    Header(String),
    /// In the query.
    Query(String),
}

/// The region that an `Authorization` header of version 4 names.
fn in_header(authorization: &str) -> Option<&str> {
    let rest = authorization.strip_prefix("AWS4-HMAC-SHA256")?;
    let at = rest.find("Credential=")? + "Credential=".len();
    in_credential(rest.get(at..)?.split([',', ' ']).next()?)
}

/// `key/date/region/service/aws4_request`; a key may have slashes itself.
fn in_credential(credential: &str) -> Option<&str> {
    let mut parts = credential.rsplit('/');
    (parts.next()? == "aws4_request").then_some(())?;
    parts.next()?;
    parts.next()
}

/// Whether a request names another region than ours.
pub fn check(authorization: Option<&str>, query: Option<&str>, ours: &str) -> Result<(), Wrong> {
    if let Some(named) = authorization.and_then(in_header)
        && named != ours
    {
        return Err(Wrong::Header(named.to_owned()));
    }
    let pairs = query.into_iter().flat_map(crate::core::tags::parse_header);
    for (_, credential) in pairs.filter(|(name, _)| name == "X-Amz-Credential") {
        if let Some(named) = in_credential(&credential)
            && named != ours
        {
            return Err(Wrong::Query(named.to_owned()));
        }
    }
    Ok(())
}

impl Wrong {
    /// The error's code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Header(_) => "AuthorizationHeaderMalformed",
            Self::Query(_) => "AuthorizationQueryParametersError",
        }
    }

    /// What is answered.
    pub fn message(&self, ours: &str) -> String {
        let (Self::Header(named) | Self::Query(named)) = self;
        format!("The authorization is malformed; the region '{named}' is wrong; expecting '{ours}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "AWS4-HMAC-SHA256 Credential=AK/20260101/US/s3/aws4_request, SignedHeaders=host, Signature=0";

    #[test]
    fn the_default_region_of_s3cmd_is_told_ours() {
        let wrong = check(Some(HEADER), None, "us-east-1").unwrap_err();
        assert_eq!(
            (wrong.clone(), wrong.code()),
            (Wrong::Header("US".into()), "AuthorizationHeaderMalformed")
        );
        assert!(wrong.message("us-east-1").contains("expecting 'us-east-1'"));
        assert_eq!(check(Some(HEADER), None, "US"), Ok(()));
    }

    #[test]
    fn presigned_urls_are_looked_at_too() {
        let query = "X-Amz-Credential=AK%2F20260101%2Feu%2Fs3%2Faws4_request&X-Amz-Signature=0";
        assert_eq!(
            check(None, Some(query), "us-east-1"),
            Err(Wrong::Query("eu".into()))
        );
        assert_eq!(check(None, Some(query), "eu"), Ok(()));
    }

    #[test]
    fn other_authorizations_are_not_ours_to_judge() {
        for header in ["AWS AK:sig", "garbage", "AWS4-HMAC-SHA256 Credential=x", ""] {
            assert_eq!(
                check(Some(header), Some("a=b&c"), "us-east-1"),
                Ok(()),
                "{header}"
            );
        }
    }
}
