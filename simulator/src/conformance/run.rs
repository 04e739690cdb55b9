//! All sequences, on both servers.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, stream};
use kube::Client;
use serde_json::{Value, json};

use super::{
    compare::{Chosen, differences},
    plan::{Ask, Plan},
    side::{Answer, Side},
};
use crate::json::At as _;
use crate::kubernetes::{Options as ServerOptions, Server, User};

/// How long one sequence may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Number of sequences.
    pub sequences: u64,
    /// The first sequence's seed; the others follow.
    pub seed: u64,
    /// Longest sequence.
    pub longest: usize,
    /// Sequences at the same time.
    pub at_once: usize,
    /// Tells this run's namespaces from those of others.
    pub run: String,
    /// Whether to look for a shorter sequence with the same difference.
    pub shrink: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Sequences that were run.
    pub sequences: u64,
    /// Requests that were compared.
    pub requests: usize,
    /// Events that were compared.
    pub events: usize,
    /// What differed, in words, by sequence.
    pub differences: Vec<String>,
}

/// Runs all sequences against a real server and a simulated one for each.
pub async fn run(real: Client, options: &Options) -> Result<Report> {
    prepare(&real).await?;
    let seeds = options.seed..options.seed + options.sequences;
    let results = stream::iter(seeds).map(|seed| {
        let real = real.clone();
        async move {
            let found = tokio::time::timeout(PATIENCE, one(&real, options, seed, None, "")).await;
            let found = found.context("no end after a minute").flatten();
            found.with_context(|| format!("sequence {seed}"))
        }
    });
    let mut results = results.buffer_unordered(options.at_once.max(1));
    let mut report = Report::default();
    while let Some(found) = results.next().await {
        let found = found?;
        report.sequences += 1;
        report.requests += found.requests;
        report.events += found.events;
        if let Some(difference) = found.difference {
            let difference = if options.shrink {
                shrunk(&real, options, difference).await?
            } else {
                difference
            };
            report.differences.push(difference.words);
        }
    }
    Ok(report)
}

#[derive(Debug)]
struct Found {
    requests: usize,
    events: usize,
    difference: Option<Difference>,
}

#[derive(Clone, Debug)]
struct Difference {
    seed: u64,
    /// The requests that led to it, by their numbers.
    steps: Vec<usize>,
    words: String,
}

/// Runs one sequence, or those of its requests whose numbers are given.
async fn one(
    real: &Client,
    options: &Options,
    seed: u64,
    only: Option<&[usize]>,
    attempt: &str,
) -> Result<Found> {
    let namespace = format!("c{}-{seed}{attempt}", options.run);
    let plan = Plan::of(seed, &namespace, options.longest);
    let server = Server::new(ServerOptions {
        seed,
        ..ServerOptions::default()
    });
    server.install_operator();
    let simulated = server
        .connect("conformance", User::administrator())
        .client();
    let mut sides = [
        Side::new(simulated, &namespace),
        Side::new(real.clone(), &namespace),
    ];
    let mut chosen = [Chosen::default(), Chosen::default()];
    let mut found = Found {
        requests: 0,
        events: 0,
        difference: None,
    };
    let mut sent = Vec::new();
    for (step, ask) in plan.asks.iter().enumerate() {
        if only.is_some_and(|only| !only.contains(&step)) {
            continue;
        }
        sent.push(step);
        let answers = both(&mut sides, ask).await?;
        found.requests += 1;
        let different = compare(&mut chosen, &answers);
        if !different.is_empty() {
            let words = told(seed, &plan, &sent, &different, &answers);
            found.difference = Some(Difference {
                seed,
                steps: sent,
                words,
            });
            return Ok(found);
        }
    }
    if only.is_none() {
        watches(&plan, &sides, &mut chosen, &mut found, seed).await?;
    }
    Ok(found)
}

async fn both(sides: &mut [Side; 2], ask: &Ask) -> Result<[Answer; 2]> {
    let [simulated, real] = sides;
    let (a, b) = tokio::join!(simulated.send(ask), real.send(ask));
    Ok([
        a.context("the simulated server")?,
        b.context("the real server")?,
    ])
}

fn compare(chosen: &mut [Chosen; 2], answers: &[Answer; 2]) -> Vec<String> {
    let normal = |chosen: &mut Chosen, answer: &Answer| json!({"code": answer.code, "body": chosen.normal(&answer.body)});
    let [a, b] = chosen;
    let [simulated, real] = answers;
    differences(&normal(a, simulated), &normal(b, real))
}

async fn watches(
    plan: &Plan,
    sides: &[Side; 2],
    chosen: &mut [Chosen; 2],
    found: &mut Found,
    seed: u64,
) -> Result<()> {
    for ask in &plan.watches {
        let [simulated, real] = sides;
        let (a, b) = tokio::join!(simulated.watch(ask), real.watch(ask));
        let events = [a.context("simulated watch")?, b.context("real watch")?];
        found.events += events.iter().map(Vec::len).max().unwrap_or(0);
        let [x, y] = chosen;
        let [simulated, real] = &events;
        let (simulated, real) = (x.normal(&json!(simulated)), y.normal(&json!(real)));
        let different = differences(&simulated, &real);
        if !different.is_empty() {
            let words = format!(
                "seed {seed}: a watch of {} {:?} differs\n  {}\n  simulated: {}\n  real: {}",
                ask.path,
                ask.query,
                different.join("\n  "),
                brief(&simulated),
                brief(&real)
            );
            found.difference = Some(Difference {
                seed,
                steps: Vec::new(),
                words,
            });
            return Ok(());
        }
    }
    Ok(())
}

