//! What the agent asks of the API server, and what it makes of the answers. The API server is the innermost
//! service of a real client.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests, helpers included"
)]

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use cassandra_api::{
    identity::Identity,
    v1alpha1::{CassandraMember, CassandraMemberStatus, MemberState},
};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use kube::{Api, Client, client::Body};
use member_agent::{
    member::{CachedMember, LastContact, LiveAnswer, LiveReader, follow},
    metrics::Metrics,
    report::Reporter,
};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

fn identity() -> Identity {
    Identity {
        member: "orders-r1-0".into(),
        member_uid: "m-1".into(),
        pod_ip: Some("10.0.0.1".into()),
        broadcast_address: None,
        pvc_uid: None,
    }
}

fn object(uid: &str, version: u64, status: &Value) -> Value {
    json!({
        "apiVersion": "cassandra-operator.rs/v1alpha1",
        "kind": "CassandraMember",
        "metadata": {"name": "orders-r1-0", "namespace": "shop", "uid": uid, "resourceVersion": version.to_string()},
        "spec": {
            "cluster": {"name": "orders", "uid": "c-1"}, "clusterName": "orders",
            "datacenter": "dc1", "rack": "r1", "ordinal": 0,
        },
        "status": status,
    })
}

fn failure(code: u16) -> Value {
    let reason = if code == 404 { "NotFound" } else { "Other" };
    json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": "no", "reason": reason, "code": code,
    })
}

/// What was asked: when, and the request with its body.
type Asked = Arc<Mutex<Vec<(Instant, String, Value)>>>;

/// An API server that answers the nth request with this; None: not at all.
fn server(
    answer: impl Fn(usize, &Value) -> Option<(u16, Value)> + Send + Sync + 'static,
) -> (Api<CassandraMember>, Asked) {
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    let answer = Arc::new(answer);
    let service = tower::service_fn(move |request: Request<Body>| {
        let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
        async move {
            let line = format!("{} {}", request.method(), request.uri());
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            let answered = {
                let mut log = log.lock().unwrap();
                let answered = answer(log.len(), &body);
                log.push((Instant::now(), line, body));
                answered
            };
            match answered {
                Some((code, body)) => Response::builder()
                    .status(code)
                    .body(Body::from(body.to_string().into_bytes())),
                None => pending().await,
            }
        }
    });
    let client = Client::new(service, "shop");
    (Api::namespaced(client, "shop"), asked)
}

fn live(api: Api<CassandraMember>) -> LiveReader {
    LiveReader::new(api, identity(), LastContact::default())
}

