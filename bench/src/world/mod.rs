//! Who else is there, played by a script that watches: the StatefulSet controller makes pods from templates, the
//! kubelet runs them, the agents report what their Members ask for.
//!
//! The ring is one that has been there before: each agent reports a volume with the data of a member that has
//! joined, and starts again when it is told to. That a ring of many members forms one join after the other would
//! take long and tell nothing about the controller at rest. A pod whose image is at [`NOWHERE`] never runs: the
//! kubelet says so again and again, in two ways, as the real one does.

mod agent;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use cassandra_api::testing::agent::MANAGER;
use cassandra_api::testing::pods::{self, Stage};
use cassandra_api::v1alpha1::{CassandraMember, CassandraMemberStatus, MemberState};
use cassandra_api::{labels, names};
use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use tokio::task::JoinSet;

use super::environment::NAMESPACE;

/// Registry of images that can't be pulled.
pub(super) const NOWHERE: &str = "nowhere.invalid";
/// Events that are worked on at the same time.
const AT_ONCE: usize = 16;
/// How long the kubelet says the same about an image.
const PULL_PAUSE: Duration = Duration::from_secs(15);

/// The others, at work.
pub(super) struct World {
    player: Arc<Player>,
    _tasks: JoinSet<()>,
}

struct Player {
    client: Client,
    members_of_each: usize,
    pods: Mutex<BTreeMap<String, Arc<Pod>>>,
    ready: Mutex<BTreeSet<String>>,
    unpulled: Mutex<BTreeSet<String>>,
}

impl World {
    /// Begins to play, for clusters of so many members each.
    pub(super) fn play(client: Client, members_of_each: usize) -> Self {
        let player = Arc::new(Player {
            client,
            members_of_each,
            pods: Mutex::default(),
            ready: Mutex::default(),
            unpulled: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(player.clone().make_pods());
        tasks.spawn(player.clone().report());
        tasks.spawn(player.clone().pull_in_vain());
        Self {
            player,
            _tasks: tasks,
        }
    }

    /// How many members have reported that they are ready.
    pub(super) fn ready(&self) -> usize {
        locked(&self.player.ready).len()
    }

    /// How many pods wait for their image.
    pub(super) fn unpulled(&self) -> usize {
        locked(&self.player.unpulled).len()
    }
}

impl Player {
    async fn make_pods(self: Arc<Self>) {
        let watch = watcher(Api::<StatefulSet>::all(self.client.clone()), config());
        let sets = watch.default_backoff().applied_objects();
        sets.for_each_concurrent(AT_ONCE, async |set| {
            let Ok(set) = set else { return };
            let name = set.name_any();
            if !locked(&self.pods).contains_key(&name)
                && let Err(error) = self.make_pod(&set).await
            {
                println!("  {name}: {error:#}");
                locked(&self.pods).remove(&name);
            }
        })
        .await;
    }

    async fn make_pod(&self, set: &StatefulSet) -> Result<()> {
        let pod = Arc::new(pods::of_set(set).context("a StatefulSet has a template")?);
        let name = set.name_any();
        locked(&self.pods).insert(name.clone(), Arc::clone(&pod));
        let api: Api<Pod> = self.api();
        api.create(&PostParams::default(), &pod).await?;
        if is_pulled(&pod) {
            // The Member's events before this one were for nobody.
            let members: Api<CassandraMember> = self.api();
            self.answer(&members.get(&name).await?).await
        } else {
            locked(&self.unpulled).insert(name);
            Ok(())
        }
    }

    async fn report(self: Arc<Self>) {
        let watch = watcher(Api::<CassandraMember>::all(self.client.clone()), config());
        let members = watch.default_backoff().applied_objects();
        members
            .for_each_concurrent(AT_ONCE, async |member| {
                let Ok(member) = member else { return };
                let name = member.name_any();
                let runs = locked(&self.pods).contains_key(&name)
                    && !locked(&self.unpulled).contains(&name);
                if runs && let Err(error) = self.answer(&member).await {
                    println!("  {name}: {error:#}");
                }
            })
            .await;
    }

    /// What the agent reports now, and before it the kubelet.
    async fn answer(&self, member: &CassandraMember) -> Result<()> {
        let status = agent::status(member, self.members_of_each);
        let reported = member.status.as_ref().map(CassandraMemberStatus::of_agent);
        if reported.as_ref() == Some(&status) {
            return Ok(());
        }
        let name = member.name_any();
        if status.state == MemberState::Ready && locked(&self.ready).insert(name.clone()) {
            self.set_pod_status(&name, Stage::Ready).await?;
        }
        let members: Api<CassandraMember> = self.api();
        let params = PatchParams::apply(MANAGER).force();
        let patch = Patch::Apply(agent::report(member, &status));
        members.patch_status(&name, &params, &patch).await?;
        Ok(())
    }

    /// Says of each image, now in this way, now in that, that it can't be pulled.
    async fn pull_in_vain(self: Arc<Self>) {
        for attempt in 0_usize.. {
            tokio::time::sleep(PULL_PAUSE).await;
            let waiting = locked(&self.unpulled).clone();
            for name in waiting {
                let stage = Stage::NotPulled { attempt };
                if let Err(error) = self.set_pod_status(&name, stage).await {
                    println!("  {name}: {error:#}");
                }
            }
        }
    }

    async fn set_pod_status(&self, member: &str, stage: Stage) -> Result<()> {
        let api: Api<Pod> = self.api();
        let name = names::pod(member);
        let pod = locked(&self.pods).get(member).cloned();
        let pod = pod.with_context(|| format!("{name} was not made"))?;
        let status = json!({ "status": pods::status(&pod, stage) });
        api.patch_status(&name, &PatchParams::default(), &Patch::Merge(status))
            .await?;
        Ok(())
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }
}

/// Whether the pod's images can be pulled.
fn is_pulled(pod: &Pod) -> bool {
    let mut containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    !containers.any(|container| {
        let image = container.image.as_deref();
        image.is_some_and(|image| image.starts_with(NOWHERE))
    })
}

fn config() -> watcher::Config {
    watcher::Config::default().labels(labels::MANAGED_SELECTOR)
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
