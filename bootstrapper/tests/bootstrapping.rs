//! The whole bootstrap, against folders and an agent on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can't set up its world fails"
)]

mod support;

use std::{
    collections::VecDeque,
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, extract::State, routing::post};
use bootstrapper::{bootstrap, cli};
use cassandra_api::{
    revision::{ConfigRevision, FILE_PREFIX, REVISION_KEY},
    v1alpha1::{Start, StartMode, VolumeStatus},
};
use cassandra_management::{
    marker::Marker,
    start_request::{START_PATH, StartRequest, StartResponse},
};
use tempfile::TempDir;

/// An agent that gives the answers of a list, the last one for ever, and remembers the questions.
#[derive(Clone, Default)]
struct Agent {
    answers: Arc<Mutex<VecDeque<StartResponse>>>,
    questions: Arc<Mutex<Vec<VolumeStatus>>>,
}

impl Agent {
    async fn serve(self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route(START_PATH, post(Self::answer))
            .with_state(self);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        address
    }

    #[allow(clippy::unused_async, reason = "handlers of axum are")]
    async fn answer(State(agent): State<Self>, question: String) -> String {
        let question: StartRequest = serde_json::from_str(&question).unwrap();
        agent.questions.lock().unwrap().push(question.volume);
        let mut answers = agent.answers.lock().unwrap();
        let answer = answers.front().cloned().unwrap();
        if answers.len() > 1 {
            answers.pop_front();
        }
        serde_json::to_string(&answer).unwrap()
    }

    fn will_say(&self, answers: &[StartResponse]) {
        *self.answers.lock().unwrap() = answers.iter().cloned().collect();
        self.questions.lock().unwrap().clear();
    }

    fn asked(&self) -> Vec<VolumeStatus> {
        self.questions.lock().unwrap().clone()
    }
}

fn present(mode: StartMode, seeds: &[&str]) -> StartResponse {
    let start = Start {
        epoch: 4,
        mode,
        seeds: seeds.iter().map(ToString::to_string).collect(),
    };
    StartResponse::Present {
        start,
        host_id: None,
    }
}

/// A pod's folders.
struct Pod {
    folder: TempDir,
    args: cli::Bootstrap,
}

