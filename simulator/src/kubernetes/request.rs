//! A request, taken apart.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, header};

use super::{
    catalogue::{Catalogue, NAMESPACED, Resource},
    refusal::Refusal,
};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct User {
    /// For instance `system:serviceaccount:ns:name`.
    pub name: String,
    /// Those that the user is in.
    pub groups: Vec<String>,
    /// What else is known of the user, such as the pod that a token was given to.
    pub extra: BTreeMap<String, Vec<String>>,
    /// The UID of the service account that the token was made for, if the user has a token that ends with it.
    pub account_uid: Option<String>,
}

/// What a token says of the pod that it was given to.
const POD_NAME: &str = "authentication.kubernetes.io/pod-name";

impl User {
    /// Somebody who may do everything.
    pub fn administrator() -> Self {
        Self {
            name: "admin".into(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
            extra: BTreeMap::new(),
            account_uid: None,
        }
    }

    /// A service account.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self {
            name: format!("system:serviceaccount:{namespace}:{name}"),
            groups: vec![
                "system:serviceaccounts".into(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".into(),
            ],
            extra: BTreeMap::new(),
            account_uid: None,
        }
    }

    /// With a token that was given to this pod.
    #[must_use]
    pub fn of_pod(mut self, pod: &str) -> Self {
        self.extra.insert(POD_NAME.into(), vec![pod.into()]);
        self
    }

    /// With a token that is good while the account of this UID is there.
    #[must_use]
    pub fn of_account(mut self, uid: &str) -> Self {
        self.account_uid = Some(uid.into());
        self
    }

    /// The pod that the token was given to.
    pub(crate) fn pod(&self) -> Option<&str> {
        self.extra.get(POD_NAME)?.first().map(String::as_str)
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is its verb")]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

impl Verb {
    /// As roles name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }

    /// Whether it changes something.
    pub fn writes(self) -> bool {
        !matches!(self, Self::Get | Self::List | Self::Watch)
    }
}

/// A request to the API server.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks.
    pub user: Arc<User>,
    /// What.
    pub verb: Verb,
    /// Of which kind.
    pub resource: Arc<Resource>,
    /// Empty: of all namespaces, or the kind has none.
    pub namespace: String,
    /// Empty: all of the kind, or one that has no name yet.
    pub name: String,
    /// Empty: the object itself.
    pub subresource: String,
    /// The path's query.
    pub query: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
    pub(crate) content_type: String,
    pub(crate) accept: String,
    pub(crate) agent: String,
}

impl Request {
    /// Takes an HTTP request apart. An administrator may ask as somebody else.
    pub(crate) fn parse(
        catalogue: &Catalogue,
        user: &Arc<User>,
        parts: &http::request::Parts,
        body: Bytes,
    ) -> Result<Self, Refusal> {
        let query = query(&parts.uri);
        let path: Vec<&str> = parts
            .uri
            .path()
            .split('/')
            .filter(|p| !p.is_empty())
            .collect();
        let (group, version, rest) = match path.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return Err(Refusal::no_such_path()),
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, plural, rest @ ..]
                if !(group.is_empty() && ["status", "finalize"].contains(plural)) =>
            {
                (*namespace, (*plural, rest))
            }
            [plural, rest @ ..] => ("", (*plural, rest)),
            [] => return Err(Refusal::no_such_path()),
        };
        let (plural, rest) = rest;
        let known = catalogue.at(group, version, plural);
        let resource = known.ok_or_else(Refusal::no_such_path)?.clone();
        let (name, subresource) = match rest {
            [] => ("", ""),
            [name] => (*name, ""),
            [name, subresource] => (*name, *subresource),
            _ => return Err(Refusal::no_such_path()),
        };
        if resource.is(NAMESPACED) && namespace.is_empty() && !name.is_empty() {
            return Err(Refusal::no_such_path());
        }
        let verb = verb(&parts.method, name, &query)?;
        let header = |name| text(&parts.headers, name);
        Ok(Self {
            user: impersonated(user, &parts.headers),
            verb,
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource: subresource.to_owned(),
            body,
            content_type: header(header::CONTENT_TYPE.as_str()),
            accept: header(header::ACCEPT.as_str()),
            agent: header(header::USER_AGENT.as_str()),
            query,
        })
    }

    /// What an administrator sends to create an object.
    pub(crate) fn create(
        resource: Arc<Resource>,
        namespace: String,
        object: &serde_json::Value,
    ) -> Self {
        Self {
            user: Arc::new(User::administrator()),
            verb: Verb::Create,
            resource,
            namespace,
            name: String::new(),
            subresource: String::new(),
            query: BTreeMap::new(),
            body: object.to_string().into(),
            content_type: "application/json".into(),
            accept: String::new(),
            agent: "setup".into(),
        }
    }

    /// A part of the query, empty if it is not there.
    pub fn asked(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    pub(crate) fn is_set(&self, name: &str) -> bool {
        matches!(self.asked(name), "true" | "1")
    }

    /// Whether nothing is to be written.
    pub fn is_dry_run(&self) -> bool {
        self.asked("dryRun") == "All"
    }

    /// The name under which fields are owned.
    pub(crate) fn manager(&self) -> &str {
        let named = self.asked("fieldManager");
        if !named.is_empty() {
            return named;
        }
        let agent = self.agent.split('/').next().unwrap_or_default();
        if agent.is_empty() { "unknown" } else { agent }
    }

    /// In one line: verb, kind, name.
    pub fn summary(&self) -> String {
        // kube names Events by the machine's clock.
        let name = if self.resource.plural == "events" {
            ""
        } else {
            self.name.as_str()
        };
        let slash = |text: &str| {
            if text.is_empty() {
                String::new()
            } else {
                format!("/{text}")
            }
        };
        format!(
            "{} {}{} {}{}",
            self.verb.name(),
            self.resource.plural,
            slash(&self.subresource),
            self.namespace,
            slash(name),
        )
    }
}

