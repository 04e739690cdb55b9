//! The table at the end.

use std::fmt;
use std::time::Duration;

/// How a stage ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    /// What was run passed; the text says what was not.
    PassedBut(String),
    /// Was not run, for this reason.
    Skipped(String),
    /// The text says why, in lines.
    Failed(String),
}

/// A stage that is over.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
}

/// All stages that are over.
#[derive(Debug, Default)]
pub(super) struct Summary {
    lines: Vec<Line>,
    /// From the first stage's beginning to the last one's end: less than their sum when one ran beside others.
    pub(super) took: Duration,
}

impl Summary {
    pub(super) fn add(&mut self, line: Line) {
        self.lines.push(line);
    }

    pub(super) fn failed(&self) -> bool {
        self.lines
            .iter()
            .any(|line| matches!(line.outcome, Outcome::Failed(_)))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line {
            name,
            outcome,
            took,
        } in &self.lines
        {
            let seconds = took.as_secs_f64();
            match outcome {
                Outcome::Passed => writeln!(out, "passed   {name:<11} {seconds:>7.1} s")?,
                Outcome::PassedBut(why) => {
                    writeln!(out, "passed   {name:<11} {seconds:>7.1} s  skipped: {why}")?;
                }
                Outcome::Skipped(why) => {
                    writeln!(out, "skipped  {name:<11} {seconds:>7.1} s  {why}")?;
                }
                Outcome::Failed(why) => {
                    writeln!(out, "FAILED   {name:<11} {seconds:>7.1} s")?;
                    for line in why.lines() {
                        writeln!(out, "         {line}")?;
                    }
                }
            }
        }
        write!(
            out,
            "         {:<11} {:>7.1} s",
            "together",
            self.took.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, outcome: Outcome) -> Line {
        Line {
            name: name.into(),
            outcome,
            took: Duration::from_millis(1500),
        }
    }

    #[test]
    fn a_skipped_stage_is_no_failure_but_has_its_line() {
        let mut summary = Summary::default();
        summary.add(line("fmt", Outcome::Passed));
        summary.add(line(
            "deny",
            Outcome::PassedBut("advisories: no network".into()),
        ));
        summary.took = Duration::from_secs(2);
        assert!(!summary.failed());
        let text = summary.to_string();
        assert!(text.contains("passed   fmt             1.5 s\n"), "{text}");
        assert!(text.contains("skipped: advisories: no network\n"), "{text}");
        assert!(text.ends_with("2.0 s"), "{text}");
    }

    #[test]
    fn one_failure_fails_all() {
        let mut summary = Summary::default();
        summary.add(line("fmt", Outcome::Failed("one\ntwo".into())));
        summary.add(line("unit", Outcome::Passed));
        assert!(summary.failed());
        let text = summary.to_string();
        assert!(
            text.contains("1.5 s\n         one\n         two\n"),
            "{text}"
        );
    }
}
