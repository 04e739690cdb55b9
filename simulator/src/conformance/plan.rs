//! What is sent, from a seed. What depends on earlier answers is a placeholder: `$uid:PATH`, `$rv:PATH` (the last
//! known revision), `$first:PATH` (the first known), `$name:STEP` (a generated name), `$continue`.

use super::{
    ask::Ask,
    dice::Dice,
    ends,
    kinds::{KINDS, Kind},
    requests::{REQUESTS, Request, Step, words},
};

/// A sequence: its requests, and what is watched meanwhile.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where it happens.
    pub namespace: String,
    /// What is sent, in order.
    pub asks: Vec<Ask>,
    /// Paths and queries of watches; each ends with the object `zz-end`.
    pub watches: Vec<Ask>,
}

/// Who asks beside the administrator.
pub(super) const ACCOUNTS: [&str; 3] = ["agent", "n0-member", "stranger"];
/// The same, those with rights that change more often.
const OFTEN: [&str; 4] = ["agent", "agent", "n0-member", "stranger"];
/// The pods that they say they are.
const PODS: [Option<&str>; 4] = [None, Some("n0-0"), Some("n1-0"), Some("x")];
const APPLY: &str = "application/apply-patch+yaml";
const NAMES: [&str; 3] = ["n0", "n1", "n2"];
const MANAGERS: [&str; 3] = ["anna", "berta", "clara"];
/// By what labels watches choose.
const CHOSEN: [&str; 4] = ["l=1", "l in (1,3)", "l", "l!=2"];

struct Planner {
    dice: Dice,
    namespace: String,
    kinds: Vec<&'static Kind>,
    asks: Vec<Ask>,
    /// Kinds with a generated name. The servers' names differ, and with them the order of objects.
    generated: Vec<&'static Kind>,
}

impl Plan {
    /// The sequence of a seed.
    pub fn of(seed: u64, namespace: &str, longest: usize) -> Self {
        let mut dice = Dice::new(seed);
        // Few kinds, so that requests meet each other's objects.
        let kinds = (0..3).filter_map(|_| dice.weighted(&KINDS, |kind| kind.weight));
        let kinds = kinds.collect();
        let length = dice.below(longest.saturating_sub(10)) + 10;
        let mut planner = Planner {
            dice,
            namespace: namespace.to_owned(),
            kinds,
            asks: Vec::new(),
            generated: Vec::new(),
        };
        planner.begin();
        while planner.asks.len() < length {
            planner.step();
        }
        let watches = planner.end();
        Self {
            namespace: planner.namespace,
            asks: planner.asks,
            watches,
        }
    }
}

impl Planner {
    fn begin(&mut self) {
        for request in &REQUESTS.begin {
            let words = vec![("namespace", self.namespace.clone())];
            self.asks.push(request.ask(&mut self.dice, words));
        }
    }

    fn step(&mut self) {
        let Some(kind) = self.dice.of(&self.kinds).copied() else {
            return;
        };
        let name = self.dice.text(&NAMES);
        let generated = self.generated.contains(&kind);
        let share = |step: &Step| {
            if step.suits(kind, generated) {
                step.share
            } else {
                0
            }
        };
        let Some(step) = self.dice.weighted(&REQUESTS.steps, share) else {
            return;
        };
        if step.generates {
            self.generated.push(kind);
        }
        self.send(&step.request, kind, name);
        if let Some(then) = &step.then {
            self.send(then, kind, name);
        }
        if let Some(mut ask) = self.asks.pop() {
            self.ask_so(&mut ask, kind);
            self.ask_as_somebody(&mut ask);
            self.asks.push(ask);
        }
    }

    fn send(&mut self, request: &'static Request, kind: &Kind, name: &str) {
        let mut words = words(kind, &self.namespace, name);
        // What follows at once names the request before it.
        words.push(("step", self.asks.len().saturating_sub(1).to_string()));
        self.asks.push(request.ask(&mut self.dice, words));
    }

    /// How something is asked.
    fn ask_so(&mut self, ask: &mut Ask, kind: &Kind) {
        let manager = self.dice.text(&MANAGERS);
        let [dry, strict, partial] = [3, 5, 6].map(|chance| self.dice.percent(chance));
        let writes = ["POST", "PUT", "PATCH"].contains(&ask.method);
        if writes && !ask.query.iter().any(|(name, _)| *name == "fieldManager") {
            ask.query.push(("fieldManager", manager.into()));
        }
        // An address that is only tried is any address.
        if writes && dry && !ask.path.ends_with("eviction") && kind.kind != "Service" {
            ask.query.push(("dryRun", "All".into()));
        }
        if writes && strict && ask.content != APPLY {
            ask.query.push(("fieldValidation", "Strict".into()));
        }
        ask.metadata = partial && ask.method != "DELETE" && !ask.path.ends_with("/scale");
    }

    /// Who asks: of our kinds more often one of those who have rights to some of them.
    fn ask_as_somebody(&mut self, ask: &mut Ask) {
        let pod = self.dice.of(&PODS).copied().flatten().map(str::to_owned);
        let user = self.dice.text(&OFTEN);
        let ours = ask.path.contains("cassandra-operator.rs");
        let chosen = self.dice.percent(if ours { 15 } else { 4 });
        if chosen && !ask.path.contains("nonsense") {
            ask.user = Some((user.into(), pod));
        }
    }

    /// What is there at last, and then what ends each watch.
    fn end(&mut self) -> Vec<Ask> {
        let mut kinds: Vec<&Kind> = Vec::new();
        for kind in &self.kinds {
            if !kinds.contains(kind) && kind.plural != "events" {
                kinds.push(kind);
            }
        }
        let mut watches = Vec::new();
        for kind in kinds {
            self.asks.push(Ask {
                method: "GET",
                path: kind.collection(&self.namespace),
                ..Ask::default()
            });
            self.asks.push(ends::end(kind, &self.namespace));
            watches.push(self.watch(kind));
        }
        watches
    }

    fn watch(&mut self, kind: &Kind) -> Ask {
        let mut watch = ends::watch(kind, &self.namespace);
        match self.dice.below(3) {
            0 => {
                let chosen = self.dice.text(&CHOSEN).into();
                watch.query.push(("labelSelector", chosen));
            }
            1 => watch.query.push(("allowWatchBookmarks", "true".into())),
            _ => {}
        }
        watch.metadata = self.dice.percent(25);
        watch
    }
}
