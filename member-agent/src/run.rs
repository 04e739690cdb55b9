//! The program: the connection, the servers, the signals.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use cassandra_api::names;
use cassandra_management::{Config, Management};
use kube::{Api, Client};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};

use crate::{
    clock::SystemClock,
    error::Error,
    metrics::Metrics,
    options::Options,
    probes,
    sidecar::Sidecar,
    start_request,
    volume::{LocalDisk, TimeLimited},
};

/// How long connecting to the API server may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Runs the agent until it is told to stop.
pub async fn run(options: Options) -> Result<(), Error> {
    let own = names::pod(&options.member_name);
    if options.pod_name != own {
        let pod = options.pod_name;
        return Err(Error::AnotherPod { pod, own });
    }
    let metrics = Metrics::new()?;
    let folders = LocalDisk {
        data: options.data_dir.clone(),
        cassandra_yaml: options.cassandra_yaml.clone(),
    };
    let node = Management::new(Config {
        jolokia: options.jolokia.clone(),
        ..Config::default()
    });
    let sidecar = Sidecar::new(
        Api::namespaced(client().await?, &options.pod_namespace),
        options.identity(),
        node,
        TimeLimited::new(folders),
        Arc::new(SystemClock),
        metrics.clone(),
    );
    let mut servers = JoinSet::new();
    let probes = probes::routes(sidecar.probe_state(), metrics);
    serve(
        &mut servers,
        options.agent_local,
        start_request::routes(sidecar.start_requests()),
    )
    .await?;
    serve(&mut servers, options.listen, probes).await?;
    let (tell, told) = watch::channel(false);
    let mut running = std::pin::pin!(sidecar.run(told));
    let stopped = tokio::select! {
        ended = &mut running => return ended,
        _ = servers.join_next() => return Err(Error::TaskEnded),
        stopped = told_to_stop() => stopped,
    };
    tell.send_replace(true);
    running.await.and(stopped)
}

async fn client() -> Result<Client, Error> {
    let mut config = kube::Config::infer()
        .await
        .map_err(|error| Error::Configuration(Box::new(error)))?;
    // Every call has its own time limit and is made again by the next pass.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_LIMIT);
    Client::try_from(config).map_err(|error| Error::Client(Box::new(error)))
}

async fn serve(
    tasks: &mut JoinSet<()>,
    address: SocketAddr,
    routes: axum::Router,
) -> Result<(), Error> {
    let listener = bind(address)
        .await
        .map_err(|source| Error::Listen { address, source })?;
    tasks.spawn(async move {
        // It ends only if its listener does.
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, %address, "a server has ended");
        }
    });
    Ok(())
}

/// Listens. `[::]` is all addresses, of both families; on a machine without IPv6 there is no such address, and all of
/// IPv4's are meant.
async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error)
            if address.ip() == Ipv6Addr::UNSPECIFIED
                && error.kind() != io::ErrorKind::AddrInUse =>
        {
            let ipv4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            TcpListener::bind(ipv4).await.map_err(|_| error)
        }
        bound => bound,
    }
}

async fn told_to_stop() -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("told to stop");
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn all_addresses_are_those_of_both_families() {
        let listener = bind("[::]:0".parse().unwrap()).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // A machine may have no IPv6, or none on its loopback.
        let addresses = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
        if addresses.contains("00000000000000000000000000000001") {
            TcpStream::connect(("::1", port)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_port_in_use_is_an_error() {
        let listener = bind("[::]:0".parse().unwrap()).await.unwrap();
        let again = bind(listener.local_addr().unwrap()).await;
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
