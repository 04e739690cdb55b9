//! The figures, beside the peer's and the budget.

use super::machine;

/// cass-operator 1.32.0 against the same API server, see `docs/benchmarks.md`.
const PEER: &str = "cass-operator 1.32.0";

/// One figure.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// What was measured.
    pub(super) what: String,
    /// The peer's figure.
    pub(super) peer: &'static str,
    /// The budget.
    pub(super) budget: &'static str,
    /// What it was.
    pub(super) measured: String,
    /// How often it was measured.
    pub(super) number: usize,
}

impl Row {
    pub(super) fn new(what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            peer: "–",
            budget: "–",
            measured: measured.into(),
            number: 1,
        }
    }

    pub(super) fn beside(self, peer: &'static str, budget: &'static str) -> Self {
        Self {
            peer,
            budget,
            ..self
        }
    }

    pub(super) fn times(self, number: usize) -> Self {
        Self { number, ..self }
    }

    fn line(&self) -> String {
        let Self {
            what,
            peer,
            budget,
            measured,
            number,
        } = self;
        format!("| {what} | {measured} | {number} | {peer} | {budget} |")
    }
}

/// All of them, as Markdown.
pub(super) fn print(machine: &str, rows: &[Row]) {
    println!("\n{machine}\n");
    println!("| what | measured | n | {PEER} | budget |");
    println!("|---|---|---|---|---|");
    for row in rows {
        println!("{}", row.line());
    }
}

/// What the table is about.
pub(super) fn machine() -> String {
    machine::describe()
}
