//! Jolokia's bulk requests: one POST of several calls, answered one by one, so that an attribute that is not
//! there yet spoils nothing.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Error,
    calls::{Kind, Request},
};

/// The body of a bulk request.
pub(crate) fn request(requests: &[Request]) -> Vec<u8> {
    let calls: Value = requests
        .iter()
        .map(|Request { call, arguments }| match call.kind {
            Kind::Read => json!({"type": "read", "mbean": call.mbean, "attribute": call.name}),
            Kind::Execute => json!({
                "type": "exec",
                "mbean": call.mbean,
                "operation": call.name,
                "arguments": arguments,
            }),
        })
        .collect();
    calls.to_string().into_bytes()
}

/// The answers to a bulk request, in the order of its calls.
pub(crate) fn answers(
    requests: &[Request],
    body: &[u8],
) -> Result<Vec<Result<Value, Error>>, Error> {
    let malformed = |detail: String| Error::Malformed {
        call: "a bulk request",
        detail,
    };
    let unreadable = |error: serde_json::Error| malformed(error.to_string());
    let body: Value = serde_json::from_slice(body).map_err(unreadable)?;
    if !body.is_array() {
        // One error for the whole request, for instance if the policy denies the client's address.
        let answer: Answer = serde_json::from_value(body).map_err(unreadable)?;
        let outcome = answer.outcome("the whole request");
        return Err(outcome
            .err()
            .unwrap_or_else(|| malformed("one answer to several calls".into())));
    }
    let answers: Vec<Answer> = serde_json::from_value(body).map_err(unreadable)?;
    if answers.len() != requests.len() {
        return Err(malformed(format!(
            "{} answers to {} calls",
            answers.len(),
            requests.len()
        )));
    }
    Ok(requests
        .iter()
        .zip(answers)
        .map(|(request, answer)| answer.outcome(request.call.name))
        .collect())
}

#[derive(Deserialize)]
struct Answer {
    status: u16,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    error_type: Option<String>,
    #[serde(default)]
    error: Option<String>,
}

impl Answer {
    fn outcome(self, call: &'static str) -> Result<Value, Error> {
        match self.status {
            200 => Ok(self.value),
            403 => Err(Error::Denied { call }),
            status => Err(Error::Java {
                call,
                class: self
                    .error_type
                    .unwrap_or_else(|| format!("status {status}")),
                message: self.error.unwrap_or_default(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::{DRAIN, FORCE_KEYSPACE_FLUSH, OPERATION_MODE, TOKENS};

    #[test]
    fn an_operation_is_asked_for_by_its_signature_with_its_arguments() {
        let flush = FORCE_KEYSPACE_FLUSH.with(("shop".into(), vec!["orders".into()]));
        let body: Value = serde_json::from_slice(&request(&[flush, TOKENS.into()])).unwrap();
        assert_eq!(
            body,
            json!([
                {
                    "type": "exec",
                    "mbean": "org.apache.cassandra.db:type=StorageService",
                    "operation": "forceKeyspaceFlush(java.lang.String,[Ljava.lang.String;)",
                    "arguments": ["shop", ["orders"]],
                },
                {
                    "type": "read",
                    "mbean": "org.apache.cassandra.db:type=StorageService",
                    "attribute": "Tokens",
                },
            ])
        );
    }

    #[test]
    fn each_call_has_its_own_outcome() {
        let body = br#"[
            {"request":{},"value":"NORMAL","status":200,"timestamp":1},
            {"request":{},"error_type":"javax.management.AttributeNotFoundException","error":"No such attribute","status":404},
            {"request":{},"error_type":"java.lang.Exception","error":"denied","status":403}]"#;
        let answers = answers(
            &[OPERATION_MODE.into(), TOKENS.into(), DRAIN.with(())],
            body,
        )
        .unwrap();
        assert_eq!(answers[0].as_ref().unwrap(), "NORMAL");
        assert_eq!(answers[1].as_ref().unwrap_err().reason(), "Java");
        assert_eq!(answers[2].as_ref().unwrap_err().reason(), "Denied");
    }

    #[test]
    fn an_answer_that_is_not_the_protocol_is_malformed() {
        for body in ["", "{}", "[]", "[1]", r#"{"status":200}"#, "<html>"] {
            let error = answers(&[TOKENS.into()], body.as_bytes()).unwrap_err();
            assert_eq!(error.reason(), "Malformed", "{body}");
        }
    }

    #[test]
    fn a_request_that_is_denied_as_a_whole_is_denied() {
        let body = br#"{"status":403,"error":"No access from client /10.0.0.1 allowed"}"#;
        assert_eq!(
            answers(&[TOKENS.into()], body).unwrap_err().reason(),
            "Denied"
        );
    }
}
