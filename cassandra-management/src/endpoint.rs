//! One HTTP server on loopback, asked by POST. A connection of its own for every question: on loopback that
//! costs nothing, and no question meets a connection that an earlier one has left hanging.

use std::{fmt, io, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use crate::Error;

/// Longest answer that is read. What gossip knows of a ring of thousands of nodes is shorter.
const LONGEST_ANSWER: usize = 16 << 20;

/// Where to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
    path: String,
}

impl Endpoint {
    /// An endpoint on a host's port, with a path.
    pub fn new(host: impl Into<String>, port: u16, path: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port,
            path: path.into(),
        }
    }

    /// An endpoint from `http://host:port/path`.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let parsed: Option<http::Uri> = url.parse().ok();
        let parts = parsed.as_ref().and_then(|uri| {
            (uri.scheme_str() == Some("http"))
                .then(|| Some((uri.host()?, uri.port_u16()?, uri.path())))
                .flatten()
        });
        let (host, port, path) = parts.ok_or_else(|| Error::Address { url: url.into() })?;
        Ok(Self::new(host.trim_matches(['[', ']']), port, path))
    }

    /// Host and port, an IPv6 address in brackets.
    fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The same server with a path that ends in a slash, as Jolokia wants it.
    pub(crate) fn into_folder(mut self) -> Self {
        if !self.path.ends_with('/') {
            self.path.push('/');
        }
        self
    }

    /// Posts JSON and returns the body of the answer.
    pub(crate) async fn post(&self, json: Vec<u8>, limit: Duration) -> Result<Bytes, Error> {
        timeout(limit, self.exchange(json))
            .await
            .map_err(|_| Error::Timeout {
                endpoint: self.to_string(),
                limit,
            })?
    }

    async fn exchange(&self, json: Vec<u8>) -> Result<Bytes, Error> {
        let stream = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|error| self.not_connected(error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.lost(error))?;
        // Dropped with this future, which ends the connection when the time is up.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let answer = sender
            .send_request(self.request(json))
            .await
            .map_err(|error| self.lost(error))?;
        if answer.status() != http::StatusCode::OK {
            return Err(Error::Status {
                endpoint: self.to_string(),
                status: answer.status().as_u16(),
            });
        }
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER);
        let body = body.collect().await.map_err(|error| self.lost(error))?;
        Ok(body.to_bytes())
    }

    fn request(&self, json: Vec<u8>) -> http::Request<Full<Bytes>> {
        let mut request = http::Request::new(Full::new(Bytes::from(json)));
        *request.method_mut() = http::Method::POST;
        // A path that is no URI becomes the root's, and the server says 404.
        *request.uri_mut() = self.path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        if let Ok(host) = self.authority().parse() {
            headers.insert(http::header::HOST, host);
        }
        headers.insert(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static("application/json"),
        );
        headers.insert(
            http::header::CONNECTION,
            http::HeaderValue::from_static("close"),
        );
        request
    }

    fn not_connected(&self, source: io::Error) -> Error {
        let endpoint = self.to_string();
        if source.kind() == io::ErrorKind::ConnectionRefused {
            Error::Refused { endpoint }
        } else {
            Error::Connect { endpoint, source }
        }
    }

    fn lost(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Lost {
            endpoint: self.to_string(),
            source: source.into(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_with_host_and_port_is_an_endpoint() {
        assert_eq!(
            Endpoint::parse("http://127.0.0.1:8778/jolokia").unwrap(),
            Endpoint::new("127.0.0.1", 8778, "/jolokia")
        );
        let url = "http://[::1]:1/";
        let loopback = Endpoint::parse(url).unwrap();
        assert_eq!(loopback.host, "::1");
        assert_eq!(loopback.to_string(), url);
        let request = loopback.request(Vec::new());
        assert_eq!(request.headers()[http::header::HOST], "[::1]:1");
        for url in ["", "127.0.0.1:8778", "https://h:1/", "http://h/", "/path"] {
            assert_eq!(
                Endpoint::parse(url).unwrap_err().reason(),
                "Address",
                "{url}"
            );
        }
    }
}
