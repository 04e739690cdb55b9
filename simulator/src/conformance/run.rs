//! All sequences, on both servers.

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, stream};
use kube::Client;

use super::{
    ready,
    sequence::{Difference, Found, Sequence},
    shrink,
};

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
    ready::prepare(&real, &options.run).await?;
    let seeds = options.seed..options.seed + options.sequences;
    let results = stream::iter(seeds).map(|seed| {
        let found = one(&real, options, seed);
        async move { found.await.with_context(|| format!("sequence {seed}")) }
    });
    let mut results = results.buffer_unordered(options.at_once.max(1));
    let mut report = Report::default();
    while let Some(found) = results.next().await {
        let found = found?;
        report.sequences += 1;
        report.requests += found.requests;
        report.events += found.events;
        report
            .differences
            .extend(found.difference.map(|difference| difference.words));
    }
    Ok(report)
}

/// Plays the sequence of a seed, and looks for a shorter one should the servers differ.
async fn one(real: &Client, options: &Options, seed: u64) -> Result<Found> {
    let played = sequence(real, options, seed, "").play(None);
    let found = tokio::time::timeout(PATIENCE, played).await;
    let mut found = found.context("no end after a minute").flatten()?;
    if options.shrink
        && let Some(difference) = found.difference.take()
    {
        found.difference = Some(shorter(real, options, difference).await?);
    }
    Ok(found)
}

/// The sequence of a seed; each attempt has a namespace of its own.
fn sequence(real: &Client, options: &Options, seed: u64, attempt: &str) -> Sequence {
    let namespace = format!("c{}-{seed}{attempt}", options.run);
    Sequence::new(real.clone(), seed, &namespace, options.longest)
}

/// The shortest sequence found in which there is a difference.
async fn shorter(real: &Client, options: &Options, found: Difference) -> Result<Difference> {
    let (seed, mut attempt) = (found.seed, 0);
    shrink::shrunk(found, async |steps: &[usize]| {
        attempt += 1;
        let sequence = sequence(real, options, seed, &format!("-{attempt}"));
        Ok(sequence.play(Some(steps)).await?.difference)
    })
    .await
}
