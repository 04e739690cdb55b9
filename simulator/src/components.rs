//! Who is who: components have names, and some of them are the operator's.

use crate::kubernetes::{Request, Verb};

/// Whether a component is one of ours.
pub fn is_ours(component: &str) -> bool {
    component.starts_with("controller") || component.starts_with("agent of ")
}

/// Whether a request is a write that plans count: not of Leases and Events, which nothing is decided on.
pub fn is_counted(component: &str, request: &Request) -> bool {
    let aside = matches!(request.resource.plural.as_str(), "leases" | "events");
    is_ours(component) && request.verb.writes() && request.verb != Verb::DeleteCollection && !aside
}
