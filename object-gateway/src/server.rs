//! The listeners: S3 on one address, health and metrics on another. On the end it takes no new connections, finishes
//! what has begun, and does what operations have left to be done.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{front::Front, metrics::Metrics, ops::Gateway};

/// How long a client may take for its headers.
const HEADERS: Duration = Duration::from_secs(20);
/// How many bytes of headers it may send, and how many headers.
const MAX_HEADERS: (usize, usize) = (64 << 10, 100);

/// Listens. `[::]` is all addresses, of both families; on a machine without IPv6 there is no such address, and all of
/// IPv4's are meant.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
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

/// A client's address. Who listens on both families gets IPv4's within IPv6's, where no network of a policy has them.
fn client(address: SocketAddr) -> IpAddr {
    address.ip().to_canonical()
}

/// Serves S3 until it is cancelled, and then until what has begun is finished, or `drain` is over.
pub async fn serve(
    listener: TcpListener,
    front: Arc<Front>,
    stop: CancellationToken,
    drain: Duration,
) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("failed to accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Small answers must not wait for more.
        let _ = stream.set_nodelay(true);
        let front = Arc::clone(&front);
        let service = service_fn(move |request: Request<Incoming>| {
            let front = Arc::clone(&front);
            async move { Ok::<_, Infallible>(front.answer(request, Some(client(address)), false).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS)
            .max_buf_size(MAX_HEADERS.0)
            .max_headers(MAX_HEADERS.1)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that goes away is no error of ours.
            if let Err(error) = connection.await {
                tracing::debug!("a connection broke: {error}");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(drain, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests were not finished within {drain:?}");
    }
}

/// Serves `/livez`, `/readyz` and `/metrics`.
pub async fn serve_health(
    listener: TcpListener,
    gateway: Arc<Gateway>,
    metrics: Metrics,
    draining: CancellationToken,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else { continue };
        let (gateway, metrics, draining) =
            (Arc::clone(&gateway), metrics.clone(), draining.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (gateway, metrics, draining) =
                (Arc::clone(&gateway), metrics.clone(), draining.clone());
            async move {
                let path = request.uri().path();
                Ok::<_, Infallible>(health(path, &gateway, &metrics, &draining).await)
            }
        });
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS)
                .serve_connection(TokioIo::new(stream), service);
            let _ = connection.await;
        });
    }
}

async fn health(
    path: &str,
    gateway: &Gateway,
    metrics: &Metrics,
    draining: &CancellationToken,
) -> Response<Full<bytes::Bytes>> {
    let answer = |status: StatusCode, text: String| {
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = status;
        response
    };
    match path {
        "/livez" => answer(StatusCode::OK, "ok\n".to_owned()),
        "/readyz" if draining.is_cancelled() => {
            answer(StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned())
        }
        "/readyz" => {
            let ping = tokio::time::timeout(Duration::from_secs(2), gateway.store().ping()).await;
            match ping {
                Ok(Ok(())) => answer(StatusCode::OK, "ok\n".to_owned()),
                Ok(Err(error)) => answer(
                    StatusCode::SERVICE_UNAVAILABLE,
                    format!("{}\n", error.reason()),
                ),
                Err(_) => answer(StatusCode::SERVICE_UNAVAILABLE, "no answer\n".to_owned()),
            }
        }
        "/metrics" => match metrics.render(gateway.reserved()) {
            Ok(text) => answer(StatusCode::OK, text),
            Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        },
        _ => answer(StatusCode::NOT_FOUND, "not found\n".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn all_addresses_are_of_both_families_and_a_client_has_its_own() {
        let listener = bind("[::]:0".parse().unwrap()).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for address in ["127.0.0.1", "::1"] {
            let Ok(_asking) = TcpStream::connect((address, port)).await else {
                // A machine may have no IPv6, or none on its loopback.
                assert_eq!(address, "::1");
                continue;
            };
            let (_, from) = listener.accept().await.unwrap();
            assert_eq!(client(from).to_string(), address);
        }
    }
}
