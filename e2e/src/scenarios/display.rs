//! What users read of a ring that is well: columns, descriptions, events, metrics.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use cassandra_api::{names, ports};
use serde_json::Value;
use testbed::install;

use super::THREE_RACKS;
use crate::{
    stage::{MINUTES, Stage},
    wait::{Look, until},
};

/// What names the rule that something waits by: nothing waits.
const EMPTY_WHEN_WELL: [&str; 2] = ["BLOCKED-BY", "REASON"];

/// Each column of `kubectl get` has a value, wide ones too.
pub(super) async fn every_column_has_a_value(stage: &Stage) -> Result<()> {
    THREE_RACKS.ready(stage).await?;
    for (kind, rows) in [("cassandraclusters", 1), ("cassandramembers", 3)] {
        let get = ["get", kind, "-n", THREE_RACKS.namespace, "-o", "wide"];
        let text = stage.run_kubectl(&get).await?;
        let table = table(&text);
        ensure!(table.len() == rows, "{kind} has other rows:\n{text}");
        for (column, value) in table.iter().flatten() {
            let well = !value.is_empty() && *value != "<none>" && *value != "<unknown>";
            ensure!(
                well || EMPTY_WHEN_WELL.contains(&column.as_str()),
                "column {column} of {kind} is {value:?}:\n{text}"
            );
        }
    }
    Ok(())
}

/// The rows of what `kubectl get` prints, by the names of the columns. A value begins where its column's name does.
fn table(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let names: Vec<_> = header.split_whitespace().collect();
    let mut end = 0;
    let begins = names.iter().filter_map(|name| {
        let begin = end + header.get(end..)?.find(name)?;
        end = begin + name.len();
        Some(begin)
    });
    let begins: Vec<_> = begins.collect();
    let row = |line: &str| {
        let columns = names.iter().zip(&begins).enumerate();
        let cells = columns.map(|(at, (name, begin))| {
            let end = begins.get(at + 1).copied().unwrap_or(line.len());
            let cell = line.get(*begin..end.min(line.len())).unwrap_or_default();
            ((*name).to_owned(), cell.trim().to_owned())
        });
        cells.collect()
    };
    lines.map(row).collect()
}

/// `kubectl describe` has no heading with nothing below it, and says how the cluster stands.
pub(super) async fn a_description_has_no_empty_headings(stage: &Stage) -> Result<()> {
    for (kind, conditions) in [
        (
            "cassandraclusters",
            &["Available", "Progressing", "Degraded"][..],
        ),
        ("cassandramembers", &["Ready"]),
    ] {
        let describe = ["describe", kind, "-n", THREE_RACKS.namespace];
        let text = stage.run_kubectl(&describe).await?;
        let empty = empty_headings(&text);
        ensure!(
            empty.is_empty(),
            "{kind} is described with nothing below {empty:?}:\n{text}"
        );
        for condition in conditions {
            let said = text.lines().any(|line| {
                let line = line.trim();
                line.strip_prefix("Type:")
                    .is_some_and(|kind| kind.trim() == *condition)
            });
            ensure!(said, "{kind} has no condition {condition}:\n{text}");
        }
    }
    Ok(())
}

/// Headings whose next line is not below them.
fn empty_headings(text: &str) -> Vec<&str> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let pairs = lines.iter().zip(lines.iter().skip(1));
    pairs
        .filter(|(line, next)| line.trim_end().ends_with(':') && depth(next) <= depth(line))
        .map(|(line, _)| line.trim())
        .collect()
}

