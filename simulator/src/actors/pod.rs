//! One member's pod on its node: the agent beside, the bootstrapper before, Cassandra, and the end. Agent
//! and bootstrapper are the real ones.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use bootstrapper::{bootstrap, cli};
use cassandra_api::{
    identity::{Identity, container, variable},
    names,
    quantity::Quantity,
    revision::{ConfigRevision, REVISION_KEY},
};
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet, time::sleep};

use super::{
    Environment,
    agent::{AgentContainer, Loopback},
    bootstrapper::SimulatedFolders,
    component_client::{CLAIM, ComponentClient, Kind, text},
    pod_status::{Container, PodStatus},
    scheduler::claim_of,
};
use crate::{
    json::At as _,
    kubernetes::User,
    ring::{Ring, Start},
};

const CONFIG_MAP: Kind = Kind("v1", "ConfigMap");
/// The pause before a container that failed again is started again, and the longest. The first time there is none.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(10), Duration::from_mins(5));
/// How often readiness is asked for, and how many times in a row it must be denied.
const READINESS: Duration = Duration::from_secs(5);
const DENIALS: u32 = 2;
/// How long a drain takes, and the end of a process after it.
const DRAIN: Duration = Duration::from_secs(3);
/// How long after the end of Cassandra the agent beside it is told to end.
const BESIDE: Duration = Duration::from_millis(600);

/// What the kubelet tells a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PodSignal {
    /// Run.
    Run,
    /// End in good order.
    Terminate,
}

/// Runs until it is told to end, and then ends in good order. Dropped: everything in it is killed.
pub(super) async fn run(
    client: ComponentClient,
    environment: Arc<Environment>,
    pod: Value,
    mut signals: watch::Receiver<PodSignal>,
) {
    let ip = environment.next_address();
    let status = Arc::new(PodStatus::new(client.clone(), &pod, &ip.to_string()));
    let pod = RunningPod {
        client,
        environment,
        ip,
        status,
        pod,
    };
    pod.status.begin();
    let mut containers = JoinSet::new();
    let (end_agent, agent_told) = watch::channel(false);
    let mut running = None;
    tokio::select! {
        biased;
        () = pod.run(&mut containers, agent_told, &mut running) => {}
        _ = signals.wait_for(|signal| *signal == PodSignal::Terminate) => {}
    }
    if running.is_some() {
        if pod.environment.ring.management(pod.uid()).drain() {
            sleep(DRAIN).await;
        }
        sleep(DRAIN).await;
    }
    let ran = running.take().is_some();
    pod.status.ready(false);
    if ran {
        sleep(BESIDE).await;
    }
    end_agent.send_replace(true);
    while containers.join_next().await.is_some() {}
    pod.status.gone();
}

/// A pod that runs.
struct RunningPod {
    client: ComponentClient,
    environment: Arc<Environment>,
    ip: IpAddr,
    status: Arc<PodStatus>,
    pod: Value,
}

/// Ends Cassandra's task with it.
struct Cassandra(tokio::task::AbortHandle);

impl Drop for Cassandra {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl RunningPod {
    fn uid(&self) -> &str {
        text(&self.pod, "/metadata/uid")
    }

    fn ring(&self) -> &Ring {
        &self.environment.ring
    }

    async fn run(
        &self,
        containers: &mut JoinSet<()>,
        agent_told: watch::Receiver<bool>,
        running: &mut Option<Cassandra>,
    ) {
        let volume = self.mounted().await;
        for container in [
            container::AGENT,
            container::BOOTSTRAPPER,
            container::CASSANDRA,
        ] {
            self.pulled(container).await;
        }
        let Some(agent) = self.begin_agent(containers, agent_told, &volume) else {
            return std::future::pending().await;
        };
        sleep(self.environment.container_start).await;
        self.status.set(container::AGENT, Container::Running(true));
        self.status.set(container::INIT_CONFIG, Container::Done);
        self.status
            .set(container::BOOTSTRAPPER, Container::Running(false));
        self.bootstrap(&agent, &volume).await;
        self.status.set(container::BOOTSTRAPPER, Container::Done);
        let task = tokio::spawn(cassandra(
            self.ring().clone(),
            self.start(&volume),
            self.status.clone(),
            self.environment.container_start,
        ));
        *running = Some(Cassandra(task.abort_handle()));
        self.judge_readiness(&agent).await;
    }

