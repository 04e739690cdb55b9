//! The pod's containers, in the order in which they start.

use std::collections::BTreeMap;

use cassandra_api::{
    identity::{self, container},
    k8s_openapi::{
        api::core::v1::{
            Capabilities, Container, ContainerPort, EnvVar, ExecAction, HTTPGetAction, Lifecycle,
            LifecycleHandler, Probe, ResourceRequirements, SecurityContext,
        },
        apimachinery::pkg::{api::resource::Quantity, util::intstr::IntOrString},
    },
    ports,
    v1alpha1::{ResourceAmounts, Workload},
};

use super::{
    Parts,
    volumes::{self, mount, read_only},
};

/// Where the operator's image has its programs.
const PROGRAMS: &str = "/opt/operator";
const DATA: &str = "/var/lib/cassandra";
const CONFIGURATION: &str = "/etc/cassandra";
const EXTRA_LIB: &str = "/extra-lib";
const REVISION: &str = "/operator/revision";
const LOGS: &str = "/var/log/cassandra";
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The startup probe only keeps the liveness probe away; no start is judged by the clock.
const NEVER: i32 = i32::MAX;

/// A native sidecar: it is there before the bootstrapper and until Cassandra has stopped. Only it has a token.
pub(super) fn agent(parts: &Parts<'_>) -> Container {
    let mut env = parts.identity.to_env();
    env.extend(identity::pod_env());
    Container {
        restart_policy: Some("Always".into()),
        command: Some(words([&format!("{PROGRAMS}/member-agent")])),
        env: Some(env),
        ports: Some(vec![port("agent", ports::AGENT)]),
        startup_probe: Some(asks_agent("/live", 1, 60)),
        liveness_probe: Some(asks_agent("/live", 20, 6)),
        volume_mounts: Some(vec![
            mount(volumes::DATA, DATA),
            mount(volumes::CONFIGURATION, CONFIGURATION),
            read_only(volumes::TOKEN, TOKEN),
        ]),
        ..of_operator(container::AGENT, parts.workload)
    }
}

/// Copies the image's own configuration out, afresh at each start.
pub(super) fn init_config(workload: &Workload) -> Container {
    let copy = "find /configuration -mindepth 1 -delete && cp -r /etc/cassandra/. /configuration/";
    Container {
        image: Some(workload.image.clone()),
        command: Some(words(["/bin/sh", "-c", copy])),
        volume_mounts: Some(vec![mount(volumes::CONFIGURATION, "/configuration")]),
        ..of_operator(container::INIT_CONFIG, workload)
    }
}

/// Looks at the volume, waits for its permit to start, writes the configuration.
pub(super) fn bootstrapper(parts: &Parts<'_>) -> Container {
    let mut env = parts.identity.to_env();
    env.extend(parts.place.to_env());
    env.extend(identity::configuration_env(&parts.workload.config_revision));
    env.push(identity::pod_name_env());
    Container {
        command: Some(words([&format!("{PROGRAMS}/bootstrapper"), "bootstrap"])),
        env: Some(env),
        termination_message_policy: Some("FallbackToLogsOnError".into()),
        volume_mounts: Some(vec![
            mount(volumes::DATA, DATA),
            mount(volumes::CONFIGURATION, CONFIGURATION),
            mount(volumes::EXTRA_LIB, EXTRA_LIB),
            read_only(volumes::REVISION, REVISION),
        ]),
        ..of_operator(container::BOOTSTRAPPER, parts.workload)
    }
}