/// Each member has an event that says it has joined, which is nothing to worry about.
pub(super) async fn events_tell_who_has_joined(stage: &Stage) -> Result<()> {
    let get = ["get", "events", "-n", THREE_RACKS.namespace, "-o", "json"];
    let events: Value = serde_json::from_str(&stage.run_kubectl(&get).await?)?;
    let events = events.pointer("/items").and_then(Value::as_array);
    let events = events.context("no list of events")?;
    let text = |event: &Value, field: &str| {
        let value = event.get(field).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    for name in THREE_RACKS.names() {
        let joined = events.iter().find(|event| {
            let message = text(event, "message");
            text(event, "reason") == "Joined" && message.split([' ', ',']).any(|word| word == name)
        });
        let joined = joined.with_context(|| format!("no event says that {name} has joined"))?;
        ensure!(
            text(joined, "type") == "Normal",
            "that {name} has joined is a {}",
            text(joined, "type")
        );
    }
    Ok(())
}

/// The controller's metrics count the members, and each agent's tell of its node.
pub(super) async fn metrics_tell_of_the_ring_and_of_each_node(stage: &Stage) -> Result<()> {
    let ring = THREE_RACKS;
    let controller = stage.controllers().await?;
    let controller = controller.first().context("there is no controller")?;
    let of_cluster = [
        format!(r#"cluster="{}""#, ring.name),
        format!(r#"namespace="{}""#, ring.namespace),
    ];
    let of_cluster = of_cluster.each_ref().map(String::as_str);
    until(
        "the controller's metrics of the ring",
        MINUTES,
        async || {
            let text = metrics(stage, install::NAMESPACE, controller, 8080).await?;
            let ones = |metric: &str| series(&text, metric, &of_cluster);
            let seen = [
                ones("cassandra_cluster_members_wanted") == [3.0],
                ones("cassandra_member_up") == [1.0; 3],
                ones("cassandra_member_joined") == [1.0; 3],
                ones("cassandra_cluster_waiting").iter().all(|n| *n == 0.0),
                series(&text, "cassandra_controller_leader", &[]) == [1.0],
                series(&text, "cassandra_controller_reconcile_seconds_count", &[])
                    .iter()
                    .any(|passes| *passes > 0.0),
            ];
            let ours = text.lines().filter(|line| line.contains(ring.namespace));
            let ours: Vec<_> = ours.collect();
            Ok(Look::when(
                !seen.contains(&false),
                (),
                format!("{seen:?}: {}", ours.join("; ")),
            ))
        },
    )
    .await?;
    for name in ring.names() {
        let text = metrics(stage, ring.namespace, &names::pod(&name), ports::AGENT).await?;
        let says = |metric: &str, labels: &[&str]| series(&text, metric, labels) == [1.0];
        let well = says("cassandra_node_up", &[])
            && says("cassandra_node_native_transport", &[])
            && says("cassandra_node_mode", &[r#"mode="NORMAL""#])
            && says("cassandra_node_state", &[r#"state="Ready""#])
            && series(&text, "member_agent_read_seconds_count", &[])
                .iter()
                .any(|looks| *looks > 0.0);
        ensure!(well, "the agent of {name} says:\n{text}");
    }
    Ok(())
}

/// What a pod serves at `/metrics`, by way of the API server.
async fn metrics(stage: &Stage, namespace: &str, pod: &str, port: i32) -> Result<String> {
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy/metrics");
    stage.run_kubectl(&["get", "--raw", &path]).await
}

/// The values of a metric's series that have these labels.
fn series(text: &str, metric: &str, labels: &[&str]) -> Vec<f64> {
    let lines = text.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (name, own) = series.split_once('{').unwrap_or((series, ""));
        let right = name == metric && labels.iter().all(|label| own.contains(label));
        right.then(|| value.parse().ok())?
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_belongs_to_the_column_that_it_stands_below() {
        let text =
            "NAME   READY   PHASE   BLOCKED-BY   AGE\na      3/3             x            1m\n";
        let rows = table(text);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["READY"], "3/3");
        assert_eq!(rows[0]["PHASE"], "");
        assert_eq!(rows[0]["BLOCKED-BY"], "x");
        assert_eq!(rows[0]["AGE"], "1m");
    }

    #[test]
    fn a_heading_with_nothing_below_it_is_found() {
        let text = "Status:\n  In Progress:\n  Blocked:\n    Rule:  x\nEvents:  <none>\n";
        assert_eq!(empty_headings(text), ["In Progress:"]);
        assert_eq!(empty_headings("Spec:\n"), Vec::<&str>::new());
    }

    #[test]
    fn a_series_is_found_by_its_labels() {
        let text = "# HELP up x\nup{a=\"1\",b=\"2\"} 1\nup{a=\"2\"} 0\nupper 3\n";
        assert_eq!(series(text, "up", &["b=\"2\"", "a=\"1\""]), [1.0]);
        assert_eq!(series(text, "up", &[]), [1.0, 0.0]);
        assert_eq!(series(text, "upper", &[]), [3.0]);
    }
}
