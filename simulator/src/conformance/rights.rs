//! Whose rights are in force. A real authorizer looks at what informers have seen of roles and bindings, which is a
//! moment after they were written: we wait until it has seen all, and then compare what everybody may do.

use anyhow::Result;
use kube::Client;
use serde_json::{Value, json};

use super::{
    ask::{Ask, JSON},
    plan::ACCOUNTS,
    side::Side,
    wait,
};
use crate::{
    json::At as _,
    kubernetes::{Server, User},
};

const GROUP: &str = "rbac.authorization.k8s.io";
const REVIEWS: &str = "/apis/authorization.k8s.io/v1";
/// A right that nobody else grants or uses.
const MARKS: &str = "marks";

/// The rights in a sequence's namespace.
pub(super) struct Rights {
    real: Side,
    namespace: String,
    /// Where the marks are: in no list or watch of the sequence.
    marks: String,
    /// How many marks were made.
    made: usize,
    /// Whether a change may not be in force yet.
    changed: bool,
}

impl Rights {
    pub(super) fn new(real: Client, namespace: &str) -> Self {
        Self {
            real: Side::new(real, namespace),
            namespace: namespace.to_owned(),
            marks: format!("{namespace}-marks"),
            made: 0,
            changed: false,
        }
    }

    /// This was sent; it may have changed somebody's rights.
    pub(super) fn note(&mut self, ask: &Ask) {
        self.changed |= ask.method != "GET" && ask.path.contains(GROUP);
    }

    /// Waits until all that was written is in force. What somebody may do on one of the servers alone, in words.
    pub(super) async fn differ(&mut self, simulator: &Server) -> Result<Option<String>> {
        if !std::mem::take(&mut self.changed) {
            return Ok(None);
        }
        self.mark().await?;
        let seen = wait::until(async || self.is_marked().await).await?;
        if !seen {
            let patience = wait::PATIENCE;
            let words = format!("  differs: real rights are not in force after {patience:?}");
            return Ok(Some(words));
        }
        let anywhere = self.real_rules(ACCOUNTS[0], &self.marks).await?;
        for account in ACCOUNTS {
            let user = User::service_account(&self.namespace, account);
            let mut simulated = simulator.rules_of(&user, &self.namespace);
            simulated.extend(anywhere.iter().cloned());
            let real = self.real_rules(account, &self.namespace).await?;
            let (simulated, real) = (in_order(&simulated), in_order(&real));
            if simulated != real {
                return Ok(Some(format!(
                    "  differs: rights of {account}\n  simulated: {simulated:?}\n  real: {real:?}"
                )));
            }
        }
        Ok(None)
    }

    /// Grants somebody something new, by a role and by a binding. Informers see objects of a kind in the order in
    /// which they were written, so whoever has seen both has seen everything before them. Sequences write no
    /// `ClusterRole` and no `ClusterRoleBinding`, which have informers of their own.
    async fn mark(&mut self) -> Result<()> {
        if self.made == 0 {
            let namespace =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.marks}});
            let path = format!("/api/v1/namespaces/{}", self.marks);
            self.apply(path, namespace).await?;
        }
        self.made += 1;
        let role = json!({"rules": [{"apiGroups": [""], "resources": [MARKS], "verbs": ["get"],
            "resourceNames": [self.made.to_string()]}]});
        let binding = json!({"roleRef": {"apiGroup": GROUP, "kind": "Role", "name": MARKS},
            "subjects": [{"apiGroup": GROUP, "kind": "User", "name": self.marked()}]});
        for (plural, kind, mut object) in [
            ("roles", "Role", role),
            ("rolebindings", "RoleBinding", binding),
        ] {
            if let Some(object) = object.as_object_mut() {
                object.insert("apiVersion".into(), json!(format!("{GROUP}/v1")));
                object.insert("kind".into(), json!(kind));
                object.insert("metadata".into(), json!({"name": MARKS}));
            }
            let path = format!(
                "/apis/{GROUP}/v1/namespaces/{}/{plural}/{MARKS}",
                self.marks
            );
            self.apply(path, object).await?;
        }
        Ok(())
    }

    /// The user whom the last mark grants something.
    fn marked(&self) -> String {
        format!("{MARKS}-{}", self.made)
    }

    async fn is_marked(&self) -> Result<bool> {
        let asked = json!({"namespace": self.marks, "verb": "get", "resource": MARKS,
            "name": self.made.to_string()});
        let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {"user": self.marked(), "resourceAttributes": asked}});
        let review = self.review("subjectaccessreviews", body, None).await?;
        Ok(review.at("/status/allowed") == Some(&json!(true)))
    }

    /// The rules that grant an account of the sequence's namespace something in a namespace.
    async fn real_rules(&self, account: &str, namespace: &str) -> Result<Vec<Value>> {
        let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace}});
        let review = self
            .review("selfsubjectrulesreviews", body, Some(account))
            .await?;
        let rules = review.at("/status/resourceRules").and_then(Value::as_array);
        Ok(rules.cloned().unwrap_or_default())
    }

    async fn review(&self, kind: &str, body: Value, account: Option<&str>) -> Result<Value> {
        let ask = Ask {
            method: "POST",
            path: format!("{REVIEWS}/{kind}"),
            content: JSON,
            body: Some(body),
            user: account.map(|account| (account.to_owned(), None)),
            ..Ask::default()
        };
        let answer = self.real.ask(&ask).await?;
        anyhow::ensure!(answer.code == 201, "a review: {}", answer.body);
        Ok(answer.body)
    }

    async fn apply(&self, path: String, object: Value) -> Result<()> {
        let ask = Ask {
            method: "PATCH",
            path,
            query: vec![("fieldManager", MARKS.into())],
            content: "application/apply-patch+yaml",
            body: Some(object),
            ..Ask::default()
        };
        let answer = self.real.ask(&ask).await?;
        let written = [200, 201].contains(&answer.code);
        anyhow::ensure!(written, "a mark: {}", answer.body);
        Ok(())
    }
}

/// In which order rules are told is the server's choice.
fn in_order(rules: &[Value]) -> Vec<String> {
    let mut rules: Vec<_> = rules.iter().map(Value::to_string).collect();
    rules.sort();
    rules
}