fn verb(method: &Method, name: &str, query: &BTreeMap<String, String>) -> Result<Verb, Refusal> {
    let watch = query
        .get("watch")
        .is_some_and(|watch| watch == "true" || watch == "1");
    Ok(match (method.as_str(), name.is_empty()) {
        ("GET", true) if watch => Verb::Watch,
        ("GET", true) => Verb::List,
        ("GET", false) => Verb::Get,
        ("POST", _) => Verb::Create,
        ("PUT", false) => Verb::Update,
        ("PATCH", false) => Verb::Patch,
        ("DELETE", false) => Verb::Delete,
        ("DELETE", true) => Verb::DeleteCollection,
        _ => {
            let message = "the server does not allow this method on the requested resource";
            return Err(Refusal::new(405, "MethodNotAllowed", message));
        }
    })
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

fn impersonated(user: &Arc<User>, headers: &HeaderMap) -> Arc<User> {
    let name = text(headers, "impersonate-user");
    if name.is_empty() || !user.groups.iter().any(|group| group == "system:masters") {
        return user.clone();
    }
    let named = |key: &str| {
        let values = headers.get_all(key).iter();
        values
            .filter_map(|value| value.to_str().ok().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let mut groups = named("impersonate-group");
    if let Some(account) = name.strip_prefix("system:serviceaccount:")
        && groups.is_empty()
    {
        let namespace = account.split(':').next().unwrap_or_default();
        groups = User::service_account(namespace, "").groups;
    }
    if !groups.iter().any(|group| group == "system:authenticated") {
        groups.push("system:authenticated".into());
    }
    let prefix = "impersonate-extra-";
    let keys = headers
        .keys()
        .filter_map(|key| Some((key, key.as_str().strip_prefix(prefix)?)));
    let extra = keys.map(|(key, name)| (decoded(name), named(key.as_str())));
    Arc::new(User {
        groups,
        extra: extra.collect(),
        name,
        account_uid: None,
    })
}

fn query(uri: &Uri) -> BTreeMap<String, String> {
    let pairs = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (
                decoded(&name.replace('+', " ")),
                decoded(&value.replace('+', " ")),
            )
        })
        .collect()
}

/// Without percent signs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits: Vec<u8> = rest.by_ref().take(2).collect();
        let code = std::str::from_utf8(&digits)
            .ok()
            .and_then(|d| u8::from_str_radix(d, 16).ok());
        bytes.push(code.unwrap_or(b'%'));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
