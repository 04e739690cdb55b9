//! Deleting objects: preconditions, grace, finalizers, what becomes of dependents.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Answer, Work,
    decode::{set, text},
};
use crate::json::At as _;
use crate::kubernetes::{
    catalogue::{Family, RETURNED},
    refusal::{Cause, Refusal},
    selectors::Selection,
    store::{Key, Object, stamp},
};

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// `DeleteOptions`, as far as they matter.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct How {
    grace_period_seconds: Option<i64>,
    propagation_policy: Option<String>,
    orphan_dependents: Option<bool>,
    preconditions: Option<Preconditions>,
    dry_run: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Preconditions {
    uid: Option<String>,
    resource_version: Option<String>,
}

impl Work<'_> {
    pub(super) fn delete(&mut self) -> Result<Answer, Refusal> {
        let how = self.how()?;
        let key = self.key(&self.request.name);
        self.delete_one(&key, &how)
    }

    fn how(&self) -> Result<How, Refusal> {
        let body = &self.request.body;
        let mut how: How = if body.is_empty() {
            How::default()
        } else {
            let read = serde_json::from_slice(body);
            read.map_err(|error| Refusal::bad_request(format!("no DeleteOptions: {error}")))?
        };
        if let Ok(seconds) = self.request.asked("gracePeriodSeconds").parse() {
            how.grace_period_seconds = Some(seconds);
        }
        let policy = self.request.asked("propagationPolicy");
        if !policy.is_empty() {
            how.propagation_policy = Some(policy.into());
        }
        let known = ["Orphan", "Background", "Foreground"];
        let policy = how.propagation_policy.as_deref();
        let wrong = policy.filter(|policy| !known.contains(policy));
        if let Some(policy) = wrong {
            let cause = Cause::unsupported("propagationPolicy", policy);
            let mut refusal = Refusal::invalid(self.resource().named(), "", &[cause]);
            refusal
                .details
                .insert("kind".into(), json!("DeleteOptions"));
            refusal.details.insert("group".into(), json!("meta.k8s.io"));
            return Err(refusal);
        }
        Ok(how)
    }

    pub(super) fn delete_one(&mut self, key: &Key, how: &How) -> Result<Answer, Refusal> {
        let existing = self.existing(key)?;
        let old = existing.value();
        self.expect_preconditions(key, how, old)?;
        self.admit("DELETE", None, Some(old))?;
        let dry = how.dry_run.iter().any(|what| what == "All") || self.request.is_dry_run();
        if self.is(Family::Namespace) && has_content(old) {
            return Ok(self.terminate(key, &existing, dry));
        }
        let mut new = old.clone();
        let graceful = match self.grace(how, &mut new) {
            Grace::Pending => return Ok(self.gone(&existing)),
            Grace::Given => true,
            Grace::None => false,
        };
        let finalizers = if matches!(self.resource().family, Family::Event | Family::CoreEvent) {
            finalizers(&How::default(), old)
        } else {
            finalizers(how, old)
        };
        let waits = !finalizers.is_empty();
        set(
            &mut new,
            "finalizers",
            if waits {
                json!(finalizers)
            } else {
                Value::Null
            },
        );
        if !graceful && waits {
            self.mark(&mut new);
        }
        if dry {
            return Ok(if graceful || waits {
                Answer::Stored(200, Object::unsaved(new))
            } else {
                self.gone(&existing)
            });
        }
        let seconds = new
            .at("/metadata/deletionGracePeriodSeconds")
            .and_then(Value::as_i64);
        if graceful || waits {
            let kept = if new == *old {
                existing
            } else {
                self.state.store.put(key.clone(), new)
            };
            if waits || seconds.unwrap_or(0) > 0 {
                return Ok(Answer::Stored(200, kept));
            }
            return Ok(self.end(key, &kept));
        }
        Ok(self.end(key, &existing))
    }

    fn expect_preconditions(&self, key: &Key, how: &How, old: &Value) -> Result<(), Refusal> {
        let Some(preconditions) = &how.preconditions else {
            return Ok(());
        };
        let checks = [
            ("UID", preconditions.uid.as_deref(), text(old, "uid")),
            (
                "ResourceVersion",
                preconditions.resource_version.as_deref(),
                text(old, "resourceVersion"),
            ),
        ];
        for (what, wanted, found) in checks {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
                let why = format!(
                    "the {what} in the precondition ({wanted}) does not match the {what} in record ({found})."
                );
                let resource = self.resource();
                let mut refusal = Refusal::conflict(resource.named(), &key.name, &why);
                refusal.details.insert("kind".into(), json!(resource.kind));
                if resource.family == Family::Event {
                    // Events are kept as those of the core group.
                    refusal.details.remove("group");
                }
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// Pods alone end with grace.
    fn grace(&self, how: &How, new: &mut Value) -> Grace {
        if self.resource().family != Family::Pod {
            return Grace::None;
        }
        let left = new
            .at("/metadata/deletionGracePeriodSeconds")
            .and_then(Value::as_i64);
        let wanted = how
            .grace_period_seconds
            .map(|seconds| if seconds < 0 { 1 } else { seconds });
        if !text(new, "deletionTimestamp").is_empty() {
            let left = left.unwrap_or(0);
            return match wanted {
                _ if left == 0 => Grace::None,
                Some(wanted) if wanted < left => {
                    set(new, "deletionTimestamp", json!(self.after(wanted)));
                    set(new, "deletionGracePeriodSeconds", json!(wanted));
                    Grace::Given
                }
                _ => Grace::Pending,
            };
        }
        let own = new
            .at("/spec/terminationGracePeriodSeconds")
            .and_then(Value::as_i64);
        let scheduled = new.at("/spec/nodeName").is_some();
        let phase = new.at("/status/phase").and_then(Value::as_str);
        let over = matches!(phase, Some("Failed" | "Succeeded"));
        let seconds = if scheduled && !over {
            wanted.or(own).unwrap_or(0)
        } else {
            0
        };
        set(new, "deletionTimestamp", json!(self.after(seconds)));
        set(new, "deletionGracePeriodSeconds", json!(seconds));
        count(new);
        Grace::Given
    }

    fn after(&self, seconds: i64) -> String {
        let now = self.inner.clock.now().as_second();
        jiff::Timestamp::from_second(now.saturating_add(seconds))
            .unwrap_or_default()
            .to_string()
    }

    /// Marks an object that waits for its finalizers.
    fn mark(&self, new: &mut Value) {
        if text(new, "deletionTimestamp").is_empty() {
            count(new);
            set(new, "deletionTimestamp", json!(self.now.clone()));
        }
        set(new, "deletionGracePeriodSeconds", json!(0));
    }

    /// A namespace goes once its finalizer says that nothing is left in it.
    fn terminate(&mut self, key: &Key, existing: &Arc<Object>, dry: bool) -> Answer {
        let mut new = existing.value().clone();
        if text(&new, "deletionTimestamp").is_empty() {
            set(&mut new, "deletionTimestamp", json!(self.now.clone()));
        }
        if let Some(phase) = new.pointer_mut("/status/phase") {
            *phase = json!("Terminating");
        }
        Answer::Stored(
            200,
            if dry {
                Object::unsaved(new)
            } else if new == *existing.value() {
                existing.clone()
            } else {
                self.state.store.put(key.clone(), new)
            },
        )
    }

    /// Takes an object out; the answer has the revision of that.
    fn end(&mut self, key: &Key, object: &Arc<Object>) -> Answer {
        self.state.store.delete(key);
        let revision = self.state.store.head();
        if self.resource().family == Family::Service
            && let Some(endpoints) = self.inner.catalogue.family(Family::Endpoints)
        {
            let of_service = Key {
                resource: endpoints.id,
                ..key.clone()
            };
            self.end_endpoints(&of_service);
        }
        let mut last = object.value().clone();
        stamp(&mut last, revision);
        self.gone(&Object::unsaved(last))
    }

    /// A Service takes its Endpoints along.
    fn end_endpoints(&mut self, key: &Key) {
        let Some(endpoints) = self.state.store.get(key) else {
            return;
        };
        let mut marked = endpoints.value().clone();
        if finalizers(&How::default(), &marked).is_empty() {
            self.state.store.delete(key);
        } else if text(&marked, "deletionTimestamp").is_empty() {
            self.mark(&mut marked);
            self.state.store.put(key.clone(), marked);
        }
    }

    /// What a deletion answers.
    fn gone(&self, object: &Arc<Object>) -> Answer {
        let resource = self.resource();
        if resource.is(RETURNED) {
            return Answer::Stored(200, object.clone());
        }
        let mut details = json!({
            "name": text(object.value(), "name"),
            "kind": resource.plural,
            "uid": text(object.value(), "uid"),
        });
        if let (false, Some(fields)) = (resource.group.is_empty(), details.as_object_mut()) {
            fields.insert("group".into(), json!(resource.group));
        }
        let status = json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Success",
            "details": details});
        Answer::Value(200, status)
    }

    pub(super) fn delete_collection(&mut self) -> Result<Answer, Refusal> {
        let how = self.how()?;
        let request = self.request;
        let selection = Selection::parse(
            request.asked("labelSelector"),
            request.asked("fieldSelector"),
            &request.resource,
        )?;
        let all = self
            .state
            .store
            .list(request.resource.id, &request.namespace);
        let all = all.filter(|(_, object)| selection.matches(object.value()));
        let all: Vec<_> = all
            .map(|(key, object)| (key.clone(), object.clone()))
            .collect();
        let revision = self.state.store.head();
        for (key, _) in &all {
            self.delete_one(key, &how)?;
        }
        let objects: Vec<_> = all.into_iter().map(|(_, object)| object).collect();
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if let (true, Some(fields)) = (request.resource.custom.is_some(), metadata.as_object_mut())
        {
            fields.insert("continue".into(), json!(""));
        }
        Ok(super::read::list_of(&request.resource, &objects, metadata))
    }
}

