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
