//! Answers that are given before the protocol library sees a request.

use http::{HeaderValue, Response, StatusCode, header};
use s3s::Body;

/// Text as it may stand in XML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// An S3 error.
pub(super) fn error(
    status: StatusCode,
    code: &str,
    message: &str,
    region: Option<&str>,
) -> Response<Body> {
    let region = region.map_or(String::new(), |region| {
        format!("<Region>{}</Region>", escape(region))
    });
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{}</Message>{region}</Error>",
        escape(message)
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/xml"),
    );
    response
}

/// The code of an error that was answered.
pub(super) fn code_of(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_region_and_escapes_what_it_repeats() {
        let response = error(StatusCode::BAD_REQUEST, "A", "<b> & c", Some("r"));
        let body = response.into_body().bytes().unwrap_or_default();
        let text = std::str::from_utf8(&body).unwrap();
        assert!(
            text.contains("<Region>r</Region>") && text.contains("&lt;b&gt; &amp; c"),
            "{text}"
        );
        assert_eq!(code_of(&body), Some("A"));
    }
}
