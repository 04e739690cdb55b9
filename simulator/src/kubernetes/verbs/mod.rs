//! What is done for each request, in the order in which a real API server does it: authorisation, decoding,
//! ownership of fields, the kind's rules, admission, the store.

mod binding;
mod change;
mod create;
mod decode;
mod delete;
mod eviction;
mod ownership;
mod patch;
pub(crate) mod read;
mod scale;

use std::sync::Arc;

use serde_json::Value;

use super::{
    catalogue::{Family, Resource, STATUS},
    refusal::Refusal,
    request::{Request, Verb},
    rights::Asked,
    server::{Inner, State},
    store::{Key, Object},
    watching::Watching,
};

/// The answer to a request.
#[derive(Debug)]
pub(crate) enum Answer {
    Value(u16, Value),
    Stored(u16, Arc<Object>),
    Watch(Box<Watching>),
    Refused(Refusal),
}

/// One request at work.
pub(super) struct Work<'a> {
    pub(super) inner: &'a Inner,
    pub(super) state: &'a mut State,
    pub(super) request: &'a Request,
    pub(super) replica: usize,
    /// How far the replica's cache is.
    pub(super) seen: u64,
    pub(super) now: String,
}

/// Answers a request, and applies it if it is a write.
pub(crate) fn answer(
    inner: &Inner,
    state: &mut State,
    request: &Request,
    replica: usize,
    seen: u64,
) -> Answer {
    let seconds = inner.clock.now().as_second();
    let now = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    let mut work = Work {
        inner,
        state,
        request,
        replica,
        seen,
        now: now.to_string(),
    };
    match work.run() {
        Ok(answer) => read::as_asked(request, answer),
        Err(refusal) => Answer::Refused(refusal),
    }
}

impl Work<'_> {
    fn run(&mut self) -> Result<Answer, Refusal> {
        self.authorise(self.request.verb)?;
        let subresource = self.request.subresource.as_str();
        match (self.request.verb, subresource) {
            (Verb::Get, "") => self.get(),
            (Verb::Get, "status") if self.request.resource.is(STATUS) => self.get(),
            (Verb::List, "") => self.list(),
            (Verb::Watch, "") => self.watch(),
            (Verb::Create, "") => self.create(),
            (Verb::Create, "binding") if self.is(Family::Pod) => self.bind(),
            (Verb::Create, "eviction") if self.is(Family::Pod) => self.evict(),
            (Verb::Get | Verb::Update | Verb::Patch, "scale") if self.is(Family::StatefulSet) => {
                self.scale()
            }
            (Verb::Update, "") => self.update(),
            (Verb::Patch, "") => self.patch(),
            (Verb::Update, "status") if self.request.resource.is(STATUS) => self.update(),
            (Verb::Update, "finalize") if self.is(Family::Namespace) => self.update(),
            (Verb::Patch, "status") if self.request.resource.is(STATUS) => self.patch(),
            (Verb::Delete, "") => self.delete(),
            (Verb::DeleteCollection, "") => self.delete_collection(),
            _ => Err(Refusal::no_such_path()),
        }
    }

    fn is(&self, family: Family) -> bool {
        self.request.resource.family == family
    }

    /// Whether the user may do this with what the request names.
    pub(super) fn authorise(&self, verb: Verb) -> Result<(), Refusal> {
        let request = self.request;
        // A selection of one name is a request for that object.
        let selected = request.asked("fieldSelector").split(',').find_map(|term| {
            let name = term.strip_prefix("metadata.name=")?;
            Some(name.strip_prefix('=').unwrap_or(name))
        });
        let name = selected
            .filter(|_| request.name.is_empty())
            .unwrap_or(&request.name);
        let asked = Asked {
            verb: verb.name(),
            group: &request.resource.group,
            resource: &request.resource.plural,
            subresource: &request.subresource,
            namespace: &request.namespace,
            name,
        };
        if self.state.rights.allow(&request.user, &asked) {
            return Ok(());
        }
        let why = asked.refusal(&request.user);
        Err(Refusal::forbidden(request.resource.named(), name, &why))
    }

    pub(super) fn key(&self, name: &str) -> Key {
        Key {
            resource: self.request.resource.id,
            namespace: self.request.namespace.as_str().into(),
            name: name.into(),
        }
    }

    pub(super) fn existing(&self, key: &Key) -> Result<Arc<Object>, Refusal> {
        let found = self.state.store.get(key).cloned();
        found.ok_or_else(|| Refusal::not_found(self.request.resource.named(), &key.name))
    }

    /// Writes an object, unless nothing is to be written.
    pub(super) fn save(&mut self, key: Key, value: Value) -> Arc<Object> {
        if self.request.is_dry_run() {
            return Object::unsaved(value);
        }
        self.state.store.put(key, value)
    }

    /// Takes an object out, unless nothing is to be written.
    pub(super) fn take_out(&mut self, key: &Key) {
        if !self.request.is_dry_run() {
            self.state.store.delete(key);
        }
    }

    pub(super) fn resource(&self) -> &Arc<Resource> {
        &self.request.resource
    }
}
