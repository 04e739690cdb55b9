//! The program: signals, the connection, the endpoints, and one replica of the operator. Ends when it is told to, or
//! when the Lease is lost.

use std::sync::{Arc, atomic::AtomicBool};

use anyhow::Context as _;
use kube::{Client, Config};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{
    controller::Controller,
    health::{Health, Watching},
    replica::{Replica, ReplicaOptions},
};
use crate::{cli::Arguments, clock::SystemClock, metrics::Metrics};

/// Runs until SIGTERM or SIGINT. An error means that the program should be started again.
pub async fn run(
    arguments: Arguments,
    metrics: Metrics,
    controllers: Vec<Box<dyn Controller>>,
) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    stop_on_signal(&stop)?;
    let client = client().await?;
    let watching = Arc::new(Watching::new(metrics.clone()));
    let ready = Arc::new(AtomicBool::new(false));
    let health = Health {
        watching: watching.clone(),
        metrics: metrics.clone(),
        ready: ready.clone(),
    };
    let endpoints = tokio::spawn(health.serve(arguments.listen));
    let replica = Replica {
        client,
        clock: Arc::new(SystemClock),
        metrics,
        watching,
        ready,
        controllers,
        options: ReplicaOptions {
            scopes: arguments.scopes(),
            lease_namespace: arguments.lease_namespace,
            lease_name: arguments.lease_name,
            identity: arguments.identity,
        },
    };
    tokio::select! {
        // The endpoints serve until the replica has given the Lease back.
        ended = replica.run(stop) => Ok(ended?),
        served = endpoints => served.context("the endpoints' task")?.context("serving the endpoints"),
    }
}

fn stop_on_signal(stop: &CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        stop.cancel();
    });
    Ok(())
}

async fn client() -> anyhow::Result<Client> {
    let mut config = Config::infer()
        .await
        .context("no way to reach the API server")?;
    // Each request has a time limit of ours and each cluster a backoff; retries below them would hide both.
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}
