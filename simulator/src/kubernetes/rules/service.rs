//! Services: addresses are given once and stay.

use std::{collections::BTreeSet, net::Ipv4Addr};

use serde_json::{Value, json};

use super::{elements_at, fields_at, fill, fill_at, names::is_label};
use crate::json::At as _;
use crate::kubernetes::refusal::Cause;

/// The first address of the services' network, of which half are given without being asked for.
const FIRST: u32 = u32::from_be_bytes([10, 96, 1, 0]);
const COUNT: u32 = 65_000;

/// What a Service's defaults make of other fields.
pub(super) fn default(service: &mut Value) {
    for port in elements_at(service, "/spec/ports") {
        let number = port.get("port").cloned();
        if let (Some(fields), Some(number)) = (port.as_object_mut(), number) {
            let target = fields.get("targetPort");
            if target.is_none_or(|target| *target == json!(0) || *target == json!("")) {
                fields.insert("targetPort".into(), number);
            }
        }
    }
    if service.at("/spec/type").and_then(Value::as_str) != Some("ExternalName") {
        fill_at(service, "/spec", "internalTrafficPolicy", "Cluster");
    }
}

/// Gives a new Service its address.
pub(super) fn allocate(
    service: &mut Value,
    next: &mut u32,
    taken: &BTreeSet<String>,
) -> Vec<Cause> {
    let selects = service.at("/spec/selector").is_some();
    let Some(spec) = fields_at(service, "/spec") else {
        return Vec::new();
    };
    if spec.get("type").and_then(Value::as_str) == Some("ExternalName") {
        return Vec::new();
    }
    let wanted = spec
        .get("clusterIP")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let address = match wanted.as_str() {
        "None" => wanted,
        "" => {
            let mut free;
            loop {
                free = Ipv4Addr::from(FIRST + *next % COUNT).to_string();
                *next += 1;
                if !taken.contains(&free) {
                    break;
                }
            }
            free
        }
        wanted => {
            let number = wanted.parse::<Ipv4Addr>().map_or(0, u32::from);
            let network = u32::from_be_bytes([10, 96, 0, 0]);
            if number & 0xffff_0000 != network || taken.contains(wanted) {
                let why = format!("failed to allocate IP {wanted}");
                return vec![Cause::invalid("spec.clusterIPs", &why)];
            }
            wanted.to_owned()
        }
    };
    let both = address == "None" && !selects;
    spec.insert("clusterIP".into(), json!(address));
    spec.insert("clusterIPs".into(), json!([address]));
    fill(
        spec,
        "ipFamilies",
        if both {
            json!(["IPv4", "IPv6"])
        } else {
            json!(["IPv4"])
        },
    );
    fill(
        spec,
        "ipFamilyPolicy",
        if both {
            "RequireDualStack"
        } else {
            "SingleStack"
        },
    );
    Vec::new()
}

/// What a change does not say stays.
pub(super) fn keep(old: &Value, new: &mut Value) {
    let kept = old.get("spec").cloned().unwrap_or_default();
    let Some(spec) = fields_at(new, "/spec") else {
        return;
    };
    let address = spec
        .get("clusterIP")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let same = spec
        .get("clusterIPs")
        .is_none_or(|list| Some(list) == kept.get("clusterIPs"));
    if same && !address.is_empty() && Some(&json!(address)) != kept.get("clusterIP") {
        spec.insert("clusterIPs".into(), json!([address]));
    }
    for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        if let Some(value) = kept.get(field) {
            fill(spec, field, value.clone());
        }
    }
}

pub(super) fn validate(service: &Value) -> Vec<Cause> {
    let spec = service.get("spec").cloned().unwrap_or_default();
    let ports = spec
        .get("ports")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let headless = spec.get("clusterIP").and_then(Value::as_str) == Some("None");
    let mut causes = Vec::new();
    if ports.is_empty() && !headless {
        causes.push(Cause::required("spec.ports"));
    }
    for (index, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{index}]");
        let name = port.get("name").and_then(Value::as_str);
        if ports.len() > 1 && name.is_none() {
            causes.push(Cause::required(&format!("{path}.name")));
        }
        if name.is_some_and(|name| !is_label(name)) {
            causes.push(Cause::invalid(
                &format!("{path}.name"),
                "a lowercase RFC 1123 label",
            ));
        }
        let before = || ports.iter().take(index);
        if name.is_some() && before().any(|other| other.get("name") == port.get("name")) {
            causes.push(Cause::new(
                "FieldValueDuplicate",
                &format!("{path}.name"),
                "Duplicate value",
            ));
        }
        let place = |port: &Value| (port.get("port").cloned(), port.get("protocol").cloned());
        if before().any(|other| place(other) == place(port)) {
            causes.push(Cause::new("FieldValueDuplicate", &path, "Duplicate value"));
        }
        let number = port.get("port").and_then(Value::as_i64).unwrap_or(0);
        if !(1..=65535).contains(&number) {
            causes.push(Cause::invalid(
                &format!("{path}.port"),
                "must be between 1 and 65535, inclusive",
            ));
            let target = port.get("targetPort").and_then(Value::as_i64);
            if target.is_some_and(|target| !(1..=65535).contains(&target)) {
                let path = format!("{path}.targetPort");
                causes.push(Cause::invalid(
                    &path,
                    "must be between 1 and 65535, inclusive",
                ));
            }
        }
    }
    causes
}

pub(super) fn validate_change(old: &Value, new: &Value) -> Vec<Cause> {
    let address = |service: &Value| service.at("/spec/clusterIPs/0").cloned();
    if address(old) == address(new) {
        return Vec::new();
    }
    vec![Cause::invalid(
        "spec.clusterIPs[0]",
        "may not change once set",
    )]
}
