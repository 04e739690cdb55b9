//! The bucket in a host name: `bucket.domain`, if a domain is set. Every other host is one of ours, with the bucket in
//! the path.

use s3s::{
    S3Result,
    host::{S3Host, VirtualHost},
};

/// The domain.
#[derive(Clone, Debug)]
pub struct Domain(pub String);

impl Domain {
    /// The bucket that a `Host` header names.
    pub fn bucket<'a>(&self, host: &'a str) -> Option<&'a str> {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            Some(_) | None => host,
        };
        let start = name.len().checked_sub(self.0.len())?;
        let is_below = name.get(start..)?.eq_ignore_ascii_case(&self.0);
        name.get(..start)?
            .strip_suffix('.')
            .filter(|bucket| is_below && !bucket.is_empty())
    }
}

impl S3Host for Domain {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let found = VirtualHost::new(&self.0);
        Ok(match self.bucket(host) {
            Some(bucket) => found.with_bucket(bucket),
            None => found,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_what_stands_before_the_domain() {
        let domain = Domain("s3.example.com".into());
        assert_eq!(domain.bucket("photos.S3.example.com:8080"), Some("photos"));
        assert_eq!(domain.bucket("a.b.s3.example.com"), Some("a.b"));
        for host in [
            "s3.example.com",
            "localhost:9000",
            "xs3.example.com",
            ".s3.example.com",
            "",
        ] {
            assert_eq!(domain.bucket(host), None, "{host}");
        }
    }
}