/// The official image, with Cassandra as its first process and the only one on its volume.
pub(super) fn cassandra(workload: &Workload) -> Container {
    let variable = |name: &str, value: &str| EnvVar {
        name: name.into(),
        value: Some(value.into()),
        ..EnvVar::default()
    };
    Container {
        // It becomes Cassandra, with the lock on the volume.
        command: Some(words([
            &format!("{EXTRA_LIB}/bootstrapper"),
            "run",
            "/opt/cassandra/bin/cassandra",
            "-f",
        ])),
        env: Some(vec![
            variable("CASSANDRA_CONF", CONFIGURATION),
            variable("CASSANDRA_LOG_DIR", LOGS),
        ]),
        ports: Some(vec![
            port("internode", ports::INTERNODE),
            port("internode-tls", ports::INTERNODE_TLS),
            port("cql", ports::CQL),
            port("jmx-exporter", ports::JMX_EXPORTER),
        ]),
        // The management interface answers within seconds of the start; a bootstrap may take days.
        startup_probe: Some(asks_cassandra(5, 15, NEVER)),
        liveness_probe: Some(asks_cassandra(30, 30, 10)),
        readiness_probe: Some(asks_agent("/ready", 5, 2)),
        lifecycle: Some(Lifecycle {
            pre_stop: Some(LifecycleHandler {
                exec: Some(helper("drain")),
                ..LifecycleHandler::default()
            }),
            ..Lifecycle::default()
        }),
        termination_message_policy: Some("FallbackToLogsOnError".into()),
        resources: Some(ResourceRequirements {
            requests: Some(quantities(&workload.resources.requests)),
            limits: Some(quantities(&workload.resources.limits)),
            ..ResourceRequirements::default()
        }),
        security_context: Some(locked_down(false)),
        volume_mounts: Some(vec![
            mount(volumes::DATA, DATA),
            mount(volumes::CONFIGURATION, CONFIGURATION),
            read_only(volumes::EXTRA_LIB, EXTRA_LIB),
            mount(volumes::LOGS, LOGS),
            mount(volumes::TMP, "/tmp"),
        ]),
        ..base(container::CASSANDRA, &workload.image, workload)
    }
}

/// A container beside Cassandra's: small, and with nothing to write to but what is mounted.
fn of_operator(name: &str, workload: &Workload) -> Container {
    let small = |cpu: &str, memory: &str| {
        [("cpu", cpu), ("memory", memory)]
            .map(|(name, amount)| (name.into(), Quantity(amount.into())))
            .into()
    };
    Container {
        resources: Some(ResourceRequirements {
            requests: Some(small("20m", "32Mi")),
            limits: Some(small("500m", "128Mi")),
            ..ResourceRequirements::default()
        }),
        security_context: Some(locked_down(true)),
        ..base(name, &workload.operator_image, workload)
    }
}

/// What all containers have.
fn base(name: &str, image: &str, workload: &Workload) -> Container {
    let policy = workload.image_pull_policy;
    Container {
        name: name.into(),
        image: Some(image.into()),
        image_pull_policy: policy.map(|policy| policy.as_str().into()),
        ..Container::default()
    }
}

fn asks_agent(path: &str, period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.into()),
            port: IntOrString::Int(ports::AGENT),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        timeout_seconds: Some(5),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

fn asks_cassandra(period: i32, timeout: i32, failures: i32) -> Probe {
    Probe {
        exec: Some(helper("live")),
        period_seconds: Some(period),
        timeout_seconds: Some(timeout),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

/// The bootstrapper's copy in Cassandra's container.
fn helper(subcommand: &str) -> ExecAction {
    ExecAction {
        command: Some(words([&format!("{EXTRA_LIB}/bootstrapper"), subcommand])),
    }
}

fn port(name: &str, port: i32) -> ContainerPort {
    ContainerPort {
        name: Some(name.into()),
        container_port: port,
        protocol: Some("TCP".into()),
        ..ContainerPort::default()
    }
}

fn locked_down(read_only: bool) -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".into()]),
            ..Capabilities::default()
        }),
        read_only_root_filesystem: Some(read_only),
        ..SecurityContext::default()
    }
}

fn quantities(amounts: &ResourceAmounts) -> BTreeMap<String, Quantity> {
    [("cpu", &amounts.cpu), ("memory", &amounts.memory)]
        .into_iter()
        .filter_map(|(name, amount)| Some((name.to_owned(), amount.as_ref()?.into())))
        .collect()
}

fn words<const N: usize>(command: [&str; N]) -> Vec<String> {
    command.map(Into::into).into()
}