enum Grace {
    None,
    Given,
    Pending,
}

/// Whether a namespace has finalizers of its own left, which its metadata does not tell.
pub(super) fn has_content(namespace: &Value) -> bool {
    let finalizers = namespace.at("/spec/finalizers").and_then(Value::as_array);
    finalizers.is_some_and(|all| !all.is_empty())
}

fn count(new: &mut Value) {
    if let Some(generation) = new.at("/metadata/generation").and_then(Value::as_i64) {
        set(new, "generation", json!(generation + 1));
    }
}

/// The finalizers that are left, with those that tell the garbage collector what to do.
fn finalizers(how: &How, old: &Value) -> Vec<String> {
    let there = old.at("/metadata/finalizers").and_then(Value::as_array);
    let there: Vec<&str> = there
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let has = |name: &str| there.contains(&name);
    let (orphan, foreground) = match (how.orphan_dependents, how.propagation_policy.as_deref()) {
        (Some(orphan), _) => (orphan, false),
        (None, Some(policy)) => (policy == "Orphan", policy == "Foreground"),
        (None, None) if has(ORPHAN) => (true, false),
        (None, None) => (false, has(FOREGROUND)),
    };
    if orphan == has(ORPHAN) && foreground == has(FOREGROUND) {
        return there.into_iter().map(str::to_owned).collect();
    }
    let others = there
        .iter()
        .filter(|name| ![ORPHAN, FOREGROUND].contains(name));
    let mut all: Vec<String> = others.map(|name| (*name).to_owned()).collect();
    if orphan {
        all.push(ORPHAN.into());
    }
    if foreground {
        all.push(FOREGROUND.into());
    }
    all
}
