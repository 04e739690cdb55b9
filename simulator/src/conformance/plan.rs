//! What is sent, from a seed. What depends on earlier answers is a placeholder: `$uid:PATH`, `$rv:PATH` (the last
//! known revision), `$first:PATH` (the first known), `$name:STEP` (a generated name), `$continue`.
#![expect(
    clippy::indexing_slicing,
    reason = "to a JSON value an index adds what is absent"
)]
#![expect(
    clippy::needless_pass_by_value,
    clippy::match_same_arms,
    reason = "each kind of request is made in the same way"
)]

use serde_json::{Value, json};

use super::{
    ask::{Ask, JSON},
    dice::Dice,
    ends,
    objects::{self, KINDS, Kind},
};

/// A sequence: its requests, and what is watched meanwhile.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where it happens.
    pub namespace: String,
    /// What is sent, in order.
    pub asks: Vec<Ask>,
    /// Paths and queries of watches; each ends with the object `zz-end`.
    pub watches: Vec<Ask>,
}

/// Who asks beside the administrator.
pub(super) const ACCOUNTS: [&str; 3] = ["agent", "n0-member", "stranger"];
const MERGE: &str = "application/merge-patch+json";
const PATCH: &str = "application/json-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const NAMES: [&str; 3] = ["n0", "n1", "n2"];
const MANAGERS: [&str; 3] = ["anna", "berta", "clara"];

struct Planner {
    dice: Dice,
    namespace: String,
    kinds: Vec<Kind>,
    asks: Vec<Ask>,
    /// Kinds with a generated name. The servers' names differ, and with them the order of objects.
    generated: Vec<Kind>,
}

impl Plan {
    /// The sequence of a seed.
    pub fn of(seed: u64, namespace: &str, longest: usize) -> Self {
        let mut dice = Dice::new(seed);
        let weighted: Vec<Kind> = KINDS
            .iter()
            .flat_map(|kind| std::iter::repeat_n(*kind, kind.weight))
            .collect();
        // Few kinds, so that requests meet each other's objects.
        let kinds: Vec<Kind> = (0..3).filter_map(|_| dice.of(&weighted).copied()).collect();
        let length = dice.below(longest.saturating_sub(10)) + 10;
        let mut planner = Planner {
            dice,
            namespace: namespace.to_owned(),
            kinds,
            asks: Vec::new(),
            generated: Vec::new(),
        };
        planner.begin();
        while planner.asks.len() < length {
            planner.step();
        }
        let watches = planner.end();
        Self {
            namespace: planner.namespace,
            asks: planner.asks,
            watches,
        }
    }
}

