//! The client against a server that gives recorded answers of real nodes, and against ones that misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests, helpers included"
)]

use std::{
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use cassandra_api::v1alpha1::{Peer, PeerState, VolumeStatus};
use cassandra_management::{
    AgentClient, Config, Endpoint, Management, Mode, calls,
    start_request::{StartRequest, StartResponse},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Reads one request: its first line and its body.
async fn request(stream: &mut TcpStream) -> (String, String) {
    let mut text = String::new();
    let mut piece = [0; 4096];
    loop {
        let n = stream.read(&mut piece).await.unwrap();
        text.push_str(std::str::from_utf8(&piece[..n]).unwrap());
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if body.len() >= length || n == 0 {
                return (head.lines().next().unwrap().into(), body.into());
            }
        }
    }
}

/// A server that answers every request with what this says to its path and body.
async fn server(answer: impl Fn(&str, &str) -> (u16, String) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (line, body) = request(&mut stream).await;
            let (status, body) = answer(&line, &body);
            let length = body.len();
            let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all((head + &body).as_bytes()).await.unwrap();
        }
    });
    address
}

fn management(address: SocketAddr) -> Management {
    Management::new(Config {
        jolokia: Endpoint::new(address.ip().to_string(), address.port(), "/jolokia"),
        limit: Some(Duration::from_millis(200)),
    })
}

/// A Jolokia that knows these values of attributes and results of operations, and nothing else.
async fn jolokia(values: Value) -> SocketAddr {
    server(move |line, body| {
        assert_eq!(line, "POST /jolokia/ HTTP/1.1");
        let calls: Vec<Value> = serde_json::from_str(body).unwrap();
        let answers: Vec<Value> = calls
            .iter()
            .map(|call| {
                let name = call
                    .get("attribute")
                    .or_else(|| call.get("operation"))
                    .unwrap();
                match values.get(name.as_str().unwrap()) {
                    Some(value) => json!({"request": call, "value": value, "status": 200}),
                    None => json!({
                        "request": call,
                        "error_type": "javax.management.AttributeNotFoundException",
                        "error": "No such attribute",
                        "status": 404
                    }),
                }
            })
            .collect();
        (200, Value::from(answers).to_string())
    })
    .await
}

#[tokio::test]
async fn facts_of_recorded_nodes_are_understood() {
    for (release, answer) in [
        ("5.0.9", include_str!("recorded/5.0.9.json")),
        ("4.0.19", include_str!("recorded/4.0.19.json")),
    ] {
        let address = server(|_, _| (200, answer.into())).await;
        let facts = management(address).facts().await.unwrap();
        assert_eq!(facts.missing, [""; 0], "{release}");
        assert_eq!(facts.mode, Some(Mode::Normal));
        assert_eq!(facts.release_version.as_deref(), Some(release));
        assert_eq!(facts.tokens.len(), 16);
        assert!(facts.native_transport && facts.load_bytes > Some(0));
        let mine = facts
            .ring
            .iter()
            .find(|peer| Some(&peer.host_id) == facts.host_id.as_ref());
        assert_eq!(mine.unwrap().state, PeerState::Up);
        assert_eq!(mine.unwrap().schema, facts.schema_version);
        assert!(facts.ring.is_sorted_by_key(|peer| &peer.host_id));
        let place = |peer: &Peer| (peer.datacenter.clone(), peer.rack.clone());
        let expected = (Some("dc1".into()), Some("r1".into()));
        assert!(facts.ring.iter().all(|peer| place(peer) == expected));
    }
}

#[tokio::test]
async fn a_process_that_is_not_there_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let management = management(address);
    assert!(management.facts().await.unwrap_err().is_refused());
    assert!(!management.is_answering().await);
}

#[tokio::test]
async fn a_process_that_hangs_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let management = management(listener.local_addr().unwrap());
    // Nobody accepts, as if the process was stopped.
    assert_eq!(management.facts().await.unwrap_err().reason(), "Timeout");
    tokio::spawn(async move {
        let _held = listener.accept().await;
        pending::<()>().await;
    });
    assert_eq!(management.mode().await.unwrap_err().reason(), "Timeout");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let management = management(listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[")
            .await
            .unwrap();
    });
    assert_eq!(management.facts().await.unwrap_err().reason(), "Lost");
}

#[tokio::test]
async fn other_answers_than_jolokias_are_errors() {
    for (answer, reason) in [
        ((500, ""), "Status"),
        ((200, "<html>"), "Malformed"),
        ((200, "[]"), "Malformed"),
        (
            (
                200,
                r#"{"status":403,"error":"HTTP method post is not allowed"}"#,
            ),
            "Denied",
        ),
    ] {
        let address = server(move |_, _| (answer.0, answer.1.into())).await;
        let error = management(address).facts().await.unwrap_err();
        assert_eq!(error.reason(), reason);
    }
}