    /// Waits for what the pod mounts. The volume's name.
    async fn mounted(&self) -> String {
        let namespace = text(&self.pod, "/metadata/namespace");
        let volumes = self.pod.at("/spec/volumes").and_then(Value::as_array);
        let maps: Vec<_> = volumes
            .into_iter()
            .flatten()
            .filter_map(|volume| volume.at("/configMap/name")?.as_str())
            .collect();
        loop {
            let volume = match claim_of(&self.pod) {
                None => Some(format!("pod-{}", self.uid())),
                Some(claim) => self.client.get(CLAIM, namespace, claim).and_then(|claim| {
                    let bound = text(claim.value(), "/status/phase") == "Bound";
                    bound.then(|| text(claim.value(), "/spec/volumeName").to_owned())
                }),
            };
            let there = |map: &&str| self.client.get(CONFIG_MAP, namespace, map).is_some();
            if let Some(volume) = volume.filter(|_| maps.iter().all(there)) {
                return volume;
            }
            sleep(READINESS).await;
        }
    }

    /// Waits until a container's image can be pulled.
    async fn pulled(&self, container: &str) {
        let image = text(self.container(container), "/image").to_owned();
        while self.environment.lacks_image(&image) {
            self.status
                .set(container, Container::Waiting("ImagePullBackOff"));
            sleep(READINESS).await;
        }
    }

    fn container(&self, name: &str) -> &Value {
        let lists = ["/spec/initContainers", "/spec/containers"];
        let all = lists
            .into_iter()
            .filter_map(|list| self.pod.at(list)?.as_array())
            .flatten();
        let mut all = all.filter(|container| text(container, "/name") == name);
        all.next().unwrap_or(&Value::Null)
    }

    /// What the ConfigMap holds that the pod mounts as the revision of its configuration.
    fn revision(&self) -> BTreeMap<String, String> {
        let namespace = text(&self.pod, "/metadata/namespace");
        let name = self.variable(container::BOOTSTRAPPER, variable::CONFIG_REVISION);
        let map = name.and_then(|name| self.client.get(CONFIG_MAP, namespace, &name));
        let data = map.and_then(|map| map.value().get("data").cloned());
        data.and_then(|data| serde_json::from_value(data).ok())
            .unwrap_or_default()
    }

    /// As the configuration of the pod has it.
    fn cluster_name(&self) -> String {
        let text = self.revision().remove(REVISION_KEY).unwrap_or_default();
        let revision = serde_json::from_str::<ConfigRevision>(&text);
        revision.map_or_else(|_| String::new(), |revision| revision.cluster_name)
    }

    /// A variable of a container's environment.
    fn variable(&self, container: &str, name: &str) -> Option<String> {
        let all = self.container(container).get("env")?.as_array()?;
        let variable = all
            .iter()
            .find(|variable| text(variable, "/name") == name)?;
        let field = text(variable, "/valueFrom/fieldRef/fieldPath");
        let limit = variable.at("/valueFrom/resourceFieldRef");
        let value = match field {
            "" if limit.is_some() => self.limit(limit?)?.to_string(),
            "" => text(variable, "/value").to_owned(),
            "status.podIP" => self.ip.to_string(),
            path => text(&self.pod, &format!("/{}", path.replace('.', "/"))).to_owned(),
        };
        Some(value).filter(|value| !value.is_empty())
    }

    /// A limit of a container, in the unit that is asked for.
    fn limit(&self, asked: &Value) -> Option<i128> {
        let (_, resource) = text(asked, "/resource").split_once('.')?;
        let limits = self
            .container(text(asked, "/containerName"))
            .at("/resources/limits")?;
        let limit = Quantity(limits.get(resource)?.as_str()?.to_owned());
        let divisor = Quantity(text(asked, "/divisor").to_owned());
        Some(limit.milli()? / divisor.milli().filter(|unit| *unit > 0)?)
    }

