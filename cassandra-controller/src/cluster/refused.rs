//! What the API server refuses, for people: its own words once, the object, the field of the spec that it comes from, and
//! what helps.

use cassandra_api::rules::{Rule, Waiting};
use kube::core::{Status, response::StatusCause};

use super::kinds::Kind;

/// The wait that follows from a refusal.
pub(super) fn waiting(kind: Kind, name: &str, refusal: &Status) -> Waiting {
    let words = words(refusal);
    let remedy = remedy(kind, refusal, &words);
    Waiting::saying(
        Rule::ObjectAccepted,
        format!("waiting for the API server to accept {kind:?} {name}: {words}. {remedy}"),
    )
}

/// The wait that follows from what the StatefulSet controller says of a pod that it could not make.
pub(super) fn of_pod(member: &str, event: &str) -> Waiting {
    let message = event
        .split_once("error: ")
        .map_or(event, |(_, words)| words);
    let refusal = Status {
        message: message.into(),
        ..Status::default()
    };
    waiting(Kind::Pod, &format!("{member}-0"), &refusal)
}

/// What it says, without the parts that name the object and the request.
pub(super) fn words(refusal: &Status) -> String {
    let causes: Vec<_> = refusal
        .details
        .iter()
        .flat_map(|details| &details.causes)
        .filter(|cause| !cause.field.is_empty())
        .map(|cause| format!("{}: {}", cause.field, cause.message))
        .collect();
    let said = if causes.is_empty() {
        let message = refusal.message.as_str();
        let about_the_object = [" is forbidden: ", " is invalid: "];
        let after = |word: &&str| Some(message.split_once(word)?.1);
        let rest = about_the_object.iter().find_map(after);
        rest.unwrap_or(message).to_owned()
    } else {
        causes.join("; ")
    };
    said.trim_end_matches('.').to_owned()
}

/// What helps here.
fn remedy(kind: Kind, refusal: &Status, words: &str) -> String {
    let made_from = made_from(kind);
    let amounts = made_from.amounts;
    if let Some(quota) = between(words, "exceeded quota: ", ",") {
        return format!(
            "Raise the namespace's ResourceQuota {quota}, or lower {amounts} of the spec."
        );
    }
    if words.contains("must support resize") {
        return "Set allowVolumeExpansion of the claim's StorageClass to true if its provisioner can expand volumes, or set \
                spec.storage.size back to what the claim has. Nothing else waits for it."
            .into();
    }
    if words.contains("User \"") && words.contains("cannot ") {
        return "The operator has lost this right: apply its manifests again.".into();
    }
    let of_policy = [
        "admission webhook",
        "ValidatingAdmissionPolicy",
        "violates PodSecurity",
    ];
    if of_policy.iter().any(|policy| words.contains(policy)) {
        return "This is a rule of your Kubernetes, not of the operator: change it or exempt the namespace, or change \
                the spec so that it is kept."
            .into();
    }
    if words.contains(" usage per ") {
        return format!(
            "A LimitRange of the namespace says so: change it, or {amounts} of the spec."
        );
    }
    let fields = refusal.details.iter().flat_map(|details| &details.causes);
    let ours = |cause: &StatusCause| {
        let mut fields = made_from.fields.iter();
        let found = fields.find(|(part, _)| cause.field.contains(part));
        found.map(|(_, ours)| *ours)
    };
    let fields = fields.filter_map(ours);
    let mut fields: Vec<_> = fields.collect();
    fields.dedup();
    if fields.is_empty() {
        return "Correct what it names; it is tried again by itself.".into();
    }
    format!("Correct {}.", fields.join(", "))
}

/// From which parts of our spec an object of this kind is made.
struct MadeFrom {
    /// What is counted or summed up.
    amounts: &'static str,
    /// Its fields that we give values to, and the field of our spec that each comes from.
    fields: &'static [(&'static str, &'static str)],
}

