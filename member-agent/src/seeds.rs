//! Keeping the seeds of a running node up to date.
//!
//! The file first, then Cassandra, then the marker: whoever dies in between leaves a marker that differs
//! from the spec, and the next pass does it all again. A node that has not joined keeps the seeds that it
//! was started with.

use std::ops::Range;

use cassandra_api::v1alpha1::CassandraMember;
use cassandra_management::marker::Marker;
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::reading::Reading;

/// The seeds to bring to the node, if they are other ones than it has.
pub fn to_refresh(
    member: &CassandraMember,
    marker: &Marker,
    reading: &Reading,
) -> Option<Vec<String>> {
    let mut wanted = member.spec.start.seeds.clone();
    wanted.sort();
    wanted.dedup();
    let joined = marker.joined && reading.normal_host_id().is_some();
    (joined && !wanted.is_empty() && wanted != marker.seeds).then_some(wanted)
}

/// Why the seeds could not be put into cassandra.yaml.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is not YAML with one `seed_provider` that has `seeds`.
    #[error("no seeds were found in cassandra.yaml: {0}")]
    NotFound(String),
    /// The seeds were found, but not in one piece of the file that could be replaced.
    #[error("the seeds in cassandra.yaml can't be replaced")]
    NotReplaceable,
}

#[derive(Deserialize)]
struct Configuration {
    seed_provider: Vec<Provider>,
}

#[derive(Deserialize)]
struct Provider {
    parameters: Vec<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    seeds: Spanned<String>,
}

/// The text of cassandra.yaml with other seeds, and not a character else changed: written anew, a value
/// such as `0123` could come out as another one.
pub fn replaced(yaml: &str, seeds: &[String]) -> Result<String, Error> {
    let joined = seeds.join(",");
    let old = find(yaml)?;
    if old.value == joined {
        return Ok(yaml.into());
    }
    let place = place(&old).ok_or(Error::NotReplaceable)?;
    let (Some(before), Some(after)) = (yaml.get(..place.start), yaml.get(place.end..)) else {
        return Err(Error::NotReplaceable);
    };
    let new = format!("{before}\"{joined}\"{after}");
    // The proof that the right piece was replaced.
    if find(&new).is_ok_and(|found| found.value == joined) {
        Ok(new)
    } else {
        Err(Error::NotReplaceable)
    }
}

fn find(yaml: &str) -> Result<Spanned<String>, Error> {
    let configuration: Configuration =
        serde_saphyr::from_str(yaml).map_err(|error| Error::NotFound(error.to_string()))?;
    let mut providers = configuration.seed_provider.into_iter();
    let mut parameters = providers.next().into_iter().flat_map(|p| p.parameters);
    match (parameters.next(), providers.next()) {
        (Some(parameters), None) => Ok(parameters.seeds),
        _ => Err(Error::NotFound("seed_provider has no seeds".into())),
    }
}

fn place(seeds: &Spanned<String>) -> Option<Range<usize>> {
    let span = seeds.defined.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    Some(start..start.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::{marker, member, serving};

    fn seeds(list: &[&str]) -> Vec<String> {
        list.iter().map(|seed| (*seed).into()).collect()
    }

    fn joined() -> Marker {
        Marker {
            joined: true,
            host_id: Some("h-1".into()),
            ..marker()
        }
    }

    #[test]
    fn a_running_node_that_has_joined_gets_new_seeds_sorted() {
        let mut member = member();
        let up = Reading::Answered(serving());
        assert_eq!(
            to_refresh(&member, &joined(), &up),
            None,
            "they are the same"
        );
        member.spec.start.seeds = seeds(&["10.0.0.2", "10.0.0.1", "10.0.0.2"]);
        assert_eq!(
            to_refresh(&member, &joined(), &up),
            Some(seeds(&["10.0.0.1", "10.0.0.2"]))
        );
        assert_eq!(
            to_refresh(&member, &marker(), &up),
            None,
            "it has not joined"
        );
        assert_eq!(to_refresh(&member, &joined(), &Reading::Refused), None);
        member.spec.start.seeds.clear();
        assert_eq!(
            to_refresh(&member, &joined(), &up),
            None,
            "a node never loses its seeds"
        );
    }

    #[test]
    fn only_the_seeds_are_replaced() {
        let new = seeds(&["10.0.0.1", "10.0.0.2"]);
        for (before, old, after) in [
            (
                "# mine\ncluster_name: \"é 0123\"\nseed_provider:\n    - class_name: X\n      parameters:\n          - seeds: ",
                "\"127.0.0.1:7000\"",
                "\nnum_tokens: 016\n",
            ),
            (
                "\"seed_provider\": [{\"class_name\": \"X\", \"parameters\": [{\"seeds\": ",
                "\"10.0.0.9\"",
                "}]}]\n\"x\": yes\n",
            ),
            (
                "seed_provider:\n- class_name: X\n  parameters:\n  - seeds: ",
                "10.0.0.9,10.0.0.8",
                "   # two\nx: 1e3\n",
            ),
            (
                "seed_provider:\n- class_name: X\n  parameters: [{seeds: ",
                "'10.0.0.9'",
                "}]\n",
            ),
        ] {
            let yaml = format!("{before}{old}{after}");
            assert_eq!(
                replaced(&yaml, &new).unwrap(),
                format!("{before}\"10.0.0.1,10.0.0.2\"{after}")
            );
        }
    }

    #[test]
    fn the_same_seeds_change_nothing() {
        let yaml = "seed_provider: [{class_name: X, parameters: [{seeds: 'a,b'}]}]";
        assert_eq!(replaced(yaml, &seeds(&["a", "b"])).unwrap(), yaml);
    }

    #[test]
    fn a_file_without_seeds_is_left_alone() {
        for yaml in [
            "",
            "a: 1",
            "seed_provider: []",
            "seed_provider: [{class_name: X, parameters: []}]",
            "seed_provider: [{class_name: X}]",
            "seed_provider: [{parameters: [{seeds: a}]}, {parameters: [{seeds: b}]}]",
            "{{{",
        ] {
            assert!(replaced(yaml, &seeds(&["a"])).is_err(), "{yaml}");
        }
    }

    proptest! {
        #[test]
        fn replaced_seeds_are_read_back_and_the_rest_stays(
            comment in "[ -~]{0,40}",
            old in proptest::collection::vec("[0-9a-f:.]{1,20}", 1..4),
            new in proptest::collection::vec("[0-9]{1,3}(\\.[0-9]{1,3}){3}", 1..4),
        ) {
            let head = format!("# {comment}\nseed_provider:\n- class_name: X\n  parameters:\n  - seeds: ");
            let yaml = format!("{head}\"{}\"\nz: 0123\n", old.join(","));
            let text = replaced(&yaml, &new).unwrap();
            prop_assert_eq!(text, format!("{head}\"{}\"\nz: 0123\n", new.join(",")));
        }
    }
}
