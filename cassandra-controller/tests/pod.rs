//! The pod of a member, as it is asked of Kubernetes: whole, so that each change of it is seen and meant.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{collections::BTreeMap, sync::Arc};

use bootstrapper::{cli, judge::Owner};
use cassandra_api::{
    identity::{Identity, Place, container},
    labels, names,
    v1alpha1::CassandraCluster,
};
use cassandra_controller::{
    cluster::{Desired, Kind},
    testing::{World, cluster},
};
use clap::{CommandFactory as _, Parser as _};
use serde_json::{Value, json};

/// The StatefulSet that is written for this member once all that its pod names is there. UIDs are fixed, so that they
/// don't depend on how many writes came before.
fn stateful_set(world: &mut World, member: &str) -> Value {
    world.settle();
    let owned = &mut world.observed.owned;
    let object = owned.members.get_mut(member).unwrap();
    Arc::make_mut(object).metadata.uid = Some("member-uid".into());
    if let Some(claim) = owned.volume_claims.get_mut(&names::volume_claim(member)) {
        Arc::make_mut(claim).metadata.uid = Some("claim-uid".into());
    }
    owned.stateful_sets.remove(member).unwrap();
    let plan = world.decide();
    let is_of_member =
        |desired: &&Desired| desired.kind == Kind::StatefulSet && desired.name == member;
    plan.apply.iter().find(is_of_member).unwrap().object.clone()
}

fn with(spec: &Value) -> CassandraCluster {
    let mut object = serde_json::to_value(cluster(&[("a", 1)])).unwrap();
    let fields = object["spec"].as_object_mut().unwrap();
    fields.extend(spec.as_object().unwrap().clone());
    serde_json::from_value(object).unwrap()
}

#[test]
fn a_pod_of_a_minimal_cluster() {
    let mut world = World::new(cluster(&[("a", 1)]));
    insta::assert_yaml_snapshot!(stateful_set(&mut world, "orders-a-0"));
}

#[test]
fn a_pod_of_a_cluster_with_every_setting() {
    let mut world = World::new(with(&json!({
        "datacenter": "south",
        "racks": [{ "name": "a", "members": 1, "zone": "z1" }],
        "imagePullPolicy": "IfNotPresent",
        "imagePullSecrets": [{ "name": "registry" }],
        "resources": {
            "requests": { "cpu": "500m", "memory": "2Gi" },
            "limits": { "cpu": "2", "memory": "3Gi" },
        },
        "placement": {
            "antiAffinity": "Preferred",
            "nodeSelector": { "disk": "fast" },
            "tolerations": [
                { "key": "cassandra", "operator": "Equal", "value": "yes", "effect": "NoExecute", "tolerationSeconds": 60 },
                { "operator": "Exists" },
            ],
        },
        "network": { "broadcast": "PodIP" },
    })));
    world.settle();
    let claim = world
        .observed
        .owned
        .volume_claims
        .get_mut("data-orders-a-0")
        .unwrap();
    let annotations = &mut Arc::make_mut(claim).metadata.annotations;
    annotations
        .get_or_insert_default()
        .insert(labels::ADOPTED_FROM.into(), "earlier-uid".into());
    insta::assert_yaml_snapshot!(stateful_set(&mut world, "orders-a-0"));
}

#[test]
fn a_pod_that_keeps_nothing() {
    let mut world = World::new(with(&json!({
        "storage": { "ephemeral": true, "size": "1Gi" },
        "placement": { "antiAffinity": "None" },
        "resources": { "requests": {}, "limits": { "memory": "3Gi" } },
    })));
    insta::assert_yaml_snapshot!(stateful_set(&mut world, "orders-a-0"));
}