fn made_from(kind: Kind) -> MadeFrom {
    match kind {
        Kind::PersistentVolumeClaim => MadeFrom {
            amounts: "storage.size or the racks' members",
            fields: &[
                ("storageClassName", "spec.storage.storageClassName"),
                ("resources", "spec.storage.size"),
            ],
        },
        Kind::StatefulSet | Kind::Pod => MadeFrom {
            amounts: "resources or the racks' members",
            fields: &[
                ("tolerations", "spec.placement.tolerations"),
                ("nodeSelector", "spec.placement.nodeSelector"),
                ("nodeAffinity", "the racks' zone"),
                ("imagePullSecrets", "spec.imagePullSecrets"),
                ("resources", "spec.resources"),
                ("image", "spec.image"),
            ],
        },
        Kind::CassandraMember
        | Kind::ConfigMap
        | Kind::PodDisruptionBudget
        | Kind::Role
        | Kind::RoleBinding
        | Kind::Service
        | Kind::ServiceAccount => MadeFrom {
            amounts: "the racks' members",
            fields: &[],
        },
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after).map_or(rest, |(found, _)| found))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(message: &str, causes: &[(&str, &str)]) -> Status {
        let causes = causes.iter().map(|(field, message)| {
            json!({ "reason": "FieldValueInvalid", "message": message, "field": field })
        });
        let causes: Vec<_> = causes.collect();
        let status = json!({ "message": message, "details": { "causes": causes } });
        serde_json::from_value(status).unwrap()
    }

    fn said(kind: Kind, message: &str, causes: &[(&str, &str)]) -> String {
        waiting(kind, "orders-r1-0", &status(message, causes)).message
    }

    #[test]
    fn a_field_that_is_wrong_is_told_with_that_of_the_spec() {
        let message = "StatefulSet.apps \"orders-r1-0\" is invalid: spec.template.spec.containers[0].resources.requests: \
                       Invalid value: \"4Gi\": must be less than or equal to memory limit of 2Gi";
        let field = "spec.template.spec.containers[0].resources.requests";
        let cause = "Invalid value: \"4Gi\": must be less than or equal to memory limit of 2Gi";
        assert_eq!(
            said(Kind::StatefulSet, message, &[(field, cause)]),
            format!(
                "waiting for the API server to accept StatefulSet orders-r1-0: {field}: {cause}. Correct spec.resources."
            )
        );
    }

    #[test]
    fn a_quota_is_named() {
        let text = said(
            Kind::PersistentVolumeClaim,
            "persistentvolumeclaims \"data-orders-r1-0\" is forbidden: exceeded quota: small, requested: \
             persistentvolumeclaims=1, used: persistentvolumeclaims=0, limited: persistentvolumeclaims=0",
            &[],
        );
        assert!(
            text.contains("orders-r1-0: exceeded quota: small, requested"),
            "{text}"
        );
        assert!(text.ends_with(
            "Raise the namespace's ResourceQuota small, or lower storage.size or the racks' members of the spec."
        ));
    }

    #[test]
    fn what_is_said_of_a_pod_that_could_not_be_made_is_a_refusal() {
        let event = "create Pod orders-r1-0-0 in StatefulSet orders-r1-0 failed error: pods \"orders-r1-0-0\" is forbidden: \
                     exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0";
        assert_eq!(
            of_pod("orders-r1-0", event).message,
            "waiting for the API server to accept Pod orders-r1-0-0: exceeded quota: small, requested: pods=1, used: \
             pods=0, limited: pods=0. Raise the namespace's ResourceQuota small, or lower resources or the racks' members \
             of the spec."
        );
    }

    #[test]
    fn each_refusal_has_its_remedy() {
        let cases = [
            (
                "persistentvolumeclaims \"c\" is forbidden: only dynamically provisioned pvc can be resized and the \
                 storageclass that provisions the pvc must support resize",
                "allowVolumeExpansion",
            ),
            (
                "statefulsets.apps is forbidden: User \"system:serviceaccount:o:c\" cannot create resource \
                 \"statefulsets\" in API group \"apps\" in the namespace \"shop\"",
                "apply its manifests again",
            ),
            (
                "admission webhook \"a.example.com\" denied the request: no",
                "a rule of your Kubernetes",
            ),
            (
                "persistentvolumeclaims \"c\" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but \
                 request is 2Gi",
                "A LimitRange of the namespace",
            ),
        ];
        for (message, remedy) in cases {
            let text = said(Kind::PersistentVolumeClaim, message, &[]);
            assert!(text.contains(remedy), "{text}");
        }
    }
}
