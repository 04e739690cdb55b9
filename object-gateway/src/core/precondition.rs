//! Conditions of requests: `If-Match`, `If-None-Match`, `If-Modified-Since`, `If-Unmodified-Since`.

use serde::{Deserialize, Serialize};

use super::time::{Micros, SECOND};

/// An ETag as a condition names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tag {
    /// `*`: whatever there is.
    Any,
    /// This one.
    Is(String),
}

impl Tag {
    fn matches(&self, etag: Option<&str>) -> bool {
        match (self, etag) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::Is(wanted), Some(etag)) => wanted == etag,
        }
    }
}

/// The conditions of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// `If-Match`.
    pub if_match: Option<Tag>,
    /// `If-None-Match`.
    pub if_none_match: Option<Tag>,
    /// `If-Modified-Since`.
    pub modified_since: Option<Micros>,
    /// `If-Unmodified-Since`.
    pub unmodified_since: Option<Micros>,
}

/// What the conditions say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Proceed,
    /// 304: the client has it already.
    NotModified,
    /// 412.
    Failed,
    /// 404: a condition on an object that is not there.
    Absent,
}

impl Conditions {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Of a read, in the order of RFC 9110: `If-Match` takes precedence over `If-Unmodified-Since`, `If-None-Match`
    /// over `If-Modified-Since`. HTTP dates have whole seconds.
    pub fn of_read(&self, etag: &str, modified: Micros) -> Verdict {
        let modified = modified / SECOND;
        match (&self.if_match, self.unmodified_since) {
            (Some(tag), _) if !tag.matches(Some(etag)) => return Verdict::Failed,
            (None, Some(limit)) if modified > limit / SECOND => return Verdict::Failed,
            (Some(_) | None, _) => {}
        }
        match (&self.if_none_match, self.modified_since) {
            (Some(tag), _) if tag.matches(Some(etag)) => Verdict::NotModified,
            (None, Some(limit)) if modified <= limit / SECOND => Verdict::NotModified,
            (Some(_) | None, _) => Verdict::Proceed,
        }
    }

    /// Of a write, against what is there.
    pub fn of_write(&self, etag: Option<&str>) -> Verdict {
        match &self.if_match {
            Some(_) if etag.is_none() => return Verdict::Absent,
            Some(tag) if !tag.matches(etag) => return Verdict::Failed,
            Some(_) | None => {}
        }
        match &self.if_none_match {
            Some(tag) if tag.matches(etag) => Verdict::Failed,
            Some(_) | None => Verdict::Proceed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(tag: &str) -> Tag {
        Tag::Is(tag.to_owned())
    }

    #[test]
    fn reads_follow_the_precedence_of_rfc_9110() {
        let read = |conditions: Conditions| conditions.of_read("a", 10 * SECOND);
        let none = Conditions::default();
        assert_eq!(read(none.clone()), Verdict::Proceed);
        assert_eq!(
            read(Conditions {
                if_match: Some(is("b")),
                ..none.clone()
            }),
            Verdict::Failed
        );
        let both = Conditions {
            if_match: Some(is("a")),
            unmodified_since: Some(0),
            ..none.clone()
        };
        assert_eq!(read(both), Verdict::Proceed);
        assert_eq!(
            read(Conditions {
                if_none_match: Some(is("a")),
                ..none.clone()
            }),
            Verdict::NotModified
        );
        let both = Conditions {
            if_none_match: Some(is("b")),
            modified_since: Some(20 * SECOND),
            ..none.clone()
        };
        assert_eq!(read(both), Verdict::Proceed);
        let since = Conditions {
            modified_since: Some(10 * SECOND + 5),
            ..none.clone()
        };
        assert_eq!(read(since), Verdict::NotModified);
        assert_eq!(
            read(Conditions {
                unmodified_since: Some(9 * SECOND),
                ..none
            }),
            Verdict::Failed
        );
    }

    #[test]
    fn writes_create_only_what_is_absent_and_replace_only_what_is_named() {
        let create = Conditions {
            if_none_match: Some(Tag::Any),
            ..Conditions::default()
        };
        assert_eq!(
            (create.of_write(None), create.of_write(Some("a"))),
            (Verdict::Proceed, Verdict::Failed)
        );
        let replace = Conditions {
            if_match: Some(is("a")),
            ..Conditions::default()
        };
        assert_eq!(replace.of_write(Some("a")), Verdict::Proceed);
        assert_eq!(
            (replace.of_write(Some("b")), replace.of_write(None)),
            (Verdict::Failed, Verdict::Absent)
        );
    }
}
