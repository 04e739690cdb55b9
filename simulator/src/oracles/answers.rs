//! What the API server says to the operator. S32: nothing immutable is ever sent changed, and nothing invalid. S35: the
//! shipped rights allow every request.

use crate::kubernetes::{Outcome, Request};

pub(super) fn check(component: &str, request: &Request, outcome: &Outcome) -> Option<String> {
    let rule = match outcome.code {
        403 => "S35",
        422 => "S32",
        _ => return None,
    };
    Some(format!(
        "{rule}: {component}: {}: {} {}",
        request.summary(),
        outcome.code,
        outcome.reason
    ))
}
