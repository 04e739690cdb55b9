//! One request, as it is sent to both servers.

use serde_json::Value;

pub(super) const JSON: &str = "application/json";

/// One request.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// HTTP method.
    pub method: &'static str,
    /// Path without query.
    pub path: String,
    /// Query.
    pub query: Vec<(&'static str, String)>,
    /// Content type of the body.
    pub content: &'static str,
    /// Whether the answer is to be metadata alone.
    pub metadata: bool,
    /// Who asks: an account in the sequence's namespace and its pod; otherwise an administrator.
    pub user: Option<(String, Option<String>)>,
    /// The body.
    pub body: Option<Value>,
}
