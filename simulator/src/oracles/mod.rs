//! What must never happen, looked at when a write is applied, and what must have come about at the end. Each check has
//! its number: S for safety, L for liveness, as docs/testing.md lists them.

mod answers;
mod jobs;
mod objects;
mod permit;
mod rest;
mod secrets;
mod status;
mod truth;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use cassandra_api::names;
pub use secrets::{CANARY, Listener, told_in_logs};
use serde_json::Value;

use crate::{
    components::{is_counted, is_ours},
    json::text,
    kubernetes::{Applied, Observer, Outcome, Request, Server},
    ring::Ring,
};

/// No scenario takes so many writes of ours, whatever goes wrong.
const MOST_WRITES: u64 = 10_000;
/// Who is told that a namespace goes does not try again and again: about once for each kind that goes.
const MOST_IN_VAIN: u64 = 50;

/// All checks of one run.
pub struct Oracles {
    ring: Ring,
    server: OnceLock<Server>,
    memory: Mutex<Memory>,
    /// Writes of ours that plans count.
    writes: AtomicU64,
    /// Writes of ours that were answered, whether they changed something or not.
    changes: AtomicU64,
}

/// What is remembered from write to write.
#[derive(Debug, Default)]
struct Memory {
    violations: Vec<String>,
    /// By the UID of a cluster.
    clusters: BTreeMap<String, status::Seen>,
    truth: truth::Truth,
    /// What the operator was refused.
    refused: Vec<String>,
    /// How often it was refused something because the namespace was being deleted.
    in_vain: u64,
}

/// One write, for a check.
pub(super) struct Write<'a> {
    component: &'a str,
    request: &'a Request,
    kind: &'a str,
    old: Option<&'a Value>,
    new: Option<&'a Value>,
    server: &'a Server,
    ring: &'a Ring,
}

impl Oracles {
    /// Without a server there is nothing to check yet.
    pub fn new(ring: Ring) -> Self {
        Self {
            ring,
            server: OnceLock::new(),
            memory: Mutex::default(),
            writes: AtomicU64::new(0),
            changes: AtomicU64::new(0),
        }
    }

    /// From now on this server's writes are looked at.
    pub fn watch(&self, server: &Server) {
        // It is called once.
        drop(self.server.set(server.clone()));
    }

    /// From now on faults of all kinds go on.
    pub fn storm(&self) {
        self.memory().truth.storm();
    }

    /// Holds what is told against what is so. Called again and again.
    pub fn look(&self) {
        let Some(server) = self.server.get() else {
            return;
        };
        let mut memory = self.memory();
        for violation in memory.truth.look(server, &self.ring) {
            if !memory.violations.contains(&violation) {
                memory.violations.push(violation);
            }
        }
    }

    /// What must never happen and did, with numbers.
    pub fn violations(&self) -> Vec<String> {
        let mut all = self.memory().violations.clone();
        all.extend(self.ring.violations());
        if let Some(server) = self.server.get() {
            all.extend(rest::check(server, &self.ring));
        }
        let reading = self.ring.read_all();
        if reading.lost > 0 {
            all.push(format!(
                "S18: {} of {} acknowledged writes are lost",
                reading.lost, reading.acknowledged
            ));
        }
        all
    }

    /// How many writes of ours there were.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// How many writes of ours were answered, Leases and Events aside. One that changes nothing counts too: who sends it
    /// in each pass never comes to rest.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// What the API server refused the operator for good: 403 and 422.
    pub fn refused(&self) -> Vec<String> {
        self.memory().refused.clone()
    }

    pub(crate) fn counted(&self, writes: u64) {
        self.writes.store(writes, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self, component: &str, request: &Request, outcome: &Outcome) {
        if is_counted(component, request)
            && self.changes.fetch_add(1, Ordering::Relaxed) == MOST_WRITES
        {
            let endless = format!("S42: {MOST_WRITES} writes, and no end");
            self.memory().violations.push(endless);
        }
        if is_ours(component)
            && !self.has_lost_its_rights(component, &request.namespace)
            && let Some(mut problem) = answers::check(component, request, outcome)
        {
            let going = self.is_going(&request.namespace);
            let mut memory = self.memory();
            memory.in_vain += u64::from(going);
            if going && memory.in_vain < MOST_IN_VAIN {
                return;
            }
            if going {
                problem =
                    format!("S43: {MOST_IN_VAIN} requests in a namespace that is being deleted");
            }
            if !memory.refused.contains(&problem) {
                memory.refused.push(problem);
            }
        }
    }

    /// Whether what gives an agent its rights is not there: somebody has deleted it, or the cluster.
    fn has_lost_its_rights(&self, component: &str, namespace: &str) -> bool {
        let (Some(member), Some(server)) = (component.strip_prefix("agent of "), self.server.get())
        else {
            return false;
        };
        let Some(pod) = server.get("v1", "Pod", namespace, &names::pod(member)) else {
            return true;
        };
        // Role and RoleBinding have the name of the account.
        let account = text(pod.value(), "/spec/serviceAccountName");
        let is_gone = |kind| {
            let found = server.get("rbac.authorization.k8s.io/v1", kind, namespace, account);
            found.is_none()
        };
        is_gone("Role") || is_gone("RoleBinding")
    }

    /// Whether a namespace is being deleted: nothing is made in it any more, and rights in it go.
    fn is_going(&self, namespace: &str) -> bool {
        let server = self.server.get();
        let found = server.and_then(|server| server.get("v1", "Namespace", "", namespace));
        found.is_some_and(|found| !text(found.value(), "/metadata/deletionTimestamp").is_empty())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Oracles {
    fn applied(&self, applied: &Applied<'_>) {
        let Some(server) = self.server.get() else {
            return;
        };
        let value = |object: &Option<Arc<crate::kubernetes::Object>>| object.clone();
        let (old, new) = (value(&applied.change.old), value(&applied.change.new));
        let kind = applied.request.resource.kind.as_str();
        let write = Write {
            component: applied.component,
            request: applied.request,
            kind,
            old: old.as_ref().map(|object| object.value()),
            new: new.as_ref().map(|object| object.value()),
            server,
            ring: &self.ring,
        };
        let mut found = objects::check(&write);
        found.extend(permit::check(&write));
        found.extend(jobs::check(&write));
        found.extend(secrets::check(&write));
        let mut memory = self.memory();
        found.extend(status::check(&write, &mut memory.clusters));
        for violation in found {
            if !memory.violations.contains(&violation) {
                memory.violations.push(violation);
            }
        }
    }
}

impl Write<'_> {
    fn is_ours(&self) -> bool {
        is_ours(self.component)
    }

    /// The object that it is about, as it is or was last.
    fn object(&self) -> &Value {
        self.new.or(self.old).unwrap_or(&Value::Null)
    }

    fn name(&self) -> &str {
        text(self.object(), "/metadata/name")
    }
}