    /// Who the node is, as a container is told.
    fn identity(&self, container: &str) -> Option<Identity> {
        let variable = |name| self.variable(container, name);
        Some(Identity {
            member: variable(variable::MEMBER_NAME)?,
            member_uid: variable(variable::MEMBER_UID)?,
            pvc_uid: variable(variable::PVC_UID),
            broadcast_address: variable(variable::BROADCAST_ADDRESS),
            pod_ip: variable(variable::POD_IP),
        })
    }

    /// Starts the agent's container. It is started again when the agent dies.
    fn begin_agent(
        &self,
        containers: &mut JoinSet<()>,
        told: watch::Receiver<bool>,
        volume: &str,
    ) -> Option<Loopback> {
        let namespace = text(&self.pod, "/metadata/namespace");
        let identity = self.identity(container::AGENT)?;
        // The agent's program ends at once in any other pod.
        if text(&self.pod, "/metadata/name") != names::pod(&identity.member) {
            return None;
        }
        let account = text(&self.pod, "/spec/serviceAccountName");
        let server = &self.client.server;
        // The kubelet asks for a token when it makes the container.
        let made_for = server.get("v1", "ServiceAccount", namespace, account);
        let made_for = made_for.map_or_else(String::new, |account| {
            text(account.value(), "/metadata/uid").to_owned()
        });
        let user = User::service_account(namespace, account)
            .of_pod(text(&self.pod, "/metadata/name"))
            .of_account(&made_for);
        let loopback = Loopback::default();
        let agent = AgentContainer {
            connection: server.connect(&format!("agent of {}", identity.member), user),
            namespace: namespace.into(),
            identity,
            node: self.ring().management(self.uid()),
            disk: self.ring().disk(self.uid(), volume),
            environment: self.environment.clone(),
            loopback: loopback.clone(),
        };
        containers.spawn(agent.run(told));
        Some(loopback)
    }

    /// The real bootstrapper, started again when it fails. It ends when Cassandra may start.
    async fn bootstrap(&self, agent: &Loopback, volume: &str) {
        let variable = |name: &str| self.variable(container::BOOTSTRAPPER, name);
        let Ok(args) = cli::Bootstrap::of_container(variable) else {
            return std::future::pending().await;
        };
        let folders = SimulatedFolders {
            ring: self.ring(),
            volume,
            pod: self.uid(),
            revision: self.revision(),
        };
        while bootstrap::prepare(&args, &folders, agent).await.is_err() {
            sleep(READINESS).await;
        }
    }

    fn start(&self, volume: &str) -> Start {
        let variable = |name| self.variable(container::BOOTSTRAPPER, name);
        let image = text(self.container(container::CASSANDRA), "/image");
        Start {
            member: variable(variable::MEMBER_NAME).unwrap_or_default(),
            pod: self.uid().into(),
            address: variable(variable::BROADCAST_ADDRESS).unwrap_or_else(|| self.ip.to_string()),
            volume: volume.into(),
            locks: text(self.container(container::CASSANDRA), "/command/1") == "run",
            seeds: Vec::new(),
            cluster_name: self.cluster_name(),
            datacenter: variable(variable::DATACENTER).unwrap_or_default(),
            rack: variable(variable::RACK).unwrap_or_default(),
            version: image.rsplit(':').next().unwrap_or_default().into(),
        }
    }

    /// The readiness probe, for ever.
    async fn judge_readiness(&self, agent: &Loopback) {
        let mut denials = 0;
        loop {
            sleep(READINESS).await;
            denials = if agent.is_ready() { 0 } else { denials + 1 };
            if denials == 0 {
                self.status.ready(true);
            } else if denials >= DENIALS {
                self.status.ready(false);
            }
        }
    }
}

/// Cassandra's container: started again when it ends, later and later.
async fn cassandra(ring: Ring, start: Start, status: Arc<PodStatus>, container_start: Duration) {
    let (first, longest) = BACK_OFF;
    let mut pause = Duration::ZERO;
    loop {
        status.set(container::CASSANDRA, Container::Running(true));
        let exit = ring.run(start.clone()).await;
        status.set(container::CASSANDRA, Container::Failed(&exit.to_string()));
        sleep(pause + container_start).await;
        pause = (pause * 2).clamp(first, longest);
    }
}

/// The addresses of pods: each its own, also when a pod is made again.
pub(super) fn address(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(0x0a_64_00_00 + number))
}
