//! `docs/waiting-rules.md`, from the table of rules.

use std::fmt::Write as _;

use cassandra_api::rules::Rule;

use super::{Generated, NOTICE};

const INTRODUCTION: &str = "\
# Waiting rules

Whenever the operator waits, it says by which rule: in `status.blocked` of the CassandraCluster, in
the condition `Waiting` of the CassandraMember, in events and in metrics. `kubectl describe` shows the particulars
of the case. Most waits end by themselves; the ones that need you say what to do.
";

pub(super) fn file() -> Generated {
    let mut text = format!("<!-- {NOTICE} -->\n{INTRODUCTION}");
    text.push_str("\n| rule | waits for |\n|---|---|\n");
    for rule in Rule::ALL {
        let _ = writeln!(text, "| [`{rule}`](#{rule}) | {} |", rule.waits_for());
    }
    for rule in Rule::ALL {
        let _ = write!(
            text,
            "\n## {rule}\n\n{}\n\n- Waits for: {}.\n- What you can do: {}\n",
            rule.meaning(),
            rule.waits_for(),
            rule.advice(),
        );
    }
    Generated {
        path: "docs/waiting-rules.md".into(),
        content: text,
    }
}