/// What a container is told, as the kubelet resolves it in a pod with this address.
fn environment(stateful_set: &Value, list: &str, name: &str) -> BTreeMap<String, String> {
    let containers = stateful_set["spec"]["template"]["spec"][list]
        .as_array()
        .unwrap();
    let container = containers
        .iter()
        .find(|container| container["name"] == name);
    let variables = container.unwrap()["env"].as_array().unwrap();
    variables
        .iter()
        .map(|variable| {
            let from = &variable["valueFrom"];
            let field = from["fieldRef"]["fieldPath"].as_str();
            let resource = from["resourceFieldRef"]["resource"].as_str();
            let value = match (field, resource) {
                (Some("status.podIP"), _) => "10.1.0.7",
                (Some("metadata.namespace"), _) => "shop",
                (Some("metadata.name"), _) => "orders-a-0-0",
                (_, Some("limits.memory")) => "3221225472",
                (_, Some("limits.cpu")) => "2000",
                _ => variable["value"].as_str().unwrap(),
            };
            (
                variable["name"].as_str().unwrap().to_owned(),
                value.to_owned(),
            )
        })
        .collect()
}

/// The command line that says what a program of this command would read from this environment. A variable that it
/// does not read is a mistake.
fn arguments(command: &clap::Command, mut environment: BTreeMap<String, String>) -> Vec<String> {
    let mut arguments = Vec::new();
    for argument in command.get_arguments() {
        let variable = argument.get_env().and_then(|name| name.to_str());
        if let Some(value) = variable.and_then(|name| environment.remove(name)) {
            arguments.push(format!("--{}={value}", argument.get_long().unwrap()));
        }
    }
    assert!(environment.is_empty(), "nobody reads {environment:?}");
    arguments
}

#[test]
fn both_programs_read_what_the_controller_writes() {
    let mut world = World::new(cluster(&[("a", 1)]));
    world.settle();
    let claim = world
        .observed
        .owned
        .volume_claims
        .get_mut("data-orders-a-0")
        .unwrap();
    let annotations = Arc::make_mut(claim)
        .metadata
        .annotations
        .get_or_insert_default();
    annotations.insert(labels::ADOPTED_FROM.into(), "earlier-uid".into());
    let object = stateful_set(&mut world, "orders-a-0");
    let service = &world.observed.owned.services["orders-a-0"];
    let identity = Identity {
        member: "orders-a-0".into(),
        member_uid: "member-uid".into(),
        pvc_uid: Some("claim-uid".into()),
        broadcast_address: service.spec.as_ref().unwrap().cluster_ip.clone(),
        pod_ip: Some("10.1.0.7".into()),
    };

    let told = environment(&object, "initContainers", container::AGENT);
    let told = arguments(&member_agent::options::Options::command(), told);
    let options =
        member_agent::options::Options::try_parse_from([vec!["agent".into()], told].concat());
    let options = options.unwrap();
    assert_eq!(options.identity(), identity);
    assert_eq!(
        (options.pod_namespace.as_str(), options.pod_name.as_str()),
        ("shop", "orders-a-0-0")
    );

    let told = environment(&object, "initContainers", container::BOOTSTRAPPER);
    let command = cli::Cli::command();
    let told = arguments(command.find_subcommand("bootstrap").unwrap(), told);
    let parsed =
        cli::Cli::try_parse_from([vec!["bootstrapper".into(), "bootstrap".into()], told].concat());
    let cli::Command::Bootstrap(args) = parsed.unwrap().command else {
        panic!("another command");
    };
    let place = Place {
        cluster_uid: "cluster-uid".into(),
        adopted_from: Some("earlier-uid".into()),
        cluster_name: "Orders".into(),
        datacenter: "dc1".into(),
        rack: "a".into(),
    };
    let pod = "orders-a-0-0".to_owned();
    let owner = Owner {
        pod,
        identity,
        place,
    };
    assert_eq!(args.owner("Orders"), owner);
    assert_eq!(
        (args.memory_limit_bytes, args.cpu_limit_millicores),
        (3 << 30, Some(2000))
    );
    assert!(
        world
            .observed
            .owned
            .config_maps
            .contains_key(&args.config_revision)
    );
}
