//! A component's way to the API server: a tower service for kube's client.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use kube::{Client, client::Body};
use tokio::sync::watch;

use super::{
    hooks::{After, Applied, Before, Outcome},
    refusal::Refusal,
    request::{Request, User},
    server::Server,
    verbs::Answer,
};

type ResponseBody = UnsyncBoxBody<Bytes, std::io::Error>;
type Response = http::Response<ResponseBody>;

/// The connection broke.
#[derive(Debug)]
pub struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection broke")
    }
}

impl std::error::Error for Broken {}

/// A component's way to the server, as a user. Clones are the same connection.
#[derive(Clone)]
pub struct Connection {
    server: Server,
    component: Arc<str>,
    user: Arc<User>,
    /// The replica that answers this component, over all its connections.
    replica: watch::Sender<usize>,
}

impl Connection {
    pub(super) fn new(server: Server, component: &str, user: User) -> Self {
        Self {
            replica: server.inner().route(component),
            server,
            component: component.into(),
            user: Arc::new(user),
        }
    }

    /// A client that uses this connection. It needs a tokio runtime.
    pub fn client(&self) -> Client {
        Client::new(self.clone(), "default")
    }

    /// Applies a request at once, without faults. Whether it was refused.
    pub(crate) fn act(&self, request: &Request) -> Result<(), Refusal> {
        match self.apply(request).0 {
            Answer::Refused(refusal) => Err(refusal),
            Answer::Value(..) | Answer::Stored(..) | Answer::Watch(..) => Ok(()),
        }
    }

    async fn send(self, request: http::Request<Body>) -> Result<Response, Broken> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
        let inner = self.server.inner();
        let parsed = Request::parse(&inner.catalogue, &self.user, &parts, body);
        let request = match parsed {
            Ok(request) => request,
            Err(refusal) => return Ok(refused(&refusal)),
        };
        let latency = inner.faults.latency(&self.component, &request);
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        match inner.faults.before(&self.component, &request) {
            Before::Proceed => {}
            Before::Refuse(refusal) => return Ok(refused(&refusal)),
            Before::Break => return Err(Broken),
            Before::Hang => std::future::pending().await,
        }
        let (answer, outcome) = self.apply(&request);
        match inner.faults.after(&self.component, &request, &outcome) {
            After::Deliver => Ok(self.deliver(answer)),
            After::Replace(refusal) => Ok(refused(&refusal)),
            After::Break => Err(Broken),
            After::Hang => std::future::pending().await,
        }
    }

    /// Applies the request, and tells observer and trace of it.
    fn apply(&self, request: &Request) -> (Answer, Outcome) {
        let inner = self.server.inner();
        let replica = *self.replica.borrow();
        let (answer, changes) = self.server.answer(request, replica);
        let (code, reason) = match &answer {
            Answer::Value(code, _) | Answer::Stored(code, _) => (*code, ""),
            Answer::Watch(_) => (200, ""),
            Answer::Refused(refusal) => (refusal.code, refusal.reason),
        };
        let head = changes.last().map(|change| change.revision);
        let line = format!(
            "{} {} {code} {reason}{head:?}",
            self.component,
            request.summary()
        );
        inner.trace.note(line);
        if let Some(observer) = &inner.observer {
            for change in &changes {
                let component = &self.component;
                observer.applied(&Applied {
                    component,
                    request,
                    change,
                });
            }
        }
        let outcome = Outcome {
            code,
            reason,
            changes,
        };
        (answer, outcome)
    }

    fn deliver(&self, answer: Answer) -> Response {
        match answer {
            Answer::Value(code, value) => whole(code, value.to_string().into()),
            Answer::Stored(code, object) => whole(code, object.json()),
            Answer::Refused(refusal) => refused(&refusal),
            Answer::Watch(watching) => {
                let mut replica = self.replica.subscribe();
                // Another replica answers from then on: this one has gone.
                let moved = async move { drop(replica.changed().await) };
                let lines = watching.stream(self.server.inner().clone());
                let lines = lines.take_until(moved);
                let frames = lines.map_ok(http_body::Frame::data).boxed();
                response(200, BodyExt::boxed_unsync(StreamBody::new(frames)))
            }
        }
    }
}

impl tower::Service<http::Request<Body>> for Connection {
    type Response = Response;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Broken>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

fn refused(refusal: &Refusal) -> Response {
    if refusal.code == 404 && refusal.reason.is_empty() {
        // Of a path that nobody serves there is no kind either.
        return whole(404, refusal.message.clone().into());
    }
    whole(refusal.code, refusal.body().to_string().into())
}

fn whole(code: u16, text: Bytes) -> Response {
    let never = |never: Infallible| match never {};
    response(code, BodyExt::boxed_unsync(Full::new(text).map_err(never)))
}

fn response(code: u16, body: ResponseBody) -> Response {
    let mut response = http::Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
    let json = http::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    response
}
