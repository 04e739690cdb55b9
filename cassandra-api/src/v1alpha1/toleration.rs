//! A taint that members tolerate, as in a pod's spec. What Kubernetes would refuse in the pod is refused here, where its
//! user sees it.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "garde")]
use super::checks::{self, Scope};
use super::syntax;

const OPERATOR: &str = "a toleration's operator must be Exists or Equal";
const EFFECT: &str = "a toleration's effect must be NoSchedule, PreferNoSchedule or NoExecute";
const VALUE: &str =
    "a toleration with the operator Exists must have no value: every value is tolerated";
const KEY: &str =
    "a toleration without a key tolerates every taint, and must have the operator Exists";
const SECONDS: &str = "a toleration with tolerationSeconds must have the effect NoExecute";

/// A taint that members tolerate, as in a pod's spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("!has(self.operator) || self.operator in ['Exists', 'Equal']").message(OPERATOR),
    validation = Rule::new("!has(self.effect) || self.effect in ['NoSchedule', 'PreferNoSchedule', 'NoExecute']").message(EFFECT),
    validation = Rule::new("!has(self.value) || self.value == '' || !has(self.operator) || self.operator != 'Exists'").message(VALUE),
    validation = Rule::new("has(self.key) || (has(self.operator) && self.operator == 'Exists')").message(KEY),
    validation = Rule::new("!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')").message(SECONDS),
)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "garde",
    derive(garde::Validate),
    garde(allow_unvalidated),
    garde(context(Scope)),
    garde(custom(fits_together))
)]
pub struct Toleration {
    /// The taint's key. Default: every key, with operator Exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 317))]
    #[x_kube(validation = syntax::LABEL_KEY.rule("a toleration's key"))]
    #[cfg_attr(
        feature = "garde",
        garde(inner(
            length(chars, min = 1, max = 317),
            custom(checks::written(&syntax::LABEL_KEY))
        ))
    )]
    pub key: Option<String>,
    /// Exists or Equal. Default: Equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[cfg_attr(feature = "garde", garde(inner(length(chars, max = 32))))]
    pub operator: Option<String>,
    /// The taint's value, with Equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = syntax::LABEL_VALUE.rule("a toleration's value"))]
    #[cfg_attr(
        feature = "garde",
        garde(inner(
            length(chars, max = 63),
            custom(checks::written(&syntax::LABEL_VALUE))
        ))
    )]
    pub value: Option<String>,
    /// NoSchedule, PreferNoSchedule or NoExecute. Default: every effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[cfg_attr(feature = "garde", garde(inner(length(chars, max = 32))))]
    pub effect: Option<String>,
    /// For how long a NoExecute taint is tolerated. Default: for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

/// The rules of the schema, in their order.
#[cfg(feature = "garde")]
fn fits_together(toleration: &Toleration, _: &Scope) -> garde::Result {
    let Toleration {
        key,
        operator,
        value,
        effect,
        toleration_seconds,
    } = toleration;
    let is_one_of = |text: &Option<String>, accepted: &[&str]| {
        let text = text.as_deref();
        text.is_none_or(|text| accepted.contains(&text))
    };
    let exists = operator.as_deref() == Some("Exists");
    let has_value = value.as_ref().is_some_and(|value| !value.is_empty());
    let rules = [
        (is_one_of(operator, &["Exists", "Equal"]), OPERATOR),
        (
            is_one_of(effect, &["NoSchedule", "PreferNoSchedule", "NoExecute"]),
            EFFECT,
        ),
        (!has_value || !exists, VALUE),
        (key.is_some() || exists, KEY),
        (
            toleration_seconds.is_none() || effect.as_deref() == Some("NoExecute"),
            SECONDS,
        ),
    ];
    match rules.iter().find(|(kept, _)| !kept) {
        Some((_, words)) => checks::refuse(words),
        None => Ok(()),
    }
}