#[tokio::test(start_paused = true)]
async fn a_member_is_present_only_with_its_own_uid() {
    for (code, answer, present) in [
        (200, object("m-1", 1, &json!({})), true),
        (200, object("m-2", 1, &json!({})), false),
        (404, failure(404), false),
    ] {
        let (api, _) = server(move |_, _| Some((code, answer.clone())));
        match live(api).ask().await {
            LiveAnswer::Now(CachedMember::Present(_)) => assert!(present),
            LiveAnswer::Now(CachedMember::Gone) => assert!(!present),
            said @ (LiveAnswer::Now(CachedMember::Nothing) | LiveAnswer::Silent(_)) => {
                panic!("{said:?}")
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_fails_or_hangs_is_silent_and_the_member_not_gone() {
    for code in [None, Some(403), Some(500), Some(503)] {
        let (api, _) = server(move |_, _| code.map(|code| (code, failure(code))));
        let live = live(api);
        let begun = Instant::now();
        assert!(
            matches!(live.ask().await, LiveAnswer::Silent(_)),
            "{code:?}"
        );
        assert!(begun.elapsed() <= Duration::from_secs(3));
    }
}

#[tokio::test(start_paused = true)]
async fn silence_begins_with_a_question_that_was_not_answered() {
    let (api, _) = server(|n, _| {
        Some(if n == 0 {
            (200, object("m-1", 1, &json!({})))
        } else {
            (500, failure(500))
        })
    });
    let live = live(api);
    assert!(matches!(live.ask().await, LiveAnswer::Now(_)));
    // Nobody asked for minutes: that the watch was quiet says nothing.
    sleep(Duration::from_secs(200)).await;
    let LiveAnswer::Silent(first) = live.ask().await else {
        panic!()
    };
    assert!(first < Duration::from_secs(1));
    sleep(Duration::from_secs(30)).await;
    let LiveAnswer::Silent(later) = live.ask().await else {
        panic!()
    };
    assert_eq!(later.as_secs(), 30);
}

/// An agent that starts while the API server is away lists again and again: joined members start without it all the
/// same.
#[tokio::test(start_paused = true)]
async fn a_list_that_fails_is_no_sign_of_the_api_server() {
    let (api, asked) = server(|_, _| Some((503, failure(503))));
    let heard = LastContact::default();
    let (known, _) = watch::channel(CachedMember::default());
    let metrics = Metrics::new().unwrap();
    let following = follow(api, identity(), vec![known], heard.clone(), metrics);
    timeout(Duration::from_mins(2), following)
        .await
        .unwrap_err();
    assert!(asked.lock().unwrap().len() > 2, "it was asked");
    assert_eq!(heard.silence(), Duration::from_mins(2));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_used_again_for_two_seconds() {
    let (api, asked) = server(|_, _| Some((200, object("m-1", 1, &json!({})))));
    let live = live(api);
    for _ in 0..5 {
        live.ask().await;
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(asked.lock().unwrap().len(), 3);
}

/// A reporter with a member that the watch has delivered, and what it is offered.
struct Reporting {
    offers: watch::Sender<Option<Arc<CassandraMemberStatus>>>,
    known: watch::Sender<CachedMember>,
}

fn reporting(api: Api<CassandraMember>) -> Reporting {
    let (offers, offered) = watch::channel(None);
    let (known, knowing) = watch::channel(CachedMember::Nothing);
    let reporter = Reporter::new(
        api,
        identity(),
        LastContact::default(),
        Metrics::new().unwrap(),
    );
    tokio::spawn(reporter.run(offered, knowing));
    Reporting { offers, known }
}

impl Reporting {
    fn offer(&self, state: MemberState) {
        let status = CassandraMemberStatus {
            state,
            ..CassandraMemberStatus::default()
        };
        self.offers.send_replace(Some(Arc::new(status)));
    }

    fn deliver(&self, uid: &str, version: u64, status: &Value) {
        let member = serde_json::from_value(object(uid, version, status)).unwrap();
        self.known
            .send_replace(CachedMember::of(Some(member), "m-1"));
    }
}

/// An API server that takes every status.
fn taking() -> (Api<CassandraMember>, Asked) {
    server(|n, body| {
        let version = 100 + u64::try_from(n).unwrap();
        Some((200, object("m-1", version, &body["status"])))
    })
}

#[tokio::test(start_paused = true)]
async fn status_is_applied_over_the_version_that_was_read_and_takes_fields_back() {
    let (api, asked) = taking();
    let reporting = reporting(api);
    reporting.deliver("m-1", 1, &Value::Null);
    reporting.offer(MemberState::Ready);
    sleep(Duration::from_secs(5)).await;
    let asked = asked.lock().unwrap();
    let [(_, line, body)] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert!(line.starts_with("PATCH /apis/cassandra-operator.rs/v1alpha1/namespaces/shop/cassandramembers/orders-r1-0/status?"), "{line}");
    assert!(
        line.contains("fieldManager=member-agent") && line.contains("force=true"),
        "{line}"
    );
    assert_eq!(
        body["metadata"],
        json!({"name": "orders-r1-0", "uid": "m-1", "resourceVersion": "1"})
    );
    assert_eq!(body["status"]["state"], "Ready");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_before_the_member_is_known_or_after_it_is_gone() {
    let (api, asked) = taking();
    let reporting = reporting(api);
    reporting.offer(MemberState::Ready);
    sleep(Duration::from_secs(5)).await;
    reporting.deliver("m-2", 1, &Value::Null);
    sleep(Duration::from_secs(5)).await;
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn status_is_not_written_when_the_server_has_it() {
    let (api, asked) = taking();
    let reporting = reporting(api);
    let ready = CassandraMemberStatus {
        state: MemberState::Ready,
        ..CassandraMemberStatus::default()
    };
    reporting.deliver("m-1", 1, &serde_json::to_value(ready).unwrap());
    for _ in 0..5 {
        reporting.offer(MemberState::Ready);
        sleep(Duration::from_secs(2)).await;
    }
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_more_than_one_write_a_second_and_the_last_one_wins() {
    let (api, asked) = taking();
    let reporting = reporting(api);
    reporting.deliver("m-1", 1, &Value::Null);
    for i in 0..30 {
        let states = [
            MemberState::Starting,
            MemberState::Joining,
            MemberState::Ready,
        ];
        reporting.offer(states[i % 3]);
        sleep(Duration::from_millis(100)).await;
    }
    sleep(Duration::from_secs(5)).await;
    let asked = asked.lock().unwrap();
    assert!(
        asked
            .windows(2)
            .all(|pair| pair[1].0 - pair[0].0 >= Duration::from_secs(1))
    );
    assert_eq!(asked.last().unwrap().2["status"]["state"], "Ready");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_failed_is_made_again_ever_later() {
    let (api, asked) = server(|n, body| match n {
        0 => Some((500, failure(500))),
        1 => None,
        2 => Some((409, failure(409))),
        _ => Some((200, object("m-1", 9, &body["status"]))),
    });
    let reporting = reporting(api);
    reporting.deliver("m-1", 1, &Value::Null);
    reporting.offer(MemberState::Ready);
    // The fourth request reads what is there now.
    let five = async {
        while asked.lock().unwrap().len() < 5 {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_mins(2), five).await.unwrap();
    sleep(Duration::from_mins(1)).await;
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 5, "once it is written, that is all");
    assert!(asked[3].1.starts_with("GET "), "{}", asked[3].1);
    assert_eq!(asked[4].2["metadata"]["resourceVersion"], "9");
}

#[tokio::test(start_paused = true)]
async fn a_status_is_not_written_over_another_member_of_the_name() {
    let (api, asked) = server(
        |_, body| match body["metadata"]["resourceVersion"].as_str() {
            Some("1") => Some((409, failure(409))),
            Some(_) => Some((200, object("m-2", 10, &body["status"]))),
            None => Some((200, object("m-2", 9, &Value::Null))),
        },
    );
    let reporting = reporting(api);
    reporting.deliver("m-1", 1, &Value::Null);
    reporting.offer(MemberState::Ready);
    sleep(Duration::from_mins(2)).await;
    let asked = asked.lock().unwrap();
    assert!(asked.len() > 2, "it tries on, for its watch may lag");
    let versions = asked
        .iter()
        .map(|(_, _, body)| &body["metadata"]["resourceVersion"]);
    assert!(
        versions.clone().all(|version| *version != "9"),
        "{versions:?}"
    );
}
