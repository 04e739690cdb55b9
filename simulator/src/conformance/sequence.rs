//! One sequence, on both servers.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use kube::Client;
use serde_json::{Value, json};

use super::{
    ask::Ask,
    clock::ClockHints,
    compare::{Chosen, differences},
    ends,
    plan::Plan,
    rights::Rights,
    side::{Answer, Side},
};
use crate::{
    json::At as _,
    kubernetes::{Options, Server, User},
};

/// A sequence and the servers that it is played on.
pub(super) struct Sequence {
    seed: u64,
    plan: Plan,
    simulator: Server,
    clock: Arc<ClockHints>,
    sides: [Side; 2],
    chosen: [Chosen; 2],
    rights: Rights,
    /// The requests so far, by their numbers.
    sent: Vec<usize>,
    events: usize,
}

/// What came of a sequence.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) requests: usize,
    pub(super) events: usize,
    pub(super) difference: Option<Difference>,
}

/// Where the servers first differed.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    pub(super) seed: u64,
    /// The requests that led to it, by their numbers.
    pub(super) steps: Vec<usize>,
    pub(super) words: String,
}

impl Sequence {
    /// The sequence of a seed, for a namespace that is not there yet.
    pub(super) fn new(real: Client, seed: u64, namespace: &str, longest: usize) -> Self {
        let clock = Arc::new(ClockHints::default());
        let simulator = Server::new(Options {
            seed,
            clock: clock.clone(),
            ..Options::default()
        });
        simulator.install_operator();
        let simulated = simulator
            .connect("conformance", User::administrator())
            .client();
        Self {
            seed,
            plan: Plan::of(seed, namespace, longest),
            simulator,
            clock,
            sides: [
                Side::new(simulated, namespace),
                Side::new(real.clone(), namespace),
            ],
            chosen: Default::default(),
            rights: Rights::new(real, namespace),
            sent: Vec::new(),
            events: 0,
        }
    }

    /// Plays it, or those of its requests whose numbers are given, up to the first difference.
    pub(super) async fn play(mut self, only: Option<&[usize]>) -> Result<Found> {
        let words = self.first_difference(only).await?;
        Ok(Found {
            requests: self.sent.len(),
            events: self.events,
            difference: words.map(|words| Difference {
                seed: self.seed,
                words: format!("{}{words}", self.told()),
                steps: self.sent,
            }),
        })
    }

    async fn first_difference(&mut self, only: Option<&[usize]>) -> Result<Option<String>> {
        for (step, ask) in self.plan.asks.clone().iter().enumerate() {
            if only.is_some_and(|only| !only.contains(&step)) {
                continue;
            }
            // An administrator may do everything; whose rights are others does not matter to him.
            if ask.user.is_some()
                && let Some(words) = self.rights.differ(&self.simulator).await?
            {
                return Ok(Some(words));
            }
            if let Some(words) = self.answers_differ(step, ask).await? {
                return Ok(Some(words));
            }
        }
        if let Some(words) = self.rights.differ(&self.simulator).await? {
            return Ok(Some(words));
        }
        for ask in self.plan.watches.clone() {
            if self.ends(&ask)
                && let Some(words) = self.events_differ(&ask).await?
            {
                return Ok(Some(words));
            }
        }
        Ok(None)
    }

    async fn answers_differ(&mut self, step: usize, ask: &Ask) -> Result<Option<String>> {
        self.sent.push(step);
        let [simulated, real] = &mut self.sides;
        let b = real.send(step, ask).await.context("the real server")?;
        self.clock.by(&b.body);
        let a = simulated.send(step, ask).await;
        let a = a.context("the simulated server")?;
        self.rights.note(ask);
        let normal = |chosen: &mut Chosen, answer: &Answer| json!({"code": answer.code, "body": chosen.normal(&answer.body)});
        let [x, y] = &mut self.chosen;
        let different = differences(&normal(x, &a), &normal(y, &b));
        Ok((!different.is_empty()).then(|| {
            format!(
                "  differs: {}\n  simulated: {} {}\n  real: {} {}",
                different.join("\n  differs: "),
                a.code,
                a.body,
                b.code,
                b.body
            )
        }))
    }

    /// Whether the object that ends this watch was created.
    fn ends(&self, watch: &Ask) -> bool {
        self.sent.iter().any(|step| {
            self.plan.asks.get(*step).is_some_and(|ask| {
                let name = ask.body.as_ref().and_then(|b| b.at("/metadata/name"));
                ask.path == watch.path && name == Some(&json!(ends::END))
            })
        })
    }

    async fn events_differ(&mut self, ask: &Ask) -> Result<Option<String>> {
        let [simulated, real] = &self.sides;
        let (a, b) = tokio::join!(simulated.watch(ask), real.watch(ask));
        let (a, b) = (a.context("simulated watch")?, b.context("real watch")?);
        self.events += a.len().max(b.len());
        let [x, y] = &mut self.chosen;
        let (a, b) = (x.normal(&json!(a)), y.normal(&json!(b)));
        let different = differences(&a, &b);
        Ok((!different.is_empty()).then(|| {
            format!(
                "  a watch of {} {:?} differs: {}\n  simulated: {}\n  real: {}",
                ask.path,
                ask.query,
                different.join("\n  differs: "),
                brief(&a),
                brief(&b)
            )
        }))
    }

    /// The requests so far.
    fn told(&self) -> String {
        use std::fmt::Write as _;
        let mut words = format!("seed {}, {} requests:\n", self.seed, self.sent.len());
        for step in &self.sent {
            if let Some(ask) = self.plan.asks.get(*step) {
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
        words
    }
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
