//! Checks that go across fields, as pure functions. The CRD makes the same ones with CEL; they are made again
//! here because an installed CRD can be older than the controller, and for embedders that build specs.

use std::collections::BTreeSet;

use crate::{
    names, owned_keys,
    quantity::Quantity,
    v1alpha1::{CassandraClusterSpec, Storage},
};

/// Why a spec can't be carried out: the field, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Path of the field, for instance `spec.storage.size`.
    pub field: String,
    /// What is wrong and what is accepted.
    pub problem: String,
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

impl std::error::Error for Invalid {}

fn invalid(field: &str, problem: impl Into<String>) -> Invalid {
    Invalid {
        field: field.into(),
        problem: problem.into(),
    }
}

/// Everything that is wrong with the spec of a cluster of this name, in the order of its fields.
pub fn problems(name: &str, spec: &CassandraClusterSpec) -> Vec<Invalid> {
    let mut found = Vec::new();
    found.extend(version(spec));
    found.extend(racks(name, spec));
    found.extend(storage(&spec.storage));
    found.extend(resources(spec));
    found.extend(config(spec));
    found
}

fn version(spec: &CassandraClusterSpec) -> Option<Invalid> {
    let Some(version) = &spec.version else {
        let missing = || invalid("spec.version", "set it (for instance 5.0.9), or spec.image");
        return spec.image.is_none().then(missing);
    };
    let patch = ["4.0.", "4.1.", "5.0."]
        .iter()
        .find_map(|minor| version.strip_prefix(minor));
    let known = patch.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    let unknown = || {
        let problem =
            format!("{version} is none of 4.0.x, 4.1.x and 5.0.x: set spec.image as well");
        invalid("spec.version", problem)
    };
    (!known && spec.image.is_none()).then(unknown)
}

fn racks(name: &str, spec: &CassandraClusterSpec) -> Vec<Invalid> {
    let mut found = Vec::new();
    if spec.racks.is_empty() {
        found.push(invalid("spec.racks", "at least one rack is needed"));
    }
    let mut seen = BTreeSet::new();
    for rack in &spec.racks {
        if !seen.insert(rack.name.as_str()) {
            found.push(invalid(
                "spec.racks",
                format!("there are two racks of the name {}", rack.name),
            ));
        }
        if rack.members < 1 {
            found.push(invalid(
                "spec.racks",
                format!("rack {} has no members: at least 1", rack.name),
            ));
        }
        if !names::fits(name, &rack.name) {
            let problem = format!(
                "members of rack {} would have names that Kubernetes refuses",
                rack.name
            );
            found.push(invalid("spec.racks", problem));
        }
    }
    found
}

/// For garde: that no two racks have one name.
#[cfg(feature = "garde")]
#[allow(
    clippy::trivially_copy_pass_by_ref,
    clippy::ptr_arg,
    reason = "garde fixes the signature"
)]
pub(crate) fn rack_names_are_unique(racks: &Vec<crate::v1alpha1::Rack>, _: &()) -> garde::Result {
    let names: BTreeSet<_> = racks.iter().map(|rack| &rack.name).collect();
    if names.len() == racks.len() {
        Ok(())
    } else {
        Err(garde::Error::new("two racks have one name"))
    }
}

fn storage(storage: &Storage) -> Vec<Invalid> {
    let mut found = Vec::new();
    match &storage.size {
        None if !storage.ephemeral => {
            found.push(invalid("spec.storage.size", "set it, for instance 100Gi"));
        }
        Some(size) if size.units().is_none_or(|bytes| bytes <= 0) => {
            found.push(invalid(
                "spec.storage.size",
                format!("{size} is not a size such as 100Gi"),
            ));
        }
        _ => {}
    }
    if storage.ephemeral && storage.adopt_retained {
        found.push(invalid(
            "spec.storage.adoptRetained",
            "it can't be set with spec.storage.ephemeral",
        ));
    }
    found
}

fn resources(spec: &CassandraClusterSpec) -> Option<Invalid> {
    let limit = spec
        .resources
        .limits
        .memory
        .as_ref()
        .and_then(Quantity::units);
    let Some(limit) = limit.filter(|bytes| *bytes > 0) else {
        return Some(invalid(
            "spec.resources.limits.memory",
            "it is required: the heap follows it",
        ));
    };
    let heap = spec.config.jvm.heap.as_ref()?;
    let fits = heap.units().is_some_and(|bytes| bytes > 0 && bytes < limit);
    let problem = || format!("{heap} must be a size below the memory limit of {limit} bytes");
    (!fits).then(|| invalid("spec.config.jvm.heap", problem()))
}

fn config(spec: &CassandraClusterSpec) -> Vec<Invalid> {
    let keys = spec.config.cassandra_yaml.keys().filter_map(|key| {
        let owned = owned_keys::in_cassandra_yaml(key)?;
        let problem = format!("it is owned by the operator: {}", owned.instead);
        Some(invalid(
            &format!("spec.config.cassandraYaml.{key}"),
            problem,
        ))
    });
    let options = spec.config.jvm.options.iter().filter_map(|option| {
        let owned = owned_keys::in_jvm_options(option)?;
        let problem = format!("{option} is owned by the operator: {}", owned.instead);
        Some(invalid("spec.config.jvm.options", problem))
    });
    keys.chain(options).collect()
}
