//! Who may do what, by the roles and bindings that are stored.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    catalogue::{Catalogue, Family},
    request::User,
    store::{Change, Key},
};

const GROUP: &str = "rbac.authorization.k8s.io";

/// The rights of everybody. Clones share what is there now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rights(Arc<Tables>);

/// By namespace, which is empty for what counts everywhere, and name.
type Named<T> = BTreeMap<(String, String), T>;

#[derive(Clone, Debug, Default)]
struct Tables {
    roles: Named<Arc<[Rule]>>,
    bindings: Named<Arc<Binding>>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    api_groups: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<String>,
    verbs: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource_names: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Binding {
    role_ref: Reference,
    subjects: Vec<Reference>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Reference {
    kind: String,
    name: String,
    namespace: String,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) subresource: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

impl Asked<'_> {
    fn full(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.to_owned()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }

    /// Why it is refused, in the real server's words.
    pub(crate) fn refusal(&self, user: &User) -> String {
        let scope = if self.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace {:?}", self.namespace)
        };
        format!(
            "User {:?} cannot {} resource {:?} in API group {:?} {scope}",
            user.name,
            self.verb,
            self.full(),
            self.group
        )
    }
}

impl Rule {
    fn allows(&self, asked: &Asked<'_>) -> bool {
        let has = |list: &[String], wanted: &str| {
            list.iter().any(|found| found == "*" || found == wanted)
        };
        has(&self.verbs, asked.verb)
            && has(&self.api_groups, asked.group)
            && self.has_resource(asked)
            && (self.resource_names.is_empty()
                || self.resource_names.iter().any(|name| name == asked.name))
    }

    fn has_resource(&self, asked: &Asked<'_>) -> bool {
        self.resources.iter().any(|found| {
            found == "*"
                || match found.split_once('/') {
                    None => asked.subresource.is_empty() && found == asked.resource,
                    Some((resource, subresource)) => {
                        subresource == asked.subresource
                            && (resource == "*" || resource == asked.resource)
                    }
                }
        })
    }
}

impl Rights {
    /// Looks at a change, which may be one of rights.
    pub(crate) fn note(&mut self, catalogue: &Catalogue, change: &Change) {
        let family = catalogue
            .get(change.key.resource)
            .map(|resource| resource.family);
        let new = change.new.as_ref().map(|object| object.value());
        match family {
            Some(Family::Role | Family::ClusterRole) => {
                let rules = new.map(|new| rules(new.get("rules")).into());
                put(&mut Arc::make_mut(&mut self.0).roles, &change.key, rules);
            }
            Some(Family::RoleBinding | Family::ClusterRoleBinding) => {
                let binding = new
                    .and_then(|new| Binding::deserialize(new).ok())
                    .map(Arc::new);
                put(
                    &mut Arc::make_mut(&mut self.0).bindings,
                    &change.key,
                    binding,
                );
            }
            _ => {}
        }
    }

    /// Whether the user may do it.
    pub(crate) fn allow(&self, user: &User, asked: &Asked<'_>) -> bool {
        is_master(user)
            || self
                .rules_of(user, asked.namespace)
                .any(|rule| rule.allows(asked))
    }

    /// What a `SelfSubjectRulesReview` of the user says.
    pub(crate) fn review(&self, user: &User, namespace: &str) -> Vec<Value> {
        let rules = self.rules_of(user, namespace);
        rules
            .filter_map(|rule| serde_json::to_value(rule).ok())
            .collect()
    }

    fn rules_of<'a>(
        &'a self,
        user: &'a User,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Rule> {
        let here = self.0.bindings.iter().filter(move |((place, _), binding)| {
            (place.is_empty() || place == namespace) && binding.subjects.iter().any(|s| is(user, s))
        });
        here.filter_map(move |((place, _), binding)| self.role(&binding.role_ref, place))
            .flatten()
    }

    fn role(&self, reference: &Reference, namespace: &str) -> Option<&[Rule]> {
        let place = if reference.kind == "ClusterRole" {
            ""
        } else {
            namespace
        };
        let role = self
            .0
            .roles
            .get(&(place.to_owned(), reference.name.clone()))?;
        Some(role)
    }

    /// What these rules grant and the user does not hold. None: nothing.
    pub(crate) fn missing(
        &self,
        user: &User,
        namespace: &str,
        granted: Option<&Value>,
    ) -> Option<String> {
        let escalates = Asked {
            verb: "escalate",
            group: GROUP,
            resource: "roles",
            subresource: "",
            namespace,
            name: "",
        };
        if is_master(user) || self.allow(user, &escalates) {
            return None;
        }
        self.first_missing(user, namespace, &rules(granted))
    }

    /// What the role that a binding names grants and the user does not hold. None: nothing.
    pub(crate) fn missing_to_bind(
        &self,
        user: &User,
        namespace: &str,
        binding: &Value,
    ) -> Option<String> {
        let reference = Reference::deserialize(binding.get("roleRef")?).ok()?;
        let resource = if reference.kind == "ClusterRole" {
            "clusterroles"
        } else {
            "roles"
        };
        let binds = Asked {
            verb: "bind",
            group: GROUP,
            resource,
            subresource: "",
            namespace,
            name: &reference.name,
        };
        if is_master(user) || self.allow(user, &binds) {
            return None;
        }
        match self.role(&reference, namespace) {
            Some(granted) => self.first_missing(user, namespace, granted),
            None => Some(format!("{resource} {:?} not found", reference.name)),
        }
    }

    fn first_missing(&self, user: &User, namespace: &str, granted: &[Rule]) -> Option<String> {
        granted.iter().find_map(|rule| {
            let names = if rule.resource_names.is_empty() {
                vec![String::new()]
            } else {
                rule.resource_names.clone()
            };
            let each = rule.api_groups.iter().flat_map(|group| {
                let names = &names;
                rule.resources.iter().flat_map(move |resource| {
                    rule.verbs.iter().flat_map(move |verb| {
                        names.iter().map(move |name| (group, resource, verb, name))
                    })
                })
            });
            each.into_iter().find_map(|(group, resource, verb, name)| {
                let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
                let asked = Asked {
                    verb,
                    group,
                    resource,
                    subresource,
                    namespace,
                    name,
                };
                (!self.allow(user, &asked)).then(|| format!("{asked:?}"))
            })
        })
    }
}

fn is_master(user: &User) -> bool {
    user.groups.iter().any(|group| group == "system:masters")
}

fn is(user: &User, subject: &Reference) -> bool {
    match subject.kind.as_str() {
        "User" => subject.name == user.name,
        "Group" => user.groups.contains(&subject.name),
        "ServiceAccount" => {
            let account = user.name.strip_prefix("system:serviceaccount:");
            account.and_then(|account| account.split_once(':'))
                == Some((subject.namespace.as_str(), subject.name.as_str()))
        }
        _ => false,
    }
}

fn rules(value: Option<&Value>) -> Vec<Rule> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|rule| Rule::deserialize(rule).ok())
        .collect()
}

fn put<T>(table: &mut Named<T>, key: &Key, value: Option<T>) {
    let place = (key.namespace.to_string(), key.name.to_string());
    match value {
        Some(value) => table.insert(place, value),
        None => table.remove(&place),
    };
}
