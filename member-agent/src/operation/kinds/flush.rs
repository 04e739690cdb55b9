//! Flush: what the node has in memory is written to its disk, as `nodetool flush`. One keyspace after the other: those
//! that the job names, or all whose data is the ring's.
//!
//! To flush twice does no harm, so a flush of which it is not known what came of it may be begun again, from the start.

use cassandra_management::{Error, Keyspaces, Mode};
use tokio::sync::watch;

use crate::{
    operation::{Outcome, next::Verdict},
    reading::{Operate, Reading},
};

/// Whether it can be begun: the node must be up, and not on its way down.
pub fn may_begin(reading: &Reading) -> Result<(), String> {
    let facts = reading
        .facts()
        .ok_or("waits for Cassandra, which does not answer")?;
    match &facts.mode {
        Some(
            Mode::Normal
            | Mode::Joining
            | Mode::JoiningFailed
            | Mode::Leaving
            | Mode::DecommissionFailed
            | Mode::Moving,
        ) => Ok(()),
        Some(
            mode @ (Mode::Starting
            | Mode::Decommissioned
            | Mode::Draining
            | Mode::Drained
            | Mode::Other(_)),
        ) => Err(format!("waits for Cassandra, which is in mode {mode}")),
        None => Err("waits for Cassandra, which is starting".into()),
    }
}

/// What came of it: Cassandra keeps no record of that, and need not.
pub fn look(_: &Reading) -> Verdict {
    Verdict::MayBegin
}

/// The keyspaces to flush, or why not.
fn chosen(wanted: &[String], there: Keyspaces) -> Result<Vec<String>, String> {
    if wanted.is_empty() {
        return Ok(there.replicated);
    }
    match wanted.iter().find(|name| !there.all.contains(name)) {
        Some(name) => Err(format!("there is no keyspace {name}")),
        None => Ok(wanted.to_vec()),
    }
}

/// Carries it out.
pub async fn carry_out(
    node: &impl Operate,
    wanted: &[String],
    progress: &watch::Sender<Option<String>>,
) -> Outcome {
    let there = match node.keyspaces().await {
        Ok(there) => there,
        Err(error) => return failed("reading the names of the keyspaces", &error),
    };
    let keyspaces = match chosen(wanted, there) {
        Ok(keyspaces) => keyspaces,
        Err(problem) => return Outcome::Failed(problem),
    };
    let all = keyspaces.len();
    for (number, keyspace) in keyspaces.iter().enumerate() {
        progress.send_replace(Some(format!("{number} of {all} keyspaces")));
        if let Err(error) = node.flush(keyspace).await {
            return failed(&format!("keyspace {keyspace}"), &error);
        }
    }
    Outcome::Done(format!("flushed {all} keyspaces"))
}

/// Cassandra said no; or it is gone or silent, and then the flush is begun again when it answers.
fn failed(what: &str, error: &Error) -> Outcome {
    let message = format!("{what}: {error}");
    match error {
        Error::Denied { .. } => Outcome::Failed(format!(
            "{message}; Cassandra was started with a list of calls that does not have it yet: it does after a restart"
        )),
        Error::Java { .. } => Outcome::Failed(message),
        Error::Address { .. }
        | Error::Refused { .. }
        | Error::Timeout { .. }
        | Error::Connect { .. }
        | Error::Lost { .. }
        | Error::Status { .. }
        | Error::Malformed { .. }
        | Error::NotDrained { .. }
        | Error::SeedsNotLoaded => Outcome::Unknown(message),
    }
}

#[cfg(test)]
mod tests {
    use cassandra_management::NodeFacts;

    use super::*;

    fn keyspaces() -> Keyspaces {
        Keyspaces {
            all: vec!["system".into(), "shop".into(), "system_auth".into()],
            replicated: vec!["shop".into(), "system_auth".into()],
        }
    }

    #[test]
    fn it_is_begun_on_a_node_that_is_up_only() {
        let mode = |name: &str| {
            Reading::Answered(NodeFacts {
                mode: Some(Mode::from(name.to_owned())),
                ..NodeFacts::default()
            })
        };
        for (reading, may) in [
            (mode("NORMAL"), true),
            (mode("JOINING"), true),
            (mode("LEAVING"), true),
            (mode("MOVING"), true),
            (mode("STARTING"), false),
            (mode("DRAINED"), false),
            (mode("DECOMMISSIONED"), false),
            (mode("SLEEPING"), false),
            (Reading::Answered(NodeFacts::default()), false),
            (Reading::Refused, false),
            (Reading::NotAnswering("Timeout"), false),
        ] {
            assert_eq!(may_begin(&reading).is_ok(), may, "{reading:?}");
        }
    }

    #[test]
    fn named_keyspaces_must_exist_and_none_means_all_that_are_the_rings() {
        let name = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(chosen(&[], keyspaces()), Ok(name(&["shop", "system_auth"])));
        assert_eq!(
            chosen(&name(&["system"]), keyspaces()),
            Ok(name(&["system"]))
        );
        let unknown = chosen(&name(&["shop", "shpo"]), keyspaces());
        assert_eq!(unknown, Err("there is no keyspace shpo".into()));
    }

    #[test]
    fn what_cassandra_refused_has_failed_and_what_it_did_not_answer_has_not() {
        let timeout = Error::Timeout {
            endpoint: "here".into(),
            limit: std::time::Duration::from_secs(1),
        };
        let refused = Error::Refused {
            endpoint: "here".into(),
        };
        for error in [timeout, refused] {
            assert!(matches!(failed("shop", &error), Outcome::Unknown(_)));
        }
        let java = Error::Java {
            call: "flush",
            class: "java.io.IOException".into(),
            message: "disk full".into(),
        };
        for error in [java, Error::Denied { call: "flush" }] {
            assert!(matches!(failed("shop", &error), Outcome::Failed(_)));
        }
    }
}