#[tokio::test]
async fn a_drain_is_done_when_cassandra_says_so() {
    let drained = jolokia(json!({"drain": null, "OperationMode": "DRAINED"})).await;
    management(drained).drain().await.unwrap();
    let not = jolokia(json!({"drain": null, "OperationMode": "NORMAL"})).await;
    let error = management(not).drain().await.unwrap_err();
    assert_eq!(error.reason(), "NotDrained");
    let none = jolokia(json!({"OperationMode": "DRAINED"})).await;
    assert_eq!(management(none).drain().await.unwrap_err().reason(), "Java");
}

#[tokio::test]
async fn a_keyspace_is_flushed_by_its_name_with_all_its_tables() {
    let asked = Arc::new(Mutex::new(String::new()));
    let log = Arc::clone(&asked);
    let address = server(move |_, body| {
        *log.lock().unwrap() = body.to_owned();
        (200, r#"[{"value":null,"status":200}]"#.into())
    })
    .await;
    management(address).flush("shop").await.unwrap();
    let calls: Value = serde_json::from_str(&asked.lock().unwrap()).unwrap();
    assert_eq!(
        calls[0]["operation"],
        "forceKeyspaceFlush(java.lang.String,[Ljava.lang.String;)"
    );
    assert_eq!(calls[0]["arguments"], json!(["shop", []]));
}

#[tokio::test]
async fn a_flush_that_did_not_answer_may_be_done_and_one_that_failed_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = management(listener.local_addr().unwrap());
    assert!(!silent.flush("shop").await.unwrap_err().outcome_is_known());
    let failing =
        r#"[{"status":500,"error_type":"java.lang.IllegalArgumentException","error":"x"}]"#;
    let address = server(move |_, _| (200, failing.into())).await;
    let error = management(address).flush("shop").await.unwrap_err();
    assert!(error.outcome_is_known(), "{error}");
}

#[tokio::test]
async fn keyspaces_are_read_with_those_that_are_the_rings() {
    let address = jolokia(json!({
        "Keyspaces": ["system", "shop"],
        "NonLocalStrategyKeyspaces": ["shop"],
    }));
    let keyspaces = management(address.await).keyspaces().await.unwrap();
    assert_eq!(keyspaces.all, ["system", "shop"]);
    assert_eq!(keyspaces.replicated, ["shop"]);
}

#[tokio::test]
async fn seeds_that_could_not_be_loaded_are_an_error() {
    let loaded = jolokia(json!({"reloadSeeds": ["/10.0.0.2:7000"]})).await;
    assert_eq!(
        management(loaded).reload_seeds().await.unwrap(),
        ["/10.0.0.2:7000"]
    );
    let not = jolokia(json!({"reloadSeeds": null})).await;
    let error = management(not).reload_seeds().await.unwrap_err();
    assert_eq!(error.reason(), "SeedsNotLoaded");
}

#[tokio::test]
async fn a_node_whose_mbeans_are_not_there_answers_without_a_mode() {
    let early = management(jolokia(json!({})).await);
    assert_eq!(early.mode().await.unwrap(), None);
    assert!(early.is_answering().await);
    let facts = early.facts().await.unwrap();
    assert_eq!(facts.mode, None);
    assert!(facts.missing.contains(&calls::LOCAL_HOST_ID.name));
}

#[tokio::test]
async fn an_error_of_one_attribute_spoils_no_other() {
    // As Jolokia answers when Java throws an error, and not an exception, for one of several calls.
    let address = server(|_, body| {
        if body.contains("Tokens") {
            let error = r#"{"error_type":"javax.management.RuntimeErrorException","error":"java.lang.AssertionError","status":500}"#;
            return (200, error.into());
        }
        let calls: Vec<Value> = serde_json::from_str(body).unwrap();
        let answer = |call: &Value| match call["attribute"].as_str() {
            Some("OperationMode") => json!({"value": "JOINING", "status": 200}),
            _ => json!({"error_type": "x", "error": "x", "status": 404}),
        };
        let answers: Vec<Value> = calls.iter().map(answer).collect();
        (200, Value::from(answers).to_string())
    })
    .await;
    let facts = management(address).facts().await.unwrap();
    assert_eq!(facts.mode, Some(Mode::Joining));
    assert!(facts.tokens.is_empty());
}

#[tokio::test]
async fn a_permit_is_asked_for_and_answered() {
    let address = server(|line, body| {
        assert_eq!(line, "POST /v1/start HTTP/1.1");
        let question: StartRequest = serde_json::from_str(body).unwrap();
        assert!(question.volume.joined);
        (200, r#"{"unreachable":{"forSeconds":7}}"#.into())
    })
    .await;
    let agent = AgentClient::new("127.0.0.1", address.port(), Duration::from_secs(1));
    let volume = VolumeStatus {
        joined: true,
        ..VolumeStatus::default()
    };
    let answer = agent.ask(&StartRequest { volume }).await.unwrap();
    assert_eq!(answer, StartResponse::Unreachable { for_seconds: 7 });
}
