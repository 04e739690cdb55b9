//! cassandra-rackdc.properties: `dc` and `rack` are the operator's, every other line is kept.

/// The text of cassandra-rackdc.properties, from the file that is there.
pub(super) fn render(file: &str, datacenter: &str, rack: &str) -> String {
    let mut out = String::new();
    for line in file.lines() {
        if !matches!(name(line), Some("dc" | "rack")) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out + &format!("dc={datacenter}\nrack={rack}\n")
}

/// The name of the property that a line sets, by the rules of Java's properties files.
fn name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if line.starts_with(['#', '!']) {
        return None;
    }
    let end = line.find(|c: char| c == '=' || c == ':' || c.is_whitespace());
    Some(line.get(..end.unwrap_or(line.len())).unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_lines_are_kept() {
        let file = "# names\ndc=dc1\n rack : rack1\nprefer_local=true\n#dc_suffix=\n";
        let once = render(file, "south", "r2");
        assert_eq!(
            once,
            "# names\nprefer_local=true\n#dc_suffix=\ndc=south\nrack=r2\n"
        );
        assert_eq!(render(&once, "south", "r2"), once);
    }
}
