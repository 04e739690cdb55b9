//! A watch: what happened to the objects of a selection, as a replica's cache comes to know of it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, stream};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    catalogue::Resource,
    request::Request,
    revision::Follow,
    selectors::Selection,
    server::Inner,
    store::{Change, Object, Store},
    verbs::read::{metadata_of, wants_metadata},
};

/// How long a watch lasts that does not say.
const LASTS: u64 = 1800;
/// How often a quiet watch says how far it is.
const BOOKMARKS: Duration = Duration::from_mins(1);

/// A watch that was asked for.
#[derive(Debug)]
pub(crate) struct Watching {
    resource: Arc<Resource>,
    namespace: String,
    selection: Selection,
    replica: usize,
    from: u64,
    initial: bool,
    bookmarks: bool,
    metadata_only: bool,
    lasts: Duration,
}

impl Watching {
    pub(crate) fn new(
        request: &Request,
        selection: Selection,
        replica: usize,
        from: u64,
        initial: bool,
    ) -> Self {
        let seconds = request.asked("timeoutSeconds").parse().unwrap_or(LASTS);
        Self {
            resource: request.resource.clone(),
            namespace: request.namespace.clone(),
            selection,
            replica,
            from,
            initial,
            bookmarks: request.is_set("allowWatchBookmarks"),
            metadata_only: wants_metadata(request),
            lasts: Duration::from_secs(seconds),
        }
    }

    /// The events, one JSON object a line.
    pub(crate) fn stream(
        self,
        inner: Arc<Inner>,
    ) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + use<> {
        let ends = Instant::now() + self.lasts;
        let seen = inner.subscribe(self.replica);
        let next_bookmark = Instant::now() + BOOKMARKS;
        let follower = Follower {
            cursor: None,
            watching: self,
            inner,
            seen,
            ends,
            next_bookmark,
            over: false,
        };
        stream::unfold(follower, |mut follower| async move {
            let lines = follower.next().await?;
            Some((Ok(lines), follower))
        })
    }

    fn line(&self, kind: &str, object: &Object, revision: Option<u64>) -> Vec<u8> {
        let mut line = format!("{{\"type\":\"{kind}\",\"object\":").into_bytes();
        match (self.metadata_only, revision) {
            (false, None) => line.extend_from_slice(&object.json()),
            (metadata_only, revision) => {
                let mut value = object.value().clone();
                if let Some(revision) = revision {
                    super::store::stamp(&mut value, revision);
                }
                if metadata_only {
                    value = metadata_of(&value);
                }
                line.extend(value.to_string().into_bytes());
            }
        }
        line.extend_from_slice(b"}\n");
        line
    }

    fn bookmark(&self, revision: u64, ends_list: bool) -> Vec<u8> {
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if let (true, Some(fields)) = (ends_list, metadata.as_object_mut()) {
            let annotation = json!({"k8s.io/initial-events-end": "true"});
            fields.insert("annotations".into(), annotation);
        }
        let (version, kind) = if self.metadata_only {
            (
                "meta.k8s.io/v1".to_owned(),
                "PartialObjectMetadata".to_owned(),
            )
        } else {
            (self.resource.api_version(), self.resource.kind.clone())
        };
        let object = json!({"apiVersion": version, "kind": kind, "metadata": metadata});
        written("BOOKMARK", &object)
    }

    fn change(&self, change: &Change) -> Option<Vec<u8>> {
        let here = change.key.resource == self.resource.id
            && (self.namespace.is_empty() || *change.key.namespace == *self.namespace);
        if !here {
            return None;
        }
        let matches = |object: &Option<Arc<Object>>| {
            object
                .clone()
                .filter(|object| self.selection.matches(object.value()))
        };
        match (matches(&change.old), matches(&change.new)) {
            (None, None) => None,
            (None, Some(new)) => Some(self.line("ADDED", &new, None)),
            (Some(_), Some(new)) => Some(self.line("MODIFIED", &new, None)),
            (Some(old), None) => Some(self.line("DELETED", &old, Some(change.revision))),
        }
    }

    fn all(&self, store: &Store, revision: u64) -> Vec<u8> {
        let all = store.list_at(self.resource.id, &self.namespace, revision);
        let matching = all.filter(|(_, object)| self.selection.matches(object.value()));
        matching
            .flat_map(|(_, object)| self.line("ADDED", object, None))
            .collect()
    }
}

fn written(kind: &str, object: &Value) -> Vec<u8> {
    let mut line = json!({"type": kind, "object": object})
        .to_string()
        .into_bytes();
    line.push(b'\n');
    line
}

struct Follower {
    watching: Watching,
    inner: Arc<Inner>,
    /// What has been told; None: nothing yet.
    cursor: Option<u64>,
    seen: Option<Follow>,
    ends: Instant,
    next_bookmark: Instant,
    over: bool,
}

impl Follower {
    /// The next lines, or None when the watch is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.over {
                return None;
            }
            let lines = self.news();
            if !lines.is_empty() {
                return Some(lines.into());
            }
            let seen = self.seen.as_mut()?;
            tokio::select! {
                biased;
                () = seen.changed() => {}
                () = tokio::time::sleep_until(self.ends) => {
                    self.over = true;
                    return self.watching.bookmarks.then(|| self.told().into());
                }
                () = tokio::time::sleep_until(self.next_bookmark), if self.watching.bookmarks => {
                    self.next_bookmark = Instant::now() + BOOKMARKS;
                    return Some(self.told().into());
                }
            }
        }
    }

    fn told(&self) -> Vec<u8> {
        self.watching.bookmark(self.cursor.unwrap_or(0), false)
    }

    /// What the replica knows and has not been told.
    fn news(&mut self) -> Vec<u8> {
        let seen = self.seen.as_mut().map_or(0, Follow::now);
        let state = self.inner.state();
        let store = &state.store;
        let watching = &self.watching;
        let Some(cursor) = self.cursor else {
            let (lines, cursor) = match (watching.from, watching.initial) {
                (0, initial) => {
                    let mut lines = watching.all(store, seen);
                    if initial && watching.bookmarks {
                        lines.extend(watching.bookmark(seen, true));
                    }
                    (lines, seen)
                }
                (from, _) => (Vec::new(), from),
            };
            drop(state);
            self.cursor = Some(cursor);
            return if lines.is_empty() { self.news() } else { lines };
        };
        if cursor < store.compacted() {
            self.over = true;
            return written("ERROR", &expired(cursor, store.compacted()));
        }
        let changes = store
            .since(cursor)
            .take_while(|change| change.revision <= seen);
        let lines = changes
            .filter_map(|change| watching.change(change))
            .flatten()
            .collect();
        self.cursor = Some(cursor.max(seen));
        lines
    }
}

fn expired(asked: u64, oldest: u64) -> Value {
    let message = format!("too old resource version: {asked} ({oldest})");
    json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "message": message, "reason": "Expired", "code": 410})
}
