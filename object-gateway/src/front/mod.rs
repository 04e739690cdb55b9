//! What stands before the protocol library: it adds what that lacks, bounds what comes in, and notes what went out.

mod answer;
mod body;
pub mod chunks;
mod cors;
pub mod form;
pub mod host;
pub mod region;
pub mod skew;
pub mod small;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use s3s::{Body, config::S3Config, service::S3Service, service::S3ServiceBuilder};

pub use self::body::Idle;
use self::{
    body::{Progress, Watched},
    host::Domain,
};
use crate::{
    keys::{Keyring, Secrets},
    metrics::Metrics,
    ops::Gateway,
    s3::{Hook, RequestInfo, Service},
};

/// How a gateway talks to clients.
#[derive(Clone, Debug)]
pub struct Options {
    /// The region that it is in.
    pub region: String,
    /// The domain below which buckets are.
    pub domain: Option<String>,
    /// How long a client may be silent within a body.
    pub idle: Duration,
    /// The largest file of a form: forms are read into memory.
    pub form: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            domain: None,
            idle: Duration::from_mins(1),
            form: 32 << 20,
        }
    }
}

/// Takes requests and answers them.
pub struct Front {
    service: S3Service,
    gateway: Arc<Gateway>,
    options: Options,
    domain: Option<Domain>,
    metrics: Metrics,
}

type Answer = Response<Body>;

impl Front {
    /// Before this gateway, for these tenants.
    pub fn new(
        gateway: Arc<Gateway>,
        keys: Arc<Keyring>,
        options: Options,
        metrics: Metrics,
    ) -> Self {
        let service = Service::new(Arc::clone(&gateway), Arc::clone(&keys), &options.region);
        let mut builder = S3ServiceBuilder::new(service);
        builder.set_auth(Secrets(Arc::clone(&keys)));
        builder.set_access(Hook::new(keys, Arc::clone(&gateway)));
        let domain = options.domain.clone().map(Domain);
        if let Some(domain) = &domain {
            builder.set_host(domain.clone());
        }
        let mut config = S3Config::default();
        config.xml_max_body_size = small::MAX_SMALL;
        config.post_object_max_file_size = options.form;
        config.form_max_fields_size = 1 << 20;
        config.form_max_field_size = 256 << 10;
        config.form_max_parts = 100;
        builder.set_config(Arc::new(s3s::config::StaticConfigProvider::new(Arc::new(
            config,
        ))));
        Self {
            service: builder.build(),
            gateway,
            options,
            domain,
            metrics,
        }
    }

