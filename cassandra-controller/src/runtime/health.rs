//! `/livez`, `/readyz` and `/metrics`.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use kube::runtime::watcher;
use tokio::{net::TcpListener, time::Instant};

use crate::metrics::Metrics;

/// A watch that has failed for so long, without a longer pause, is stuck.
const STUCK: Duration = Duration::from_mins(10);
/// Errors with less than this between them are one failure that goes on.
const PAUSE: Duration = Duration::from_mins(2);

/// Since when watches fail.
#[derive(Debug)]
pub struct Watching {
    metrics: Metrics,
    failing: Mutex<BTreeMap<String, Failing>>,
}

#[derive(Clone, Copy, Debug)]
struct Failing {
    since: Instant,
    last: Instant,
}

impl Watching {
    /// Nothing has failed yet.
    pub fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            failing: Mutex::default(),
        }
    }

    /// A watch of this kind has failed; it tries again by itself.
    pub(super) fn failed(&self, kind: &str, error: &watcher::Error) {
        self.metrics.watch_failed(kind);
        let now = Instant::now();
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = failing.entry(kind.into()).or_insert(Failing {
            since: now,
            last: now,
        });
        let goes_on = now.duration_since(entry.last) < PAUSE && entry.last != now;
        if !goes_on {
            entry.since = now;
            tracing::warn!(kind, %error, "a watch failed");
        }
        entry.last = now;
    }

    /// Kinds whose watch is stuck.
    fn stuck(&self) -> Vec<String> {
        let now = Instant::now();
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let stuck = failing.iter().filter(|(_, failing)| {
            now.duration_since(failing.last) < PAUSE
                && failing.last.duration_since(failing.since) > STUCK
        });
        stuck.map(|(kind, _)| kind.clone()).collect()
    }
}

/// What the endpoints tell.
#[derive(Clone)]
pub(super) struct Health {
    pub(super) watching: Arc<Watching>,
    pub(super) metrics: Metrics,
    /// Set once this replica has listed everything, so that it leads or can take over.
    pub(super) ready: Arc<AtomicBool>,
}

impl Health {
    /// Serves as long as the program runs, also while it stops: the Lease is given back last.
    pub(super) async fn serve(self, address: SocketAddr) -> Result<(), std::io::Error> {
        let router = Router::new()
            .route("/livez", get(live))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .with_state(self);
        axum::serve(bind(address).await?, router).await
    }
}

/// Listens. `[::]` is all addresses, of both families; on a machine without IPv6 there is no such address, and all of
/// IPv4's are meant.
async fn bind(address: SocketAddr) -> Result<TcpListener, std::io::Error> {
    match TcpListener::bind(address).await {
        Err(error)
            if address.ip() == Ipv6Addr::UNSPECIFIED
                && error.kind() != std::io::ErrorKind::AddrInUse =>
        {
            let ipv4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            TcpListener::bind(ipv4).await.map_err(|_| error)
        }
        bound => bound,
    }
}

async fn live(State(health): State<Health>) -> (StatusCode, String) {
    let stuck = health.watching.stuck();
    if stuck.is_empty() {
        (StatusCode::OK, "ok\n".into())
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("watches are stuck: {}\n", stuck.join(", ")),
        )
    }
}

async fn ready(State(health): State<Health>) -> (StatusCode, &'static str) {
    if health.ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "not everything has been listed yet\n",
        )
    }
}

async fn metrics(State(health): State<Health>) -> String {
    health.metrics.render()
}
