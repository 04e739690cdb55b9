//! Creating objects.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    Answer, Work,
    decode::{copy, set, text},
};
use crate::json::At as _;
use crate::kubernetes::{
    admission::Custom,
    catalogue::{COUNTED, Family, NAMESPACED},
    refusal::{Cause, Refusal},
    request::Verb,
    rules::{self, AdmissionContext},
    schema::{settle, tidy},
};

impl Work<'_> {
    pub(super) fn create(&mut self) -> Result<Answer, Refusal> {
        if self.resource().is(NAMESPACED) == self.request.namespace.is_empty() {
            return Err(Refusal::no_such_path());
        }
        let mut object = self.decode_body()?;
        self.place(&mut object)?;
        self.name(&mut object);
        for field in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
        ] {
            set(&mut object, field, Value::Null);
        }
        let blank = self.blank();
        self.own(&blank, &mut object);
        self.create_owned(object)
    }

    /// An object of the kind with nothing in it.
    pub(super) fn blank(&self) -> Value {
        let resource = self.resource();
        let mut blank = json!({});
        if resource.custom.is_none() {
            // Nothing can't be of the wrong type.
            let _ = tidy(&mut blank, &resource.schema);
        }
        if let Some(fields) = blank.as_object_mut() {
            fields.insert("apiVersion".into(), json!(resource.api_version()));
            fields.insert("kind".into(), json!(resource.kind));
        }
        blank
    }

    fn name(&mut self, object: &mut Value) {
        let prefix = text(object, "generateName").to_owned();
        if text(object, "name").is_empty() && !prefix.is_empty() {
            let name = self.state.ids.name(&prefix);
            set(object, "name", json!(name));
        }
    }

    /// Creates an object whose fields have owners.
    pub(super) fn create_owned(&mut self, mut object: Value) -> Result<Answer, Refusal> {
        let resource = self.resource().clone();
        self.expect_namespace(&object)?;
        rules::admit(resource.family, &mut object, &self.context());
        if resource.family == Family::Role || resource.family == Family::ClusterRole {
            self.expect_rights_of(&object)?;
        }
        let uid = self.state.ids.uid();
        set(&mut object, "uid", json!(uid));
        set(&mut object, "creationTimestamp", json!(self.now.clone()));
        let taken = self.addresses_in_use();
        let unavailable = rules::prepare_create(
            resource.family,
            &mut object,
            &mut self.state.addresses,
            &taken,
        );
        if resource.is(COUNTED) {
            set(&mut object, "generation", json!(1));
        }
        if resource.custom.is_some() {
            Custom::prepare_create(&mut object);
        }
        if resource.custom.is_none() {
            settle(&mut object, &resource.schema);
        }
        let name = text(&object, "name").to_owned();
        if !unavailable.is_empty() {
            return Err(Refusal::invalid(resource.named(), &name, &unavailable));
        }
        let mut causes = Vec::new();
        causes.extend(rules::metadata(&resource, &object));
        if let Some(custom) = &resource.custom {
            causes = custom.validate(&object, None, false, causes);
        } else {
            let of_content = rules::validate(resource.family, &object);
            // A budget's own rules do not look at its metadata, which is looked at only if they let it pass.
            if resource.family == Family::PodDisruptionBudget && !of_content.is_empty() {
                causes.clear();
            }
            causes.extend(of_content);
        }
        causes.dedup();
        if !causes.is_empty() {
            return Err(Refusal::invalid(resource.named(), &name, &causes));
        }
        self.expect_right_to_bind(&object)?;
        self.admit("CREATE", Some(&object), None)?;
        if self.request.verb == Verb::Create
            && !self.request.is_dry_run()
            && !text(&object, "resourceVersion").is_empty()
        {
            let why = "resourceVersion should not be set on objects to be created";
            return Err(Refusal::internal(why));
        }
        let key = self.key(&name);
        if self.state.store.get(&key).is_some() {
            return Err(Refusal::exists(resource.named(), &name));
        }
        let created =
            if resource.family == Family::PersistentVolumeClaim && !self.request.is_dry_run() {
                self.state.store.put_incomplete(key, object)
            } else {
                self.save(key, object)
            };
        Ok(Answer::Stored(201, created))
    }

    /// The addresses of all Services.
    fn addresses_in_use(&self) -> BTreeSet<String> {
        if self.resource().family != Family::Service {
            return BTreeSet::new();
        }
        let services = self.state.store.list(self.resource().id, "");
        let addresses = services.filter_map(|(_, service)| {
            service
                .value()
                .at("/spec/clusterIP")?
                .as_str()
                .map(str::to_owned)
        });
        addresses.filter(|address| address != "None").collect()
    }

    pub(super) fn context(&self) -> AdmissionContext<'_> {
        let catalogue = &self.inner.catalogue;
        let classes = catalogue.family(Family::StorageClass).map(|class| class.id);
        AdmissionContext {
            store: &self.state.store,
            storage_classes: classes,
        }
    }

    /// Nothing is created in a namespace that is not there or that goes.
    fn expect_namespace(&self, object: &Value) -> Result<(), Refusal> {
        let namespace = self.request.namespace.as_str();
        let Some(kind) = self.inner.catalogue.family(Family::Namespace) else {
            return Ok(());
        };
        if namespace.is_empty() {
            return Ok(());
        }
        let mut key = self.key(namespace);
        key.resource = kind.id;
        key.namespace = "".into();
        let Some(found) = self.state.store.get(&key) else {
            return Err(Refusal::not_found(kind.named(), namespace));
        };
        let phase = found.value().at("/status/phase").and_then(Value::as_str);
        if phase == Some("Terminating") || !text(found.value(), "deletionTimestamp").is_empty() {
            let why = format!(
                "unable to create new content in namespace {namespace} because it is being terminated"
            );
            let cause = Cause::new(
                "NamespaceTerminating",
                "metadata.namespace",
                format!("namespace {namespace} is being terminated"),
            );
            let name = text(object, "name");
            return Err(
                Refusal::forbidden(self.resource().named(), name, &why).with_causes(&[cause])
            );
        }
        Ok(())
    }

    /// Creates what an apply or an update found absent; both need the right to create.
    pub(super) fn create_absent(
        &mut self,
        mut object: Value,
        owned: bool,
    ) -> Result<Answer, Refusal> {
        self.authorise(Verb::Create)?;
        if !owned {
            let blank = self.blank();
            self.own(&blank, &mut object);
        }
        self.create_owned(object)
    }

    /// Who makes a role must hold all that it grants.
    pub(super) fn expect_rights_of(&self, object: &Value) -> Result<(), Refusal> {
        let (user, namespace) = (&self.request.user, &self.request.namespace);
        let rules = object.get("rules");
        let missing = self.state.rights.missing(user, namespace, rules);
        self.expect_none_missing(missing, object)
    }

    /// Who binds a role must hold all that it grants.
    pub(super) fn expect_right_to_bind(&self, object: &Value) -> Result<(), Refusal> {
        if !matches!(
            self.resource().family,
            Family::RoleBinding | Family::ClusterRoleBinding
        ) {
            return Ok(());
        }
        let (user, namespace) = (&self.request.user, &self.request.namespace);
        let missing = self.state.rights.missing_to_bind(user, namespace, object);
        self.expect_none_missing(missing, object)
    }

    fn expect_none_missing(&self, missing: Option<String>, object: &Value) -> Result<(), Refusal> {
        let Some(missing) = missing else {
            return Ok(());
        };
        let user = &self.request.user;
        let why = format!(
            "user {:?} (groups={:?}) is attempting to grant RBAC permissions not currently held:\n{missing}",
            user.name, user.groups
        );
        let name = text(object, "name");
        Err(Refusal::forbidden(self.resource().named(), name, &why))
    }

    /// Asks the admission policies.
    pub(super) fn admit(
        &self,
        operation: &str,
        object: Option<&Value>,
        old: Option<&Value>,
    ) -> Result<(), Refusal> {
        let state = &self.state;
        state
            .policies
            .admit(&state.rights, self.request, operation, object, old)
    }

    /// Keeps what the server alone writes.
    pub(super) fn keep_system_fields(old: &Value, new: &mut Value) {
        if text(new, "uid").is_empty() {
            copy(old, new, "uid");
        }
        copy(old, new, "creationTimestamp");
        copy(old, new, "deletionTimestamp");
        if new.at("/metadata/deletionGracePeriodSeconds").is_none() {
            copy(old, new, "deletionGracePeriodSeconds");
        }
    }
}
