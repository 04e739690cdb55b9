//! Whether a difference is found and shrunk: both servers are simulated here, and one of them is wrong on purpose.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use kube::{Client, client::Body};
use serde_json::{Value, json};
use tower::{BoxError, Service as _};

use super::{Options, run};
use crate::kubernetes::{Connection, Options as ServerOptions, Server, User};

type Response = http::Response<UnsyncBoxBody<Bytes, std::io::Error>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Nothing,
    /// A ConfigMap can't be deleted where one was patched.
    Answer,
    /// Watches of ConfigMaps see nothing.
    Events,
    /// What has a generated name can't be deleted.
    Generated,
    /// The agent has no rights.
    Rights,
    /// What is written of rights never counts.
    Late,
}

/// A simulated server in the place of a real one, with the reviews that only real ones have.
#[derive(Clone)]
struct Real {
    server: Server,
    connection: Connection,
    wrong: Wrong,
    /// Where a ConfigMap was patched.
    patched: Arc<Mutex<BTreeSet<String>>>,
}

impl Real {
    fn client(wrong: Wrong) -> Client {
        let server = Server::new(ServerOptions::default());
        let real = Self {
            connection: server.connect("real", User::administrator()),
            server,
            wrong,
            patched: Arc::default(),
        };
        let service = tower::service_fn(move |request| real.clone().answer(request));
        Client::new(service, "default")
    }

    async fn answer(mut self, request: http::Request<Body>) -> Result<Response, BoxError> {
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or(""));
        if path.starts_with("/apis/authorization.k8s.io/") {
            return Ok(whole(201, &self.review(request).await));
        }
        // Not where it is tried whether the server is ready.
        let maps = path.contains("/configmaps") && !path.contains("-ready-");
        let namespace = path.split('/').nth(4).unwrap_or_default().to_owned();
        match *request.method() {
            Method::GET if maps && self.wrong == Wrong::Events && query.contains("watch=") => {
                return Ok(whole(200, &json!({"type": "ERROR"})));
            }
            Method::PATCH if maps => {
                self.patched.lock().unwrap().insert(namespace);
            }
            Method::DELETE
                if maps
                    && self.wrong == Wrong::Answer
                    && self.patched.lock().unwrap().contains(&namespace) =>
            {
                return Ok(whole(500, &json!({})));
            }
            Method::DELETE if self.wrong == Wrong::Generated && path.contains("/gen-") => {
                return Ok(whole(500, &json!({})));
            }
            _ => {}
        }
        Ok(self.connection.call(request).await?)
    }

    async fn review(&self, request: http::Request<Body>) -> Value {
        let user = request.headers().get("impersonate-user").cloned();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let rules = user.map(|user| {
            let mut user = user.to_str().unwrap().split(':').skip(2);
            let (namespace, name) = (user.next().unwrap(), user.next().unwrap());
            if self.wrong == Wrong::Rights && name == "agent" {
                return Vec::new();
            }
            let user = User::service_account(namespace, name);
            let place = body["spec"]["namespace"].as_str().unwrap();
            self.server.rules_of(&user, place)
        });
        let allowed = self.wrong != Wrong::Late;
        json!({"status": {"allowed": allowed, "resourceRules": rules}})
    }
}

fn whole(code: u16, body: &Value) -> Response {
    let body = Full::new(Bytes::from(body.to_string()));
    let body = body.map_err(|never| match never {}).boxed_unsync();
    http::Response::builder().status(code).body(body).unwrap()
}

/// What is told of the differences of the first sequences.
async fn told(wrong: Wrong) -> Vec<String> {
    let options = Options {
        sequences: 12,
        seed: 1,
        longest: 60,
        at_once: 4,
        run: String::new(),
        shrink: true,
    };
    let report = run(Real::client(wrong), &options).await.unwrap();
    assert_eq!(report.sequences, options.sequences);
    report.differences
}

/// The methods of the requests that are left.
fn requests(told: &str) -> Vec<&str> {
    let lines = told.lines().skip(1);
    let requests = lines.take_while(|line| line.split(' ').nth(4).is_some_and(is_path));
    requests.filter_map(|line| line.split(' ').nth(3)).collect()
}

fn is_path(word: &str) -> bool {
    word.starts_with("/api")
}

#[tokio::test]
async fn two_simulated_servers_are_the_same() {
    assert_eq!(told(Wrong::Nothing).await, Vec::<String>::new());
}

#[tokio::test]
async fn of_a_wrong_answer_what_it_needs_is_left() {
    let told = told(Wrong::Answer).await;
    assert!(!told.is_empty());
    for told in told {
        assert_eq!(requests(&told), ["POST", "PATCH", "DELETE"], "{told}");
        assert!(told.contains("differs: .code: simulated"), "{told}");
    }
}

#[tokio::test]
async fn a_name_that_was_generated_is_known_in_a_shorter_sequence() {
    let told = told(Wrong::Generated).await;
    assert!(!told.is_empty());
    for told in told {
        assert_eq!(requests(&told), ["POST", "POST", "DELETE"], "{told}");
    }
}

#[tokio::test]
async fn of_wrong_events_the_end_is_left() {
    let told = told(Wrong::Events).await;
    assert!(!told.is_empty());
    for told in told {
        assert_eq!(requests(&told), ["POST", "POST"], "{told}");
        assert!(told.contains("zz-end"), "{told}");
    }
}

#[tokio::test]
async fn of_wrong_rights_the_role_and_its_binding_are_left() {
    let told = told(Wrong::Rights).await;
    assert!(!told.is_empty());
    for told in told {
        assert_eq!(requests(&told).len(), 3, "{told}");
        assert!(told.contains("rights of agent"), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn rights_that_never_come_into_force_are_a_difference() {
    let told = told(Wrong::Late).await;
    assert!(!told.is_empty());
    for told in told {
        assert_eq!(requests(&told).len(), 2, "{told}");
        assert!(told.contains("not in force after 20s"), "{told}");
    }
}