impl Pod {
    fn new(agent: SocketAddr, revision: &ConfigRevision) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["etc", "revision", "data", "programs"] {
            fs::create_dir(path(name)).unwrap();
        }
        for name in ["bootstrapper", "jolokia.jar", "jmx-exporter.jar"] {
            fs::write(path("programs").join(name), name).unwrap();
        }
        let revision = serde_json::to_vec(revision).unwrap();
        fs::write(path("revision").join(REVISION_KEY), revision).unwrap();
        let args = cli::Bootstrap {
            pod_ip: "10.1.0.7".parse().unwrap(),
            broadcast_address: Some("10.96.0.7".parse().unwrap()),
            pod_name: "orders-r2-0-0".into(),
            member_name: "orders-r2-0".into(),
            member_uid: "member-1".into(),
            cluster_uid: "cluster-1".into(),
            adopted_from: None,
            datacenter: "south".into(),
            rack: "r2".into(),
            pvc_uid: Some("claim-1".into()),
            memory_limit_bytes: 4 << 30,
            cpu_limit_millicores: None,
            config_revision: "orders-rev-1".into(),
            revision: path("revision"),
            configuration: path("etc"),
            extra_lib: path("extra-lib"),
            data: path("data"),
            programs: path("programs"),
            agent,
        };
        let pod = Self { folder, args };
        pod.copy_image();
        pod
    }

    /// What the init container before this one does at each start of the pod.
    fn copy_image(&self) {
        for entry in fs::read_dir(support::image("5.0")).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(
                &path,
                self.args.configuration.join(path.file_name().unwrap()),
            )
            .unwrap();
        }
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.folder.path().join(path)).unwrap()
    }

    fn marker(&self) -> Option<Marker> {
        Marker::load(&self.args.data).unwrap()
    }

    /// What Cassandra and the agent leave behind when the node has joined.
    fn join(&self) {
        let table = self.args.data.join("data/system/local-1");
        fs::create_dir_all(&table).unwrap();
        fs::write(table.join("nb-1-big-Data.db"), "x").unwrap();
        let marker = Marker {
            joined: true,
            host_id: Some("host-1".into()),
            ..self.marker().unwrap()
        };
        marker.store(&self.args.data).unwrap();
    }
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_member_joins_and_later_starts_without_the_operator() {
    let agent = Agent::default();
    let pod = Pod::new(agent.clone().serve().await, &support::revision());
    let name = format!("{FILE_PREFIX}logback.xml");
    fs::write(pod.args.revision.join(name), "<configuration/>").unwrap();

    let seeds = ["10.96.0.6", "10.96.0.5"];
    agent.will_say(&[
        present(StartMode::Hold, &[]),
        present(StartMode::Join, &seeds),
    ]);
    bootstrap::run(&pod.args).await.unwrap();
    let empty = VolumeStatus {
        pvc_uid: Some("claim-1".into()),
        ..VolumeStatus::default()
    };
    assert_eq!(agent.asked(), [empty.clone(), empty]);
    let marker = pod.marker().unwrap();
    assert!(!marker.joined);
    assert_eq!(marker.seeds, ["10.96.0.5", "10.96.0.6"]);
    assert_eq!(
        (marker.start_epoch, marker.member.as_str()),
        (4, "orders-r2-0")
    );
    assert!(
        pod.text("etc/cassandra.yaml")
            .contains(r#"{"seeds": "10.96.0.5,10.96.0.6"}"#)
    );
    assert_eq!(pod.text("etc/logback.xml"), "<configuration/>");
    let program = fs::metadata(pod.args.extra_lib.join("bootstrapper")).unwrap();
    assert_eq!(program.permissions().mode() & 0o777, 0o755);

    pod.join();
    let before = files(&pod.args.configuration);
    pod.copy_image();
    agent.will_say(&[StartResponse::Unreachable { for_seconds: 31 }]);
    bootstrap::run(&pod.args).await.unwrap();
    assert_eq!(files(&pod.args.configuration), before);
    let marker = pod.marker().unwrap();
    assert!(marker.joined);
    assert_eq!(marker.host_id.as_deref(), Some("host-1"));
    assert!(agent.asked()[0].joined);
}

#[tokio::test]
async fn what_was_cut_short_is_done_again() {
    let agent = Agent::default();
    let pod = Pod::new(agent.clone().serve().await, &support::revision());
    agent.will_say(&[present(StartMode::CreateRing, &[])]);
    let jar = pod.args.programs.join("jolokia.jar");
    fs::remove_file(&jar).unwrap();
    let error = bootstrap::run(&pod.args).await.unwrap_err().to_string();
    assert!(
        error.starts_with("failed to write ") && error.ends_with("jolokia.jar"),
        "{error}"
    );
    let before = (files(&pod.args.configuration), pod.marker());
    assert!(before.1.is_some(), "the marker comes first");
    fs::write(&jar, "jar").unwrap();
    bootstrap::run(&pod.args).await.unwrap();
    assert_eq!((files(&pod.args.configuration), pod.marker()), before);
    assert_eq!(before.1.unwrap().seeds, ["10.96.0.7"]);
}

#[tokio::test]
async fn a_refusal_is_reported_touches_nothing_and_ends_by_itself() {
    let agent = Agent::default();
    let pod = Pod::new(agent.clone().serve().await, &support::revision());
    agent.will_say(&[present(StartMode::Join, &["10.96.0.5"])]);
    let data = pod.args.data.join("commitlog");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("CommitLog-7-1.log"), "x").unwrap();
    let etc = files(&pod.args.configuration);
    let args = pod.args.clone();
    let running = tokio::spawn(async move { bootstrap::run(&args).await });
    while agent.asked().len() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for facts in agent.asked() {
        let refusal = facts.refusal.unwrap();
        assert!(
            refusal.message.contains("no marker that says whose it is"),
            "{refusal:?}"
        );
    }
    assert!(!running.is_finished() && pod.marker().is_none());
    assert_eq!(files(&pod.args.configuration), etc);
    fs::remove_dir_all(&data).unwrap();
    running.await.unwrap().unwrap();
    assert!(pod.marker().is_some());
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_is_reported_before_there_is_a_permit() {
    let agent = Agent::default();
    let pod = Pod::new(agent.clone().serve().await, &support::revision());
    let name = format!("{FILE_PREFIX}cassandra.yaml");
    fs::write(pod.args.revision.join(name), "a: [").unwrap();
    agent.will_say(&[
        present(StartMode::Hold, &[]),
        present(StartMode::CreateRing, &[]),
    ]);
    let run = bootstrap::run(&pod.args);
    let running = tokio::time::timeout(Duration::from_millis(2500), run).await;
    assert!(running.is_err(), "it does not end");
    for facts in agent.asked() {
        let refusal = facts.refusal.unwrap();
        assert!(
            refusal.message.contains("cassandra.yaml of the ConfigMap"),
            "{refusal:?}"
        );
    }
    assert!(pod.marker().is_none());
}

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_bootstrapper"))
}

/// An address where nobody listens.
fn nobody() -> String {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/jolokia/", socket.local_addr().unwrap())
}

#[test]
fn a_process_that_does_not_answer_is_not_live_in_one_line() {
    let output = binary()
        .args(["live", "--jolokia", &nobody()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.ends_with("refused the connection\n") && text.lines().count() == 1,
        "{text}"
    );
}

#[test]
fn a_drain_of_nothing_lets_the_stop_go_on() {
    let args = ["drain", "--log", "/nonexistent", "--jolokia", &nobody()];
    let output = binary().args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("Cassandra is not running"), "{text}");
}

#[test]
fn a_wait_ends_at_sigterm_without_letting_cassandra_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for name in ["etc", "revision", "data"] {
        fs::create_dir(path(name)).unwrap();
    }
    let revision = serde_json::to_vec(&support::revision()).unwrap();
    fs::write(folder.path().join("revision").join(REVISION_KEY), revision).unwrap();
    let mut child = binary()
        .arg("bootstrap")
        .args([
            "--configuration",
            &path("etc"),
            "--revision",
            &path("revision"),
        ])
        .args(["--data", &path("data"), "--agent", "127.0.0.1:1"])
        .envs([
            ("POD_IP", "10.1.0.7"),
            ("POD_NAME", "orders-r2-0-0"),
            ("MEMBER_NAME", "orders-r2-0"),
            ("MEMBER_UID", "member-1"),
            ("CLUSTER_UID", "cluster-1"),
            ("DATACENTER", "south"),
            ("RACK", "r2"),
            ("MEMORY_LIMIT_BYTES", "4294967296"),
            ("CONFIG_REVISION", "orders-rev-1"),
        ])
        .stderr(fs::File::create(path("log")).unwrap())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while fs::read_to_string(path("log")).unwrap().is_empty() {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let log = fs::read_to_string(path("log")).unwrap();
    assert!(
        log.contains("stopped while waiting for its permit"),
        "{log}"
    );
    assert!(
        log.contains("neither the image nor the ConfigMap has a cassandra.yaml"),
        "{log}"
    );
}
