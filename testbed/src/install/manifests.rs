//! Tests of the files in `deploy/` and `examples/`: that they name what the code names.

use std::fs;
use std::path::{Path, PathBuf};

use cassandra_api::v1alpha1::{CassandraCluster, definitions};
use serde_json::Value;

use super::{CONTROLLER, NAMESPACE};
use crate::operator_image::RELEASE;
use crate::workspace;

fn read(path: &str) -> String {
    let path = workspace::root().unwrap().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn documents(path: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&read(path)).unwrap()
}

fn named<'a>(documents: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = documents
        .iter()
        .find(|d| d["kind"] == kind && d["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

fn environment<'a>(container: &'a Value, name: &str) -> Option<&'a str> {
    let found = container["env"]
        .as_array()?
        .iter()
        .find(|variable| variable["name"] == name)?;
    found["value"].as_str()
}

#[test]
fn the_deployment_runs_the_release_and_gives_it_to_members() {
    let documents = documents("deploy/manifests/deployment.yaml");
    let deployment = named(&documents, "Deployment", CONTROLLER);
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(deployment["metadata"]["namespace"], NAMESPACE);
    assert_eq!(container["image"], RELEASE);
    assert_eq!(environment(container, "OPERATOR_IMAGE"), Some(RELEASE));
    let tag = RELEASE.rsplit_once(':').unwrap().1;
    assert!(read("deploy/manifests/kustomization.yaml").contains(&format!("newTag: {tag}\n")));
}

#[test]
fn the_namespaced_overlay_binds_what_it_watches() {
    let bound: Vec<_> = documents("deploy/overlays/namespaced/bindings.yaml")
        .iter()
        .map(|binding| {
            binding["metadata"]["namespace"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let overlay = documents("deploy/overlays/namespaced/kustomization.yaml");
    let patch: Value =
        serde_saphyr::from_str(overlay[0]["patches"][0]["patch"].as_str().unwrap()).unwrap();
    let container = &patch["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(
        environment(container, "WATCH_NAMESPACES").unwrap(),
        bound.join(",")
    );
}

#[test]
fn the_controller_may_not_delete_volumes_or_read_secrets() {
    let documents = documents("deploy/manifests/rbac.yaml");
    let rules = named(&documents, "ClusterRole", CONTROLLER)["rules"]
        .as_array()
        .unwrap();
    let has = |list: &Value, word: &str| list.as_array().unwrap().iter().any(|item| item == word);
    for rule in rules {
        assert!(
            !has(&rule["resources"], "secrets") && !has(&rule["resources"], "*"),
            "{rule}"
        );
        assert!(!has(&rule["verbs"], "*"), "{rule}");
        assert!(
            !has(&rule["resources"], "persistentvolumeclaims") || !has(&rule["verbs"], "delete")
        );
    }
}

#[test]
fn policies_are_bound_and_name_the_controllers_account() {
    let documents = documents("deploy/manifests/admission-policies.yaml");
    for policy in documents
        .iter()
        .filter(|d| d["kind"] == "ValidatingAdmissionPolicy")
    {
        let name = policy["metadata"]["name"].as_str().unwrap();
        let binding = named(&documents, "ValidatingAdmissionPolicyBinding", name);
        assert_eq!(binding["spec"]["policyName"], name);
        assert_eq!(policy["spec"]["failurePolicy"], "Fail");
    }
    let account = format!("'system:serviceaccount:{NAMESPACE}:{CONTROLLER}'");
    assert!(read("deploy/manifests/admission-policies.yaml").contains(&account));
    assert!(documents.iter().any(|d| {
        d.to_string()
            .contains(cassandra_api::names::agent_account("").as_str())
    }));
}

#[test]
fn the_container_recipe_makes_what_the_project_builds() {
    let recipe = read("deploy/images/Containerfile");
    let agents = read("testbed/src/operator_image/java_agents.rs");
    let pinned = agents.lines().filter_map(|line| {
        let (field, value) = line.trim().split_once(": \"")?;
        ["coordinates", "sha256", "name"]
            .contains(&field)
            .then(|| value.trim_end_matches("\","))
    });
    let mut compared = 0;
    for value in pinned {
        assert!(recipe.contains(value), "the recipe has no {value}");
        compared += 1;
    }
    assert_eq!(compared, 6);
    for program in ["cassandra-controller", "member-agent", "bootstrapper"] {
        assert!(
            recipe.contains(&format!("/opt/operator/{program}\n")),
            "{program}"
        );
    }
    assert!(recipe.contains("USER 65532:65532"));
}

fn examples() -> Vec<PathBuf> {
    let folder = workspace::root().unwrap().join("examples");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect()
}

#[test]
fn every_example_is_a_cluster_that_can_be_carried_out() {
    let examples = examples();
    assert!(examples.len() >= 3);
    for path in examples {
        for document in documents(path.to_str().unwrap()) {
            let cluster: CassandraCluster = serde_json::from_value(document.clone())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let name = cluster.metadata.name.clone().unwrap();
            let problems = cassandra_api::validation::problems(&name, &cluster.spec);
            assert_eq!(problems, [], "{}", path.display());
            only_known_fields(&path, &document);
        }
    }
}

/// The API server drops fields that it does not know; an example must have none.
fn only_known_fields(path: &Path, document: &Value) {
    let clusters = definitions()
        .into_iter()
        .find(|d| d.spec.names.kind == "CassandraCluster")
        .unwrap();
    let schema = serde_json::to_value(clusters).unwrap();
    let schema = &schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    known(
        path,
        "spec",
        &document["spec"],
        &schema["properties"]["spec"],
    );
}

fn known(path: &Path, field: &str, value: &Value, schema: &Value) {
    if schema["x-kubernetes-preserve-unknown-fields"] == true {
        return;
    }
    match value {
        Value::Object(map) => {
            for (key, below) in map {
                let inner = schema["properties"]
                    .get(key)
                    .or_else(|| schema.get("additionalProperties"));
                let inner = inner
                    .unwrap_or_else(|| panic!("{}: {field}.{key} does not exist", path.display()));
                known(path, &format!("{field}.{key}"), below, inner);
            }
        }
        Value::Array(list) => list
            .iter()
            .for_each(|item| known(path, field, item, &schema["items"])),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
