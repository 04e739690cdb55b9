//! One of the two servers: sends what the plan says, with what it has learned from the answers so far.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};
use futures::{AsyncBufReadExt as _, StreamExt as _, TryStreamExt as _};
use http_body_util::BodyExt as _;
use kube::{Client, client::Body};
use serde_json::Value;

use super::{ask::Ask, ends::END};
use crate::json::At as _;

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(25);

/// An answer: HTTP status and body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub code: u16,
    /// Body; null if it is no JSON.
    pub body: Value,
}

/// A server and what is known of it.
pub struct Side {
    client: Client,
    namespace: String,
    known: BTreeMap<String, Known>,
    generated: BTreeMap<usize, String>,
    next_page: String,
}

#[derive(Clone, Debug)]
struct Known {
    uid: String,
    first: String,
    last: String,
}

impl Side {
    /// A server, for a sequence in this namespace.
    pub fn new(client: Client, namespace: &str) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
            known: BTreeMap::new(),
            generated: BTreeMap::new(),
            next_page: String::new(),
        }
    }

    /// Sends a request of the plan, with its number there, and learns from the answer.
    pub async fn send(&mut self, step: usize, ask: &Ask) -> Result<Answer> {
        let answer = self.ask(ask).await?;
        self.learn(step, ask, &answer.body);
        Ok(answer)
    }

    /// Sends a request.
    pub async fn ask(&self, ask: &Ask) -> Result<Answer> {
        let request = self.request(ask)?;
        let response = self.client.send(request).await?;
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await?.to_bytes();
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(Answer { code, body })
    }

    /// The events of a watch, up to the object that ends it.
    pub async fn watch(&self, ask: &Ask) -> Result<Vec<Value>> {
        let response = self.client.send(self.request(ask)?).await?;
        let stream = response
            .into_body()
            .into_data_stream()
            .map_err(std::io::Error::other);
        let mut lines = stream.into_async_read().lines();
        let mut events = Vec::new();
        loop {
            let line = tokio::time::timeout(PATIENCE, lines.next())
                .await
                .context("a watch that does not end")?;
            let Some(line) = line else { break };
            let event: Value = serde_json::from_str(&line?)?;
            let name = event.at("/object/metadata/name").and_then(Value::as_str);
            let ends = name == Some(END) || event.get("type") == Some(&"ERROR".into());
            if event.get("type") != Some(&"BOOKMARK".into()) {
                events.push(event);
            }
            if ends {
                break;
            }
        }
        Ok(events)
    }

    fn request(&self, ask: &Ask) -> Result<http::Request<Body>> {
        let query: Vec<_> = ask
            .query
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(&self.filled(value))))
            .collect();
        let mut uri = self.filled(&ask.path);
        if !query.is_empty() {
            uri = format!("{uri}?{}", query.join("&"));
        }
        let mut request = http::Request::builder().method(ask.method).uri(uri);
        if !ask.content.is_empty() {
            request = request.header(http::header::CONTENT_TYPE, ask.content);
        }
        if ask.metadata {
            let list = if ask.query.iter().any(|(name, _)| *name == "watch") {
                ""
            } else {
                "List"
            };
            let named = ask.method != "GET" || self.is_one(&ask.path);
            let kind = if named {
                "PartialObjectMetadata".to_owned()
            } else {
                format!("PartialObjectMetadata{list}")
            };
            let accept = format!("application/json;as={kind};g=meta.k8s.io;v=v1");
            request = request.header(http::header::ACCEPT, accept);
        }
        if let Some((account, pod)) = &ask.user {
            let user = format!("system:serviceaccount:{}:{account}", self.namespace);
            request = request.header("Impersonate-User", user);
            if let Some(pod) = pod {
                let key = "Impersonate-Extra-authentication.kubernetes.io%2Fpod-name";
                request = request.header(key, pod.as_str());
            }
        }
        let body = ask
            .body
            .as_ref()
            .map(|body| self.filled(&body.to_string()).into_bytes());
        Ok(request.body(Body::from(body.unwrap_or_default()))?)
    }

    fn is_one(&self, path: &str) -> bool {
        let below = path
            .split(&format!("/namespaces/{}/", self.namespace))
            .nth(1);
        below.is_some_and(|below| below.contains('/'))
    }

    /// With the placeholders filled in.
    fn filled(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, after) = rest.split_at(at);
            out.push_str(before);
            let end = after.find(['"', '&', ' ']).unwrap_or(after.len());
            let (place, left) = after.split_at(end);
            out.push_str(&self.value_of(place));
            rest = left;
        }
        out.push_str(rest);
        out
    }

    fn value_of(&self, place: &str) -> String {
        let known = |path: &str| self.known.get(path);
        match place.split_once(':') {
            Some(("$uid", path)) => {
                let nobody = "33333333-3333-3333-3333-333333333333".to_owned();
                known(path).map_or(nobody, |known| known.uid.clone())
            }
            Some(("$rv", path)) => {
                known(path).map_or_else(|| "1".to_owned(), |known| known.last.clone())
            }
            Some(("$first", path)) => {
                known(path).map_or_else(|| "1".to_owned(), |known| known.first.clone())
            }
            Some(("$name", step)) => {
                let step = step
                    .parse()
                    .ok()
                    .and_then(|step: usize| self.generated.get(&step));
                step.cloned().unwrap_or_else(|| "none".to_owned())
            }
            _ if place == "$continue" => self.next_page.clone(),
            _ => place.to_owned(),
        }
    }

    fn learn(&mut self, step: usize, ask: &Ask, body: &Value) {
        let text = |pointer| {
            body.at(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        if body.at("/metadata/continue").is_some() {
            self.next_page = text("/metadata/continue");
        }
        let (uid, version, name) = (
            text("/metadata/uid"),
            text("/metadata/resourceVersion"),
            text("/metadata/name"),
        );
        let dry = ask.query.iter().any(|(name, _)| *name == "dryRun");
        if uid.is_empty() || version.is_empty() || dry {
            return;
        }
        if ask.method == "POST" && name.starts_with("gen-") {
            self.generated.insert(step, name.clone());
        }
        let path = match ask.method {
            "POST" => format!("{}/{name}", ask.path),
            _ => ask
                .path
                .trim_end_matches("/status")
                .trim_end_matches("/scale")
                .to_owned(),
        };
        let known = self.known.entry(path).or_insert_with(|| Known {
            uid: uid.clone(),
            first: version.clone(),
            last: version.clone(),
        });
        known.uid = uid;
        known.last = version;
    }
}

fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
