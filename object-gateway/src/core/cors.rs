//! Rules for browsers: which pages of other sites may ask what.

use serde::{Deserialize, Serialize};

/// One rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rule {
    /// Its name.
    pub id: Option<String>,
    /// Origins; one `*` each.
    pub origins: Vec<String>,
    /// Methods.
    pub methods: Vec<String>,
    /// Headers that may be sent; one `*` each.
    pub headers: Vec<String>,
    /// Headers that the page may read.
    pub expose: Vec<String>,
    /// How long a browser may remember the answer, in seconds.
    pub max_age: Option<i32>,
}

/// Methods that a rule may name.
pub const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];

/// A rule that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A method is none of [`METHODS`].
    #[error("found unsupported HTTP method in CORS config: {0}")]
    Method(String),
    /// More than one `*`.
    #[error("{0} has more than one wildcard")]
    Wildcards(String),
    /// No method or no origin.
    #[error("a rule needs a method and an origin")]
    Empty,
    /// More than 100 rules, or none.
    #[error("there must be 1 to 100 rules")]
    Count,
}

/// Whether rules can be used.
pub fn check(rules: &[Rule]) -> Result<(), Invalid> {
    if !(1..=100).contains(&rules.len()) {
        return Err(Invalid::Count);
    }
    for rule in rules {
        if rule.methods.is_empty() || rule.origins.is_empty() {
            return Err(Invalid::Empty);
        }
        if let Some(method) = rule.methods.iter().find(|m| !METHODS.contains(&m.as_str())) {
            return Err(Invalid::Method(method.clone()));
        }
        let mut patterns = rule.origins.iter().chain(&rule.headers);
        if let Some(pattern) = patterns.find(|p| p.matches('*').count() > 1) {
            return Err(Invalid::Wildcards(pattern.clone()));
        }
    }
    Ok(())
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => {
            text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
        }
        None => pattern == text,
    }
}

/// The first rule that permits a request of this origin and method with these headers.
pub fn find<'a>(
    rules: &'a [Rule],
    origin: &str,
    method: &str,
    headers: &[String],
) -> Option<&'a Rule> {
    rules.iter().find(|rule| {
        rule.origins.iter().any(|pattern| matches(pattern, origin))
            && rule.methods.iter().any(|m| m == method)
            && headers.iter().all(|header| {
                let header = header.to_ascii_lowercase();
                rule.headers
                    .iter()
                    .any(|pattern| matches(&pattern.to_ascii_lowercase(), &header))
            })
    })
}

impl Rule {
    /// What is answered for `Access-Control-Allow-Origin`.
    pub fn allowed_origin<'a>(&self, origin: &'a str) -> &'a str {
        if self.origins.iter().any(|pattern| pattern == "*") {
            "*"
        } else {
            origin
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origin: &str, method: &str, header: &str) -> Rule {
        Rule {
            origins: vec![origin.into()],
            methods: vec![method.into()],
            headers: vec![header.into()],
            ..Rule::default()
        }
    }

    #[test]
    fn the_first_rule_that_fits_is_taken() {
        let rules = [
            rule("https://*.example.com", "PUT", "x-amz-*"),
            rule("*", "GET", "*"),
        ];
        let asked = ["X-Amz-Date".to_owned()];
        assert_eq!(
            find(&rules, "https://a.example.com", "PUT", &asked),
            rules.first()
        );
        assert_eq!(find(&rules, "https://b.org", "GET", &asked), rules.last());
        assert_eq!(find(&rules, "https://b.org", "PUT", &asked), None);
        assert_eq!(
            find(
                &rules,
                "https://a.example.com",
                "PUT",
                &["range".to_owned()]
            ),
            None
        );
        assert_eq!(rules[1].allowed_origin("https://b.org"), "*");
    }

    #[test]
    fn rules_are_checked() {
        assert_eq!(check(&[]), Err(Invalid::Count));
        assert_eq!(
            check(&[rule("*", "PATCH", "*")]),
            Err(Invalid::Method("PATCH".into()))
        );
        assert_eq!(
            check(&[rule("*.*", "GET", "*")]),
            Err(Invalid::Wildcards("*.*".into()))
        );
    }
}