/// Events in few words.
fn brief(events: &Value) -> String {
    let words = events.as_array().into_iter().flatten().map(|event| {
        let at = |pointer| event.at(pointer).and_then(Value::as_str).unwrap_or("?");
        format!(
            "{} {} {}",
            at("/type"),
            at("/object/metadata/name"),
            at("/object/metadata/resourceVersion")
        )
    });
    words.collect::<Vec<_>>().join(", ")
}

fn told(
    seed: u64,
    plan: &Plan,
    sent: &[usize],
    different: &[String],
    answers: &[Answer; 2],
) -> String {
    use std::fmt::Write as _;
    let mut words = format!("seed {seed}, {} requests:\n", sent.len());
    for step in sent {
        if let Some(ask) = plan.asks.get(*step) {
            let body = ask.body.as_ref().map(Value::to_string).unwrap_or_default();
            let _ = writeln!(
                words,
                "  {step}: {} {} {:?} {} {:?} {}{body}",
                ask.method,
                ask.path,
                ask.query,
                ask.content,
                ask.user,
                if ask.metadata { "(metadata) " } else { "" }
            );
        }
    }
    for line in different {
        let _ = writeln!(words, "  differs: {line}");
    }
    let [simulated, real] = answers;
    let _ = writeln!(words, "  simulated: {} {}", simulated.code, simulated.body);
    let _ = write!(words, "  real: {} {}", real.code, real.body);
    words
}

/// A shorter sequence with a difference.
async fn shrunk(real: &Client, options: &Options, mut best: Difference) -> Result<Difference> {
    let mut attempt = 0;
    let mut size = best.steps.len() / 2;
    while size > 0 {
        let mut start = 1;
        while start + size < best.steps.len() {
            let left = best.steps.iter().enumerate();
            let left = left.filter(|(index, _)| *index < start || *index >= start + size);
            let steps: Vec<_> = left.map(|(_, step)| *step).collect();
            attempt += 1;
            let found = one(
                real,
                options,
                best.seed,
                Some(&steps),
                &format!("-{attempt}"),
            )
            .await?;
            match found.difference {
                Some(shorter) if attempt < 300 => best = shorter,
                _ => start += size,
            }
        }
        size /= 2;
    }
    Ok(best)
}

/// Installs our definitions and the operator's manifests, and waits until they are in force.
async fn prepare(real: &Client) -> Result<()> {
    let server = Server::new(ServerOptions::default());
    let objects = crate::kubernetes::installation();
    let mut side = Side::new(real.clone(), "");
    for object in objects {
        let kind = server
            .catalogue()
            .of(&object)
            .context("a kind that is served")?;
        let text = |pointer| {
            object
                .at(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let place = if kind.namespaced {
            format!("/namespaces/{}", text("/metadata/namespace"))
        } else {
            String::new()
        };
        let prefix = if kind.group.is_empty() { "api" } else { "apis" };
        let ask = Ask {
            method: "POST",
            path: format!("/{prefix}/{}{place}/{}", kind.api_version(), kind.plural),
            content: "application/json",
            body: Some(object.clone()),
            ..Ask::default()
        };
        let answer = side.send(&ask).await?;
        anyhow::ensure!(
            [201, 409].contains(&answer.code),
            "{}: {}",
            ask.path,
            answer.body
        );
    }
    in_force(&mut side).await
}

/// Waits until an agent without a pod is refused, which is when definitions and policies are in force.
async fn in_force(side: &mut Side) -> Result<()> {
    let members = "/apis/cassandra-operator.rs/v1alpha1/namespaces/default/cassandramembers";
    let plan = Arc::new(
        json!({"apiVersion": "cassandra-operator.rs/v1alpha1", "kind": "CassandraMember",
        "metadata": {"name": "probe", "labels": {"app.kubernetes.io/managed-by": "cassandra-operator"},
            "ownerReferences": [{"apiVersion": "v1", "kind": "x", "name": "x", "uid": "x"}]},
        "spec": {"cluster": {"name": "n", "uid": "1"}, "clusterName": "A", "rack": "r", "datacenter": "d", "ordinal": 0}}),
    );
    for _ in 0..120 {
        let create = Ask {
            method: "POST",
            path: members.into(),
            content: "application/json",
            body: Some((*plan).clone()),
            ..Ask::default()
        };
        side.send(&create).await?;
        let delete = Ask {
            method: "DELETE",
            path: format!("{members}/probe"),
            query: vec![("dryRun", "All".into())],
            ..Ask::default()
        };
        if side.send(&delete).await?.code == 403 {
            let clusters = members.replace("members", "clusters");
            let list = Ask {
                method: "GET",
                path: clusters,
                ..Ask::default()
            };
            side.send(&list).await?;
            // A watch can't begin before the caches of our kinds did.
            tokio::time::sleep(Duration::from_secs(2)).await;
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    anyhow::bail!("the admission policies are not in force")
}