    /// Answers one request.
    pub async fn answer<B>(
        &self,
        request: Request<B>,
        address: Option<IpAddr>,
        secure: bool,
    ) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + Sync + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let started = Instant::now();
        let in_flight = self.metrics.begin();
        let info = Arc::new(RequestInfo {
            address,
            secure,
            ..RequestInfo::default()
        });
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let origin = request.headers().get(header::ORIGIN).cloned();
        let bucket = self.bucket_of(&request);
        let received = Arc::new(Progress::default());
        let request = self.watch(request, Arc::clone(&received));
        let mut response = self.pass(request, &info, bucket.as_deref()).await;
        if let (Some(origin), Some(bucket)) = (&origin, &bucket)
            && method != Method::OPTIONS
            && let Ok(origin) = origin.to_str()
            && let Ok(seen) = self.gateway.bucket(bucket).await
        {
            cors::decorate(response.headers_mut(), &seen.bucket().cors, origin, &method);
        }
        let id = uuid::Uuid::new_v4().simple().to_string();
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert("x-amz-request-id", value);
        }
        // What is left of a body that was not read would be taken for the next request.
        if !received.is_over() {
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let status = response.status();
        let code = if status.is_client_error() || status.is_server_error() {
            let body = response.body().bytes().unwrap_or_default();
            answer::code_of(&body).map(str::to_owned)
        } else {
            None
        };
        let metrics = self.metrics.clone();
        let log = move |sent: u64| {
            drop(in_flight);
            let known = info.known();
            let operation = known.operation.as_deref().unwrap_or("None");
            let took = started.elapsed();
            let received = received.bytes();
            metrics.answered(
                operation,
                status.as_u16(),
                code.as_deref(),
                took,
                received,
                sent,
            );
            // The query is left out: that of a presigned URL has its signature.
            tracing::info!(
                target: "access", request = id, method = %method, path, operation, status = status.as_u16(),
                code = code.as_deref().unwrap_or(""), access_key = known.access_key.as_deref().unwrap_or(""),
                bucket = known.bucket.as_deref().unwrap_or(""),
                address = %info.address.map_or_else(String::new, |address| address.to_string()),
                received, sent, milliseconds = took.as_secs_f64() * 1000.0,
            );
        };
        response.map(|body| Body::http_body(body::Finished::new(body, log)))
    }

    fn watch<B>(&self, request: Request<B>, received: Arc<Progress>) -> Request<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Sync + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let is_chunked = request
            .headers()
            .get("x-amz-content-sha256")
            .is_some_and(|value| value.as_bytes().starts_with(b"STREAMING-"));
        let idle = self.options.idle;
        request.map(|body| {
            if body.is_end_stream() {
                received.finish();
                Body::empty()
            } else {
                Body::http_body(Watched::new(body, is_chunked, idle, received))
            }
        })
    }

    // The checks in order; the first that refuses answers.
    async fn pass(
        &self,
        mut request: Request<Body>,
        info: &Arc<RequestInfo>,
        bucket: Option<&str>,
    ) -> Answer {
        if let Some(refusal) = self.refuse(&request) {
            return refusal;
        }
        if request.method() == Method::OPTIONS {
            let seen = match bucket {
                Some(bucket) => self.gateway.bucket(bucket).await.ok(),
                None => None,
            };
            let rules = seen
                .map(|seen| seen.bucket().cors.clone())
                .unwrap_or_default();
            return cors::preflight(&rules, request.headers());
        }
        if Self::is_form(&request) {
            request = match self.read_form(request).await {
                Ok(request) => request,
                Err(refusal) => return *refusal,
            };
        }
        if small::applies(request.method(), request.uri().query(), request.headers()) {
            request = match Self::read_small(request).await {
                Ok(request) => request,
                Err(refusal) => return *refusal,
            };
        }
        request.extensions_mut().insert(Arc::clone(info));
        if Self::is_bucket_by_v2(&request) {
            return self.call_bucket_by_v2(request).await;
        }
        self.call(request).await
    }

    /// A request about a bucket that is signed by version 2.
    fn is_bucket_by_v2(request: &Request<Body>) -> bool {
        let authorization = request.headers().get(header::AUTHORIZATION);
        let path = request.uri().path();
        authorization.is_some_and(|value| value.as_bytes().starts_with(b"AWS "))
            && path.len() > 1
            && path.rfind('/') == Some(0)
    }

    // Some clients sign `/bucket`, some, as boto3, `/bucket/`; both ask for `/bucket`.
    async fn call_bucket_by_v2(&self, request: Request<Body>) -> Answer {
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, small::MAX_SMALL).collect().await else {
            let message = "The body was cut, or is too large.";
            return answer::error(StatusCode::BAD_REQUEST, "IncompleteBody", message, None);
        };
        let body = body.to_bytes();
        let first = Request::from_parts(parts.clone(), Body::from(body.clone()));
        let response = self.call(first).await;
        let answered = response.body().bytes().unwrap_or_default();
        if answer::code_of(&answered) != Some("SignatureDoesNotMatch") {
            return response;
        }
        let path = parts.uri.path();
        let query = parts
            .uri
            .query()
            .map_or_else(String::new, |query| format!("?{query}"));
        let Ok(uri) = format!("{path}/{query}").parse() else {
            return response;
        };
        let mut second = Request::from_parts(parts, Body::from(body));
        *second.uri_mut() = uri;
        self.call(second).await
    }

    async fn call(&self, request: Request<Body>) -> Answer {
        match self.service.call(request).await {
            Ok(response) => response,
            Err(error) => {
                tracing::error!("the protocol failed: {error:?}");
                let message = "We encountered an internal error. Please try again.";
                answer::error(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "InternalError",
                    message,
                    None,
                )
            }
        }
    }

    fn refuse(&self, request: &Request<Body>) -> Option<Answer> {
        let header = |name: &str| {
            request
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let authorization = header("authorization");
        let ours = &self.options.region;
        if let Err(wrong) = region::check(authorization, request.uri().query(), ours) {
            let message = wrong.message(ours);
            return Some(answer::error(
                StatusCode::BAD_REQUEST,
                wrong.code(),
                &message,
                Some(ours),
            ));
        }
        let now = self.gateway.now();
        match skew::check(authorization, header("x-amz-date"), header("date"), now) {
            Ok(()) => None,
            Err(skew::Wrong::Skew) => {
                let message =
                    "The difference between the request time and the current time is too large.";
                Some(answer::error(
                    StatusCode::FORBIDDEN,
                    "RequestTimeTooSkewed",
                    message,
                    None,
                ))
            }
            Err(skew::Wrong::Date) => {
                let message = "AWS authentication requires a valid Date or x-amz-date header";
                Some(answer::error(
                    StatusCode::FORBIDDEN,
                    "AccessDenied",
                    message,
                    None,
                ))
            }
        }
    }

    async fn read_small(request: Request<Body>) -> Result<Request<Body>, Box<Answer>> {
        let refuse = |status, code, message| Box::new(answer::error(status, code, message, None));
        let (parts, body) = request.into_parts();
        let bytes = match Limited::new(body, small::MAX_SMALL).collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                let message = "Your request was too big.";
                return Err(refuse(
                    StatusCode::BAD_REQUEST,
                    "MaxMessageLengthExceeded",
                    message,
                ));
            }
            Err(_) => {
                let message = "The body was cut.";
                return Err(refuse(StatusCode::BAD_REQUEST, "IncompleteBody", message));
            }
        };
        let completes = parts
            .uri
            .query()
            .is_some_and(|query| query.contains("uploadId="));
        match small::check(&bytes, &parts.headers, completes) {
            Ok(()) => Ok(Request::from_parts(parts, Body::from(bytes))),
            Err(small::Wrong::Md5) => {
                let message = "The Content-MD5 you specified was invalid.";
                Err(refuse(StatusCode::BAD_REQUEST, "InvalidDigest", message))
            }
            Err(small::Wrong::Digest) => {
                let message = "The Content-MD5 or checksum value that you specified did not match what the server received.";
                Err(refuse(StatusCode::BAD_REQUEST, "BadDigest", message))
            }
        }
    }

    fn is_form(request: &Request<Body>) -> bool {
        let kind = request.headers().get(header::CONTENT_TYPE);
        *request.method() == Method::POST
            && kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"))
    }

    // The file is read into memory, here or in the protocol library: within the bound for that.
    async fn read_form(&self, request: Request<Body>) -> Result<Request<Body>, Box<Answer>> {
        let refuse = |status, code, message| Box::new(answer::error(status, code, message, None));
        let most = usize::try_from(self.options.form).unwrap_or(usize::MAX) + (2 << 20);
        let (mut parts, body) = request.into_parts();
        let announced = parts.headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let slow = "Please reduce your request rate.";
        let _memory = self
            .gateway
            .reserve(announced.unwrap_or(most as u64).min(most as u64))
            .map_err(|_| refuse(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", slow))?;
        let bytes = match Limited::new(body, most).collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                let message = "Your proposed upload exceeds the maximum allowed object size.";
                return Err(refuse(StatusCode::BAD_REQUEST, "EntityTooLarge", message));
            }
            Err(_) => {
                let message = "The body was cut.";
                return Err(refuse(StatusCode::BAD_REQUEST, "IncompleteBody", message));
            }
        };
        let bytes = form::put_file_name(&bytes).map_or(bytes, Bytes::from);
        parts
            .headers
            .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        Ok(Request::from_parts(parts, Body::from(bytes)))
    }

    fn bucket_of<B>(&self, request: &Request<B>) -> Option<String> {
        let host = request
            .headers()
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let by_host = self
            .domain
            .as_ref()
            .zip(host)
            .and_then(|(domain, host)| domain.bucket(host));
        let by_path = request
            .uri()
            .path()
            .split('/')
            .nth(1)
            .filter(|name| !name.is_empty());
        by_host.or(by_path).map(str::to_owned)
    }
}
