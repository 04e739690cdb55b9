//! The kinds that are served, and what is particular to each.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use serde_json::Value;

use super::{
    admission::Custom,
    schema::{Type, builtin},
};

/// Which rules a kind follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is its kind")]
pub enum Family {
    ClusterRole,
    ClusterRoleBinding,
    ConfigMap,
    CoreEvent,
    Custom,
    CustomResourceDefinition,
    Endpoints,
    EndpointSlice,
    Event,
    Lease,
    Namespace,
    Node,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    PodDisruptionBudget,
    Role,
    RoleBinding,
    Secret,
    Service,
    ServiceAccount,
    StatefulSet,
    StorageClass,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
}

/// A kind that is served.
#[derive(Debug)]
pub struct Resource {
    /// Its place in the catalogue.
    pub(crate) id: u16,
    /// Which rules it follows.
    pub family: Family,
    /// API group; empty for the core group.
    pub group: String,
    /// API version without the group.
    pub version: String,
    /// Name in paths.
    pub plural: String,
    /// Name in objects.
    pub kind: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// Whether it has a status of its own path.
    pub has_status: bool,
    pub(crate) schema: Arc<Type>,
    pub(crate) custom: Option<Arc<Custom>>,
}

impl Resource {
    /// `plural.group`, as messages have it.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.clone()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// Whether this is its group and version.
    fn is_of(&self, api_version: &str) -> bool {
        match api_version.split_once('/') {
            Some((group, version)) => group == self.group && version == self.version,
            None => self.group.is_empty() && self.version == api_version,
        }
    }

    /// `group/version`, as objects have it.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Whether an update without a resource version overwrites what is there.
    pub(crate) fn overwrites(&self) -> bool {
        !matches!(
            self.family,
            Family::Custom
                | Family::CustomResourceDefinition
                | Family::Lease
                | Family::PodDisruptionBudget
                | Family::ValidatingAdmissionPolicy
                | Family::ValidatingAdmissionPolicyBinding
        )
    }

    /// Whether an update creates what is absent.
    pub(crate) fn creates_on_update(&self) -> bool {
        matches!(
            self.family,
            Family::ClusterRole
                | Family::ClusterRoleBinding
                | Family::CoreEvent
                | Family::Endpoints
                | Family::Event
                | Family::Lease
                | Family::Role
                | Family::RoleBinding
                | Family::Service
        )
    }

    /// Whether a deletion answers with the object.
    pub(crate) fn returns_deleted(&self) -> bool {
        matches!(
            self.family,
            Family::Namespace
                | Family::PersistentVolume
                | Family::PersistentVolumeClaim
                | Family::Pod
                | Family::Service
                | Family::ServiceAccount
                | Family::StorageClass
        )
    }

    /// Whether changes are counted in `metadata.generation`.
    pub(crate) fn has_generation(&self) -> bool {
        matches!(
            self.family,
            Family::Custom
                | Family::CustomResourceDefinition
                | Family::EndpointSlice
                | Family::Pod
                | Family::PodDisruptionBudget
                | Family::StatefulSet
                | Family::ValidatingAdmissionPolicy
                | Family::ValidatingAdmissionPolicyBinding
        )
    }
}

/// All kinds that are served.
#[derive(Debug)]
pub struct Catalogue {
    all: Vec<Arc<Resource>>,
    by_path: BTreeMap<(String, String, String), u16>,
}

impl Catalogue {
    /// The built-in kinds and ours.
    pub fn shipped() -> Arc<Self> {
        static SHIPPED: LazyLock<Arc<Catalogue>> = LazyLock::new(|| Arc::new(Catalogue::make()));
        SHIPPED.clone()
    }

    fn make() -> Self {
        let mut catalogue = Self {
            all: Vec::new(),
            by_path: BTreeMap::new(),
        };
        for (family, group, version, plural, namespaced, has_status) in BUILTIN {
            let package = group.split('.').next().unwrap_or_default();
            let package = if package.is_empty() { "core" } else { package };
            let kind = format!("{family:?}").replace("CoreEvent", "Event");
            let name = match package {
                "rbac"
                | "storage"
                | "policy"
                | "coordination"
                | "discovery"
                | "events"
                | "apps"
                | "admissionregistration"
                | "core" => format!("{package}.{version}.{kind}"),
                _ => String::new(),
            };
            catalogue.add(Resource {
                id: 0,
                family: *family,
                group: (*group).into(),
                version: (*version).into(),
                plural: (*plural).into(),
                kind,
                namespaced: *namespaced,
                has_status: *has_status,
                schema: builtin(&name),
                custom: None,
            });
        }
        for custom in Custom::shipped() {
            catalogue.add(Resource {
                id: 0,
                family: Family::Custom,
                group: custom.group.clone(),
                version: custom.version.clone(),
                plural: custom.plural.clone(),
                kind: custom.kind.clone(),
                namespaced: true,
                has_status: true,
                schema: custom.schema.clone(),
                custom: Some(custom),
            });
        }
        catalogue
    }