impl Planner {
    fn begin(&mut self) {
        let namespace = self.namespace.clone();
        let body =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        self.send("POST", "/api/v1/namespaces".into(), JSON, Some(body));
        // The account that some requests are made as.
        let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces";
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "agent"},
            "rules": [{"apiGroups": ["cassandra-operator.rs"], "resources": ["cassandramembers"], "verbs": ["get", "list", "watch"]},
                {"apiGroups": ["cassandra-operator.rs"], "resources": ["cassandramembers/status"], "verbs": ["patch"]}]});
        self.send(
            "POST",
            format!("{rbac}/{namespace}/roles"),
            JSON,
            Some(role),
        );
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "agent"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "agent"},
            "subjects": [{"kind": "ServiceAccount", "name": "agent", "namespace": namespace},
                {"kind": "ServiceAccount", "name": "n0-member", "namespace": namespace}]});
        self.send(
            "POST",
            format!("{rbac}/{namespace}/rolebindings"),
            JSON,
            Some(binding),
        );
    }

    fn end(&mut self) -> Vec<Ask> {
        let mut kinds: Vec<Kind> = Vec::new();
        for kind in self.kinds.clone() {
            if !kinds.contains(&kind) && kind.plural != "events" {
                kinds.push(kind);
            }
        }
        let mut watches = Vec::new();
        for kind in kinds {
            // What is there at last, and then what ends the watch.
            self.send("GET", self.collection(kind), "", None);
            self.asks.push(ends::end(kind, &self.namespace));
            let mut watch = ends::watch(kind, &self.namespace);
            match self.dice.below(3) {
                0 => watch.query.push((
                    "labelSelector",
                    self.dice.text(&["l=1", "l in (1,3)", "l", "l!=2"]).into(),
                )),
                1 => watch.query.push(("allowWatchBookmarks", "true".into())),
                _ => {}
            }
            watch.metadata = self.dice.percent(25);
            watches.push(watch);
        }
        watches
    }

    fn collection(&self, kind: Kind) -> String {
        kind.collection(&self.namespace)
    }

    fn send(
        &mut self,
        method: &'static str,
        path: String,
        content: &'static str,
        body: Option<Value>,
    ) {
        self.asks.push(Ask {
            method,
            path,
            content,
            body,
            ..Ask::default()
        });
    }

    fn step(&mut self) {
        let Some(kind) = self.dice.of(&self.kinds.clone()).copied() else {
            return;
        };
        let name = self.dice.text(&NAMES);
        let path = format!("{}/{name}", self.collection(kind));
        let before = self.asks.len();
        match self.dice.below(100) {
            0..=13 => self.create(kind, name),
            14..=16 => self.generate(kind),
            17..=21 => self.send("GET", path, "", None),
            22..=26 => self.list(kind),
            27..=35 => self.put(kind, name, path),
            36..=46 => self.merge(kind, path),
            47..=51 => self.json_patch(path),
            52..=68 => self.apply(kind, name, path),
            69..=80 if kind.has_status => self.status(kind, name, path),
            81..=90 => self.delete(path),
            91 => self.delete_collection(kind),
            92..=94 if kind.kind == "StatefulSet" => self.scale(name, path),
            92..=96 if kind.kind == "Pod" => self.evict(name, path),
            97 => self.nowhere(kind),
            _ => self.create(kind, name),
        }
        let (manager, account) = (self.dice.text(&MANAGERS), self.dice.below(100));
        let (dry, strict, partial) = (
            self.dice.percent(3),
            self.dice.percent(5),
            self.dice.percent(6),
        );
        let pod = [None, Some("n0-0"), Some("n1-0"), Some("x")];
        let pod = self.dice.of(&pod).copied().flatten().map(str::to_owned);
        let [agent, member, stranger] = ACCOUNTS;
        let user = self.dice.text(&[agent, agent, member, stranger]);
        if self.asks.len() == before {
            return;
        }
        let Some(ask) = self.asks.last_mut() else {
            return;
        };
        let writes = ["POST", "PUT", "PATCH"].contains(&ask.method);
        if writes && !ask.query.iter().any(|(name, _)| *name == "fieldManager") {
            ask.query.push(("fieldManager", manager.into()));
        }
        // An address that is only tried is any address.
        if writes && dry && !ask.path.ends_with("eviction") && kind.kind != "Service" {
            ask.query.push(("dryRun", "All".into()));
        }
        if writes && strict && ask.content != APPLY {
            ask.query.push(("fieldValidation", "Strict".into()));
        }
        ask.metadata = partial && ask.method != "DELETE" && !ask.path.ends_with("/scale");
        let ours = ask.path.contains("cassandra-operator.rs");
        if account < if ours { 15 } else { 4 } && !ask.path.contains("nonsense") {
            ask.user = Some((user.into(), pod));
        }
    }

    /// An object, with one or the other in its metadata.
    fn object(&mut self, kind: Kind, name: &str) -> Value {
        let namespace = self.namespace.clone();
        let mut object = objects::object(kind, name, &namespace, &mut self.dice);
        let other = format!("{}/{}", self.collection(kind), self.dice.text(&NAMES));
        let metadata = &mut object["metadata"];
        if self.dice.percent(50) {
            metadata["labels"] = json!({"l": self.dice.text(&["1", "2", "3"])});
        }
        if self.dice.percent(20) {
            metadata["annotations"] = json!({self.dice.text(&["a", "b", "cassandra-operator.rs/pod"]): self.dice.text(&["x", "y"])});
        }
        if self.dice.percent(12) {
            metadata["finalizers"] = json!([self.dice.text(&["x.y/hold", "x.y/wait"])]);
        }
        if self.dice.percent(8) {
            metadata["ownerReferences"] = json!([{"apiVersion": kind.version, "kind": kind.kind, "name": "n0",
                "uid": format!("$uid:{other}"), "controller": true}]);
        }
        if self.dice.percent(2) {
            metadata["labels"] = json!({"bad label": "x"});
        }
        if self.dice.percent(2) {
            metadata["namespace"] = json!("elsewhere");
        }
        object
    }

    fn create(&mut self, kind: Kind, name: &str) {
        let mut object = self.object(kind, name);
        if self.dice.percent(3) {
            // A real server looks through all addresses in vain for a Service with such a name, for minutes.
            let names = if kind.kind == "Service" {
                ["n0"; 3]
            } else {
                ["Not_A_Name", "", "a/b"]
            };
            object["metadata"]["name"] = json!(self.dice.text(&names));
        }
        if self.dice.percent(2) {
            object["metadata"]["resourceVersion"] = json!("5");
        }
        // Of ours a real server takes another kind to validation, without defaults.
        if self.dice.percent(2) && !kind.kind.starts_with("Cassandra") {
            object["kind"] = json!("Other");
        }
        self.send("POST", self.collection(kind), JSON, Some(object));
    }

    fn generate(&mut self, kind: Kind) {
        self.generated.push(kind);
        let mut object = self.object(kind, "");
        object["metadata"]["name"] = Value::Null;
        object["metadata"]["generateName"] = json!("gen-");
        self.send("POST", self.collection(kind), JSON, Some(object));
        let step = self.asks.len() - 1;
        if self.dice.percent(50) {
            let path = format!("{}/$name:{step}", self.collection(kind));
            self.send("DELETE", path, "", None);
        }
    }

    fn list(&mut self, kind: Kind) {
        let mut query: Vec<(&'static str, String)> = Vec::new();
        let pages = if self.generated.contains(&kind) { 2 } else { 6 };
        match self.dice.below(pages) {
            0 => query.push((
                "labelSelector",
                self.dice
                    .text(&["l=1", "l in (1,2)", "l notin (1)", "!l", "l", "x=y"])
                    .into(),
            )),
            1 => query.push((
                "fieldSelector",
                self.dice
                    .text(&["metadata.name=n0", "metadata.name!=n0", "spec.nonsense=1"])
                    .into(),
            )),
            2 => query.push(("limit", "1".into())),
            3 => query.extend([("limit", "1".into()), ("continue", "$continue".into())]),
            _ => {}
        }
        self.send("GET", self.collection(kind), "", None);
        if let Some(ask) = self.asks.last_mut() {
            ask.query = query;
        }
    }

    fn version(&mut self, path: &str) -> Value {
        match self.dice.below(10) {
            0..=4 => json!(format!("$rv:{path}")),
            5 => json!(format!("$first:{path}")),
            6 => json!("1"),
            _ => Value::Null,
        }
    }

    fn put(&mut self, kind: Kind, name: &str, path: String) {
        let mut object = self.object(kind, name);
        object["metadata"]["resourceVersion"] = self.version(&path);
        match self.dice.below(12) {
            0 => object["metadata"]["uid"] = json!(format!("$uid:{path}")),
            1 => object["metadata"]["uid"] = json!("22222222-2222-2222-2222-222222222222"),
            2 => object["metadata"]["name"] = json!("another"),
            _ => {}
        }
        self.send("PUT", path, JSON, Some(object));
    }

    fn merge(&mut self, kind: Kind, path: String) {
        let namespace = self.namespace.clone();
        let body = match self.dice.below(12) {
            0 => json!({"metadata": {"finalizers": []}}),
            1 => json!({"metadata": {"finalizers": ["x.y/hold"]}}),
            2 => json!({"metadata": {"labels": {"l": self.dice.text(&["1", "2"])}}}),
            3 => json!({"metadata": {"labels": {"l": null}}}),
            4 => {
                json!({"metadata": {"labels": {"l": "1"}, "resourceVersion": self.version(&path)}})
            }
            5 => {
                json!({"metadata": {"annotations": {"a": "z"}, "uid": self.dice.text(&["22222222-2222-2222-2222-222222222222", "$own"])}})
            }
            6 => json!({"metadata": {"managedFields": [{}]}}),
            7 => json!({}),
            _ => objects::content(kind, &namespace, &mut self.dice),
        };
        let text = body.to_string().replace("$own", &format!("$uid:{path}"));
        let body = serde_json::from_str(&text).unwrap_or(body);
        self.send("PATCH", path, MERGE, Some(body));
    }

    fn json_patch(&mut self, path: String) {
        let body = match self.dice.below(6) {
            0 => json!([{"op": "test", "path": "/metadata/uid", "value": format!("$uid:{path}")},
                {"op": "add", "path": "/metadata/labels", "value": {"l": "3"}}]),
            1 => json!([{"op": "test", "path": "/metadata/uid", "value": "other"},
                {"op": "add", "path": "/metadata/labels", "value": {"l": "3"}}]),
            2 => json!([{"op": "remove", "path": "/metadata/labels/l"}]),
            3 => json!([{"op": "add", "path": "/metadata/annotations", "value": {"j": "1"}}]),
            4 => json!([{"op": "remove", "path": "/metadata/finalizers"}]),
            _ => {
                json!([{"op": "replace", "path": "/metadata/resourceVersion", "value": self.version(&path)},
                {"op": "add", "path": "/metadata/labels", "value": {"l": "2"}}])
            }
        };
        self.send("PATCH", path, PATCH, Some(body));
    }

    fn apply(&mut self, kind: Kind, name: &str, path: String) {
        let mut object = self.object(kind, name);
        match self.dice.below(16) {
            0 => object["metadata"]["uid"] = json!(format!("$uid:{path}")),
            1 => object["metadata"]["uid"] = json!("22222222-2222-2222-2222-222222222222"),
            2 => object["metadata"]["resourceVersion"] = self.version(&path),
            // An event is never without what it tells of.
            3 if !["Event", "EndpointSlice"].contains(&kind.kind) => {
                object = json!({"apiVersion": kind.version, "kind": kind.kind, "metadata": {"name": name,
                    "labels": {"l": "1", "m": self.dice.text(&["1", "2"])}}});
            }
            4 => object["metadata"]["managedFields"] = json!([]),
            _ => {}
        }
        self.send("PATCH", path, APPLY, Some(object));
        let (manager, force) = (self.dice.text(&MANAGERS), self.dice.percent(60));
        if let Some(ask) = self.asks.last_mut() {
            ask.query.push(("fieldManager", manager.into()));
            if force {
                ask.query.push(("force", "true".into()));
            }
        }
    }

    fn status(&mut self, kind: Kind, name: &str, path: String) {
        let status = objects::status(kind, &mut self.dice);
        let path = format!("{path}/status");
        match self.dice.below(10) {
            0 => self.send("GET", path, "", None),
            1..=4 => {
                let body = json!({"apiVersion": kind.version, "kind": kind.kind, "metadata": {"name": name}, "status": status});
                self.send("PATCH", path, APPLY, Some(body));
                let (manager, force) = (self.dice.text(&MANAGERS), self.dice.percent(70));
                if let Some(ask) = self.asks.last_mut() {
                    ask.query.push(("fieldManager", manager.into()));
                    if force {
                        ask.query.push(("force", "true".into()));
                    }
                }
            }
            5..=8 => self.send("PATCH", path, MERGE, Some(json!({"status": status}))),
            _ => {
                let body = json!({"metadata": {"labels": {"l": "1"}}, "status": status});
                self.send("PATCH", path, MERGE, Some(body));
            }
        }
    }

    fn delete(&mut self, path: String) {
        let body = match self.dice.below(12) {
            0 => Some(json!({"preconditions": {"uid": format!("$uid:{path}")}})),
            1 => Some(json!({"preconditions": {"uid": "22222222-2222-2222-2222-222222222222"}})),
            2 => Some(json!({"preconditions": {"resourceVersion": format!("$rv:{path}")}})),
            3 => Some(json!({"preconditions": {"resourceVersion": format!("$first:{path}")}})),
            4 => Some(json!({"propagationPolicy": "Orphan"})),
            5 => Some(json!({"propagationPolicy": "Foreground"})),
            6 => Some(json!({"propagationPolicy": "Background"})),
            7 => Some(json!({"gracePeriodSeconds": self.dice.below(3)})),
            8 => Some(json!({"dryRun": ["All"]})),
            9 => Some(json!({"propagationPolicy": "Nonsense"})),
            _ => None,
        };
        self.send("DELETE", path, JSON, body);
    }

    fn delete_collection(&mut self, kind: Kind) {
        // The roles of the sequence itself stay.
        if kind.version.starts_with("rbac") || self.generated.contains(&kind) {
            return;
        }
        self.send("DELETE", self.collection(kind), "", None);
        if let Some(ask) = self.asks.last_mut() {
            ask.query
                .push(("labelSelector", self.dice.text(&["l=1", "l"]).into()));
        }
    }

    fn scale(&mut self, name: &str, path: String) {
        let path = format!("{path}/scale");
        // A real server divides the entries of `managedFields` anew at each scale; we never scale.
        let replicas = -1;
        match self.dice.below(3) {
            0 => self.send("GET", path, "", None),
            1 => self.send(
                "PATCH",
                path,
                MERGE,
                Some(json!({"spec": {"replicas": -1}})),
            ),
            _ => {
                let body = json!({"apiVersion": "autoscaling/v1", "kind": "Scale",
                    "metadata": {"name": name, "namespace": self.namespace}, "spec": {"replicas": replicas}});
                self.send("PUT", path, JSON, Some(body));
            }
        }
    }

    fn evict(&mut self, name: &str, path: String) {
        let body = json!({"apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": {"name": name, "namespace": self.namespace}});
        self.send("POST", format!("{path}/eviction"), JSON, Some(body));
    }

    fn nowhere(&mut self, kind: Kind) {
        match self.dice.below(3) {
            0 => self.send(
                "GET",
                "/apis/nonsense.io/v1/namespaces/x/things".into(),
                "",
                None,
            ),
            1 => {
                let object = objects::object(kind, "n0", "absent", &mut self.dice);
                let path = format!(
                    "/{}/{}/namespaces/absent/{}",
                    kind.prefix, kind.version, kind.plural
                );
                self.send("POST", path, JSON, Some(object));
            }
            _ => self.send(
                "PATCH",
                format!("{}/n0", self.collection(kind)),
                "text/plain",
                Some(json!({})),
            ),
        }
    }
}
