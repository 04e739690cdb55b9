//! The kinds that are served, and what is particular to each.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use serde_json::Value;

use super::{
    admission::Custom,
    refusal::KindName,
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
    traits: Traits,
    pub(crate) schema: Arc<Type>,
    pub(crate) custom: Option<Arc<Custom>>,
}

impl Resource {
    /// What it is called in answers.
    pub(crate) fn named(&self) -> KindName<'_> {
        KindName {
            group: &self.group,
            plural: &self.plural,
            kind: &self.kind,
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

    /// Whether this holds of it.
    pub(crate) fn is(&self, traits: Traits) -> bool {
        self.traits & traits == traits
    }
}

/// What is particular to a kind, added up.
pub(crate) type Traits = u8;

/// Its objects are in namespaces.
pub(crate) const NAMESPACED: Traits = 1;
/// It has a status of its own path.
pub(crate) const STATUS: Traits = 1 << 1;
/// An update without a resource version overwrites what is there.
pub(crate) const OVERWRITTEN: Traits = 1 << 2;
/// An update creates what is absent.
pub(crate) const CREATED_BY_UPDATE: Traits = 1 << 3;
/// A deletion answers with the object.
pub(crate) const RETURNED: Traits = 1 << 4;
/// Changes are counted in `metadata.generation`.
pub(crate) const COUNTED: Traits = 1 << 5;
/// Nobody acts on its changes.
pub(crate) const IDLE: Traits = 1 << 6;

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
        for (family, group, plural, traits) in BUILTIN {
            let package = group
                .split('.')
                .next()
                .filter(|package| !package.is_empty());
            let package = package.unwrap_or("core");
            let kind = format!("{family:?}").replace("CoreEvent", "Event");
            catalogue.add(Resource {
                id: 0,
                family: *family,
                group: (*group).into(),
                version: "v1".into(),
                plural: (*plural).into(),
                schema: builtin(&format!("{package}.v1.{kind}")),
                kind,
                traits: *traits,
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
                traits: NAMESPACED | STATUS | COUNTED,
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

    /// Whether nobody acts on changes of this kind.
    pub(crate) fn is_idle(&self, id: u16) -> bool {
        self.get(id).is_some_and(|resource| resource.is(IDLE))
    }

    /// The only kind of this family.
    pub(crate) fn family(&self, family: Family) -> Option<&Arc<Resource>> {
        self.all.iter().find(|resource| resource.family == family)
    }

    pub(crate) fn get(&self, id: u16) -> Option<&Arc<Resource>> {
        self.all.get(usize::from(id))
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// Each line: family, group, plural, and what is particular to it. All are of version v1.
macro_rules! builtin {
    ($($family:ident, $group:expr, $plural:literal: $traits:expr;)*) => {
        const BUILTIN: &[(Family, &str, &str, Traits)] = &[
            $((Family::$family, $group, $plural, $traits),)*
        ];
    };
}

builtin! {
    Namespace, "", "namespaces": STATUS | OVERWRITTEN | RETURNED;
    Pod, "", "pods": NAMESPACED | STATUS | OVERWRITTEN | RETURNED | COUNTED;
    Service, "", "services": NAMESPACED | STATUS | OVERWRITTEN | CREATED_BY_UPDATE | RETURNED;
    PersistentVolumeClaim, "", "persistentvolumeclaims": NAMESPACED | STATUS | OVERWRITTEN | RETURNED;
    PersistentVolume, "", "persistentvolumes": STATUS | OVERWRITTEN | RETURNED;
    Node, "", "nodes": STATUS | OVERWRITTEN;
    ConfigMap, "", "configmaps": NAMESPACED | OVERWRITTEN;
    Secret, "", "secrets": NAMESPACED | OVERWRITTEN;
    ServiceAccount, "", "serviceaccounts": NAMESPACED | OVERWRITTEN | RETURNED;
    CoreEvent, "", "events": NAMESPACED | OVERWRITTEN | CREATED_BY_UPDATE | IDLE;
    Endpoints, "", "endpoints": NAMESPACED | OVERWRITTEN | CREATED_BY_UPDATE;
    EndpointSlice, "discovery.k8s.io", "endpointslices": NAMESPACED | OVERWRITTEN | COUNTED;
    Event, "events.k8s.io", "events": NAMESPACED | OVERWRITTEN | CREATED_BY_UPDATE | IDLE;
    StatefulSet, "apps", "statefulsets": NAMESPACED | STATUS | OVERWRITTEN | COUNTED;
    PodDisruptionBudget, "policy", "poddisruptionbudgets": NAMESPACED | STATUS | COUNTED;
    Role, RBAC, "roles": NAMESPACED | OVERWRITTEN | CREATED_BY_UPDATE;
    RoleBinding, RBAC, "rolebindings": NAMESPACED | OVERWRITTEN | CREATED_BY_UPDATE;
    ClusterRole, RBAC, "clusterroles": OVERWRITTEN | CREATED_BY_UPDATE;
    ClusterRoleBinding, RBAC, "clusterrolebindings": OVERWRITTEN | CREATED_BY_UPDATE;
    Lease, "coordination.k8s.io", "leases": NAMESPACED | CREATED_BY_UPDATE | IDLE;
    StorageClass, "storage.k8s.io", "storageclasses": OVERWRITTEN | RETURNED;
    CustomResourceDefinition, "apiextensions.k8s.io", "customresourcedefinitions": STATUS | COUNTED;
    ValidatingAdmissionPolicy, ADMISSION, "validatingadmissionpolicies": STATUS | COUNTED;
    ValidatingAdmissionPolicyBinding, ADMISSION, "validatingadmissionpolicybindings": COUNTED;
}