    fn add(&mut self, mut resource: Resource) {
        resource.id = u16::try_from(self.all.len()).unwrap_or(u16::MAX);
        let path = (
            resource.group.clone(),
            resource.version.clone(),
            resource.plural.clone(),
        );
        self.by_path.insert(path, resource.id);
        self.all.push(Arc::new(resource));
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.all.iter()
    }

    /// The kind at a path.
    pub fn at(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Resource>> {
        let path = (group.to_owned(), version.to_owned(), plural.to_owned());
        self.all.get(usize::from(*self.by_path.get(&path)?))
    }

    /// The kind of an object.
    pub fn of(&self, object: &Value) -> Option<&Arc<Resource>> {
        let version = object.get("apiVersion")?.as_str()?;
        self.named(version, object.get("kind")?.as_str()?)
    }

    /// The kind of this name, of this group and version.
    pub fn named(&self, api_version: &str, kind: &str) -> Option<&Arc<Resource>> {
        let all = self.all.iter();
        let mut found = all.filter(|r| r.kind == kind && r.is_of(api_version));
        found.next()
    }

    /// Whether nobody acts on changes of this kind: Leases and Events.
    pub(crate) fn is_idle(&self, id: u16) -> bool {
        let family = self.get(id).map(|resource| resource.family);
        matches!(
            family,
            Some(Family::Lease | Family::Event | Family::CoreEvent)
        )
    }

    /// The only kind of this family.
    pub(crate) fn family(&self, family: Family) -> Option<&Arc<Resource>> {
        self.all.iter().find(|resource| resource.family == family)
    }

    pub(crate) fn get(&self, id: u16) -> Option<&Arc<Resource>> {
        self.all.get(usize::from(id))
    }
}

type Row = (Family, &'static str, &'static str, &'static str, bool, bool);

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// Family, group, version, plural, whether in namespaces, whether with a status of its own path.
const BUILTIN: &[Row] = &[
    (Family::Namespace, "", "v1", "namespaces", false, true),
    (Family::Pod, "", "v1", "pods", true, true),
    (Family::Service, "", "v1", "services", true, true),
    (
        Family::PersistentVolumeClaim,
        "",
        "v1",
        "persistentvolumeclaims",
        true,
        true,
    ),
    (
        Family::PersistentVolume,
        "",
        "v1",
        "persistentvolumes",
        false,
        true,
    ),
    (Family::Node, "", "v1", "nodes", false, true),
    (Family::ConfigMap, "", "v1", "configmaps", true, false),
    (Family::Secret, "", "v1", "secrets", true, false),
    (
        Family::ServiceAccount,
        "",
        "v1",
        "serviceaccounts",
        true,
        false,
    ),
    (Family::CoreEvent, "", "v1", "events", true, false),
    (Family::Endpoints, "", "v1", "endpoints", true, false),
    (
        Family::EndpointSlice,
        "discovery.k8s.io",
        "v1",
        "endpointslices",
        true,
        false,
    ),
    (Family::Event, "events.k8s.io", "v1", "events", true, false),
    (
        Family::StatefulSet,
        "apps",
        "v1",
        "statefulsets",
        true,
        true,
    ),
    (
        Family::PodDisruptionBudget,
        "policy",
        "v1",
        "poddisruptionbudgets",
        true,
        true,
    ),
    (Family::Role, RBAC, "v1", "roles", true, false),
    (Family::RoleBinding, RBAC, "v1", "rolebindings", true, false),
    (
        Family::ClusterRole,
        RBAC,
        "v1",
        "clusterroles",
        false,
        false,
    ),
    (
        Family::ClusterRoleBinding,
        RBAC,
        "v1",
        "clusterrolebindings",
        false,
        false,
    ),
    (
        Family::Lease,
        "coordination.k8s.io",
        "v1",
        "leases",
        true,
        false,
    ),
    (
        Family::StorageClass,
        "storage.k8s.io",
        "v1",
        "storageclasses",
        false,
        false,
    ),
    (
        Family::CustomResourceDefinition,
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        false,
        true,
    ),
    (
        Family::ValidatingAdmissionPolicy,
        ADMISSION,
        "v1",
        "validatingadmissionpolicies",
        false,
        true,
    ),
    (
        Family::ValidatingAdmissionPolicyBinding,
        ADMISSION,
        "v1",
        "validatingadmissionpolicybindings",
        false,
        false,
    ),
];
