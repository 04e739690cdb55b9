//! S49: what the user keeps from others is in no event, status, annotation, argument or log.

use std::{
    cell::RefCell,
    io::{self, Write as IoWrite},
    sync::LazyLock,
};

use k8s_openapi::ByteString;

use super::Write;
use crate::json::At as _;

/// A password in the settings of every scenario's cluster. It changes with each way of writing it.
pub const CANARY: &str = "canary/5f&2e";

/// The ways in which it could be written.
static FORMS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let base64 = serde_json::to_value(ByteString(CANARY.into()));
    let base64 = base64
        .ok()
        .and_then(|text| text.as_str().map(str::to_owned));
    let hex = CANARY
        .bytes()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let percent = CANARY.replace('/', "%2F").replace('&', "%26");
    let mut forms = vec![CANARY.to_owned(), hex, percent];
    forms.extend(base64.map(|text| text.trim_end_matches('=').to_owned()));
    forms
});

thread_local! {
    static TOLD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Settings are kept in ConfigMaps, and nowhere else.
pub(super) fn check(write: &Write<'_>) -> Vec<String> {
    let kept = matches!(write.kind, "ConfigMap" | "CassandraCluster");
    let Some(object) = write.new.filter(|_| write.is_ours()) else {
        return Vec::new();
    };
    let looked_at = if kept {
        object
            .get("status")
            .into_iter()
            .chain(object.at("/metadata/annotations"))
    } else {
        Some(object).into_iter().chain(None)
    };
    if looked_at.map(ToString::to_string).any(|text| tells(&text)) {
        let (kind, name) = (write.kind, write.name());
        return vec![format!("S49: {kind} {name} tells a password")];
    }
    Vec::new()
}

fn tells(text: &str) -> bool {
    FORMS.iter().any(|form| text.contains(form.as_str()))
}

/// What was logged and must not have been, since this was asked last.
pub fn told_in_logs() -> Vec<String> {
    TOLD.with(|told| told.borrow_mut().split_off(0))
}

/// Takes logs, and looks at them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listener;

impl IoWrite for Listener {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        if tells(&text) {
            TOLD.with(|told| told.borrow_mut().push(format!("S49: logged: {text}")));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_noticed_however_it_is_written() {
        for told in [
            "x canary/5f&2e y",
            "canary%2F5f%262e",
            "63616e6172792f3566263265",
            "Y2FuYXJ5LzVmJjJl",
        ] {
            assert!(tells(told), "{told}");
        }
        assert!(!tells("canary"));
    }
}
