//! Seeing every status that is written, through a watch: a look now and then would miss some.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result, bail};
use cassandra_api::v1alpha1::CassandraMember;
use futures::StreamExt as _;
use kube::{
    Api, ResourceExt as _,
    api::{ListParams, WatchEvent, WatchParams},
};

use super::{MEMBERS, Operation, Paths, Seen};

/// A watch that has been quiet for so many seconds is begun anew where it was: before a client gives it up.
const QUIET: u32 = 10;

/// What the members of a cluster were seen to be, from the beginning until it is dropped.
#[derive(Debug)]
pub struct Sightings {
    known: Arc<Mutex<Known>>,
    task: tokio::task::AbortHandle,
}

#[derive(Debug, Default)]
struct Known {
    paths: Paths,
    /// Why something may have been missed.
    broken: Option<String>,
}

impl Drop for Sightings {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sightings {
    /// Begins with what there is.
    pub async fn begin(api: Api<CassandraMember>, cluster: &str) -> Result<Self> {
        let known = Arc::new(Mutex::new(Known::default()));
        let watch = Watch {
            api,
            cluster: cluster.to_owned(),
            known: known.clone(),
        };
        let all = watch.api.list(&ListParams::default()).await?;
        let version = all.metadata.resource_version.clone();
        let version = version.context("a list without a version")?;
        all.iter().for_each(|member| watch.note(member));
        let task = tokio::spawn(async move {
            let Err(error) = watch.follow(version).await;
            watch.change(|known| known.broken = Some(format!("{error:#}")));
        });
        Ok(Self {
            known,
            task: task.abort_handle(),
        })
    }

    /// What was seen so far.
    pub fn paths(&self) -> Result<Paths> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match &known.broken {
            Some(why) => bail!("the watch of members broke: {why}"),
            None => Ok(known.paths.clone()),
        }
    }

    /// Whether an operation was seen to its end: whom it befalls was away, and now all is well again.
    pub fn are_of_all(&self, operation: Operation) -> Result<bool> {
        let paths = self.paths()?;
        let done = |(member, path): (&String, &Vec<Seen>)| {
            let moved = path.len() > 1 || !operation.befalls(member);
            moved && path.last() == Some(&Seen::whole())
        };
        Ok(paths.of.len() == MEMBERS && paths.of.iter().all(done))
    }
}

/// What the task does it with.
struct Watch {
    api: Api<CassandraMember>,
    cluster: String,
    known: Arc<Mutex<Known>>,
}

impl Watch {
    /// Ends only when it can't go on without missing something.
    async fn follow(&self, mut version: String) -> Result<Infallible> {
        let params = WatchParams::default().timeout(QUIET);
        loop {
            let mut events = self.api.watch(&params, &version).await?.boxed();
            while let Some(event) = events.next().await {
                match event? {
                    WatchEvent::Added(member) | WatchEvent::Modified(member) => {
                        self.note(&member);
                        version = member.resource_version().unwrap_or(version);
                    }
                    WatchEvent::Deleted(member) => {
                        version = member.resource_version().unwrap_or(version);
                    }
                    WatchEvent::Bookmark(mark) => version = mark.metadata.resource_version,
                    WatchEvent::Error(status) => bail!("{}", status.message),
                }
            }
        }
    }

    fn note(&self, member: &CassandraMember) {
        if member.spec.cluster.name != self.cluster {
            return;
        }
        let (name, seen) = (member.name_any(), Seen::of(member));
        let status = member.status.as_ref();
        let joined = status.is_some_and(|status| status.bootstrapped.is_some());
        self.change(|Known { paths, .. }| {
            if joined && !paths.joined.contains(&name) {
                paths.joined.push(name.clone());
            }
            let path = paths.of.entry(name).or_default();
            if path.last() != Some(&seen) {
                path.push(seen);
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
