//! Questions of browsers: what a page of another site may ask, by the bucket's rules.

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use s3s::Body;

use super::answer;
use crate::core::cors::{Rule, find};

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The answer to a preflight.
pub(super) fn preflight(rules: &[Rule], headers: &HeaderMap) -> Response<Body> {
    let refused = |message| answer::error(StatusCode::FORBIDDEN, "AccessForbidden", message, None);
    let (Some(origin), Some(method)) = (
        text(headers, "origin"),
        text(headers, "access-control-request-method"),
    ) else {
        let message = "Insufficient information. Origin request header needed.";
        return answer::error(StatusCode::BAD_REQUEST, "BadRequest", message, None);
    };
    let asked: Vec<String> = text(headers, "access-control-request-headers")
        .into_iter()
        .flat_map(|list| list.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    let Some(rule) = find(rules, origin, method, &asked) else {
        return refused("CORSResponse: This CORS request is not allowed.");
    };
    let mut response = Response::new(Body::empty());
    let answered = response.headers_mut();
    permit(answered, rule, origin);
    set(
        answered,
        "access-control-allow-methods",
        &rule.methods.join(", "),
    );
    if !asked.is_empty() {
        set(answered, "access-control-allow-headers", &asked.join(", "));
    }
    if let Some(age) = rule.max_age {
        set(answered, "access-control-max-age", &age.to_string());
    }
    response
}

/// Adds to an answer what the page may read of it.
pub(super) fn decorate(headers: &mut HeaderMap, rules: &[Rule], origin: &str, method: &Method) {
    if let Some(rule) = find(rules, origin, method.as_str(), &[]) {
        permit(headers, rule, origin);
        set(
            headers,
            "access-control-allow-methods",
            &rule.methods.join(", "),
        );
    }
}

fn permit(headers: &mut HeaderMap, rule: &Rule, origin: &str) {
    let allowed = rule.allowed_origin(origin);
    set(headers, "access-control-allow-origin", allowed);
    if allowed != "*" {
        set(headers, "access-control-allow-credentials", "true");
    }
    if !rule.expose.is_empty() {
        set(
            headers,
            "access-control-expose-headers",
            &rule.expose.join(", "),
        );
    }
    let vary = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";
    headers.insert(header::VARY, HeaderValue::from_static(vary));
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
