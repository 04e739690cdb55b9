//! Requests and limits of the Cassandra container. A request that is not given follows the limit, so that whoever gives
//! only a limit gets a pod that Kubernetes accepts.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "garde")]
use super::checks::{self, Scope};
use crate::quantity::Quantity;

const CPU_ABOVE_LIMIT: &str = "spec.resources.requests.cpu must be at most spec.resources.limits.cpu, which is 4 if no limits are given";
const MEMORY_ABOVE_LIMIT: &str = "spec.resources.requests.memory must be at most spec.resources.limits.memory, which is 4Gi if no limits are given";

/// Requests and limits of the Cassandra container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("!has(self.requests) || !has(self.requests.cpu) || !has(self.limits.cpu) || quantity(string(self.requests.cpu)).compareTo(quantity(string(self.limits.cpu))) <= 0").message(CPU_ABOVE_LIMIT),
    validation = Rule::new("!has(self.requests) || !has(self.requests.memory) || !has(self.limits.memory) || quantity(string(self.requests.memory)).compareTo(quantity(string(self.limits.memory))) <= 0").message(MEMORY_ABOVE_LIMIT),
)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "garde",
    derive(garde::Validate),
    garde(allow_unvalidated),
    garde(context(Scope)),
    garde(custom(requests_within_limits))
)]
pub struct Resources {
    /// What the container is sure to have; at most its limit. Default, of each by itself: 1 cpu and 4Gi of memory, or the
    /// limit if that is less.
    #[serde(default, skip_serializing_if = "ResourceAmounts::is_empty")]
    #[cfg_attr(feature = "garde", garde(dive))]
    pub requests: ResourceAmounts,
    /// What it never exceeds. Default: 4 cpus and 4Gi of memory. If limits are given, memory is required, and a cpu that is
    /// left out is not limited.
    #[serde(default = "default_limits")]
    #[x_kube(
        validation = Rule::new("has(self.memory)").message("spec.resources.limits.memory is required: the heap follows it"),
        validation = Rule::new("!has(self.memory) || quantity(string(self.memory)).compareTo(quantity('0')) > 0").message("spec.resources.limits.memory must be more than 0: the heap follows it"),
    )]
    #[cfg_attr(feature = "garde", garde(dive, custom(has_memory)))]
    pub limits: ResourceAmounts,
}

/// Amounts of cpu and memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("(!has(self.cpu) || quantity(string(self.cpu)).compareTo(quantity('0')) >= 0) && (!has(self.memory) || quantity(string(self.memory)).compareTo(quantity('0')) >= 0)").message("amounts of spec.resources must not be negative"),
)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "garde",
    derive(garde::Validate),
    garde(allow_unvalidated),
    garde(context(Scope))
)]
pub struct ResourceAmounts {
    /// Cores. Example: `500m` or `2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "garde", garde(custom(checks::amount)))]
    pub cpu: Option<Quantity>,
    /// Bytes. Example: `8Gi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "garde", garde(custom(checks::amount)))]
    pub memory: Option<Quantity>,
}

impl Resources {
    /// The same with every request that is not given: the default, or the limit if that is less.
    #[must_use]
    pub fn with_all_requests(&self) -> Self {
        let defaults = default_requests();
        let request = |given: &Option<Quantity>, default: Option<Quantity>, limit| {
            given.clone().or_else(|| default.map(|it| least(it, limit)))
        };
        let requests = ResourceAmounts {
            cpu: request(&self.requests.cpu, defaults.cpu, self.limits.cpu.as_ref()),
            memory: request(
                &self.requests.memory,
                defaults.memory,
                self.limits.memory.as_ref(),
            ),
        };
        Self {
            requests,
            limits: self.limits.clone(),
        }
    }
}

impl ResourceAmounts {
    /// Whether none is given.
    pub fn is_empty(&self) -> bool {
        let Self { cpu, memory } = self;
        cpu.is_none() && memory.is_none()
    }
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            requests: ResourceAmounts::default(),
            limits: default_limits(),
        }
    }
}

fn default_requests() -> ResourceAmounts {
    ResourceAmounts {
        cpu: Some("1".into()),
        memory: Some("4Gi".into()),
    }
}

fn default_limits() -> ResourceAmounts {
    ResourceAmounts {
        cpu: Some("4".into()),
        memory: Some("4Gi".into()),
    }
}

/// The amount, or the limit if there is one that is less.
fn least(amount: Quantity, limit: Option<&Quantity>) -> Quantity {
    match limit {
        Some(limit) if limit.milli() < amount.milli() => limit.clone(),
        _ => amount,
    }
}

#[cfg(feature = "garde")]
fn has_memory(limits: &ResourceAmounts, _: &Scope) -> garde::Result {
    checks::memory_limit(limits.memory.as_ref())
}

#[cfg(feature = "garde")]
fn requests_within_limits(resources: &Resources, _: &Scope) -> garde::Result {
    let Resources { requests, limits } = resources;
    let above = |request: &Option<Quantity>, limit: &Option<Quantity>| {
        let milli = |amount: &Option<Quantity>| amount.as_ref()?.milli();
        matches!((milli(request), milli(limit)), (Some(request), Some(limit)) if request > limit)
    };
    if above(&requests.cpu, &limits.cpu) {
        return checks::refuse(CPU_ABOVE_LIMIT);
    }
    if above(&requests.memory, &limits.memory) {
        return checks::refuse(MEMORY_ABOVE_LIMIT);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(limits: &[(&str, &str)], requests: &[(&str, &str)]) -> [Option<String>; 2] {
        let amounts = |of: &[(&str, &str)]| {
            let amount = |name: &str| {
                let found = of.iter().find(|(found, _)| *found == name);
                found.map(|(_, amount)| Quantity::from(*amount))
            };
            ResourceAmounts {
                cpu: amount("cpu"),
                memory: amount("memory"),
            }
        };
        let resources = Resources {
            requests: amounts(requests),
            limits: amounts(limits),
        };
        let ResourceAmounts { cpu, memory } = resources.with_all_requests().requests;
        [cpu, memory].map(|amount| amount.map(|amount| amount.0))
    }

    #[test]
    fn a_request_that_is_not_given_is_the_default_or_the_limit_if_that_is_less() {
        let some = |texts: [&str; 2]| texts.map(|text| Some(text.to_owned()));
        for (limits, given, expected) in [
            (vec![("memory", "2Gi")], vec![], ["1", "2Gi"]),
            (
                vec![("memory", "8Gi"), ("cpu", "500m")],
                vec![],
                ["500m", "4Gi"],
            ),
            (vec![("memory", "4096Mi")], vec![], ["1", "4Gi"]),
            (
                vec![("memory", "8Gi")],
                vec![("memory", "6Gi")],
                ["1", "6Gi"],
            ),
            (
                vec![("memory", "1Gi"), ("cpu", "2")],
                vec![("cpu", "0")],
                ["0", "1Gi"],
            ),
        ] {
            assert_eq!(requests(&limits, &given), some(expected), "{limits:?}");
        }
    }
}
