//! What is wrong with a cluster's spec, in words for its user.
//!
//! The types say what they accept, once for the CRD's schema and once for garde; a test holds the two together. The API
//! server checks by the first, and this module by the second: an installed CRD can be older than the controller, and
//! embedders build specs. Checks that need the earlier spec are the CRD's alone.

/// Why a spec can't be carried out: the field, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Path of the field as the user writes it, for instance `spec.racks[1].members`.
    pub field: String,
    /// What is wrong and what is accepted.
    pub problem: String,
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

impl std::error::Error for Invalid {}

/// Everything that is wrong with the spec of a cluster of this name, in the order of its fields.
#[cfg(feature = "garde")]
pub fn problems(name: &str, spec: &crate::v1alpha1::CassandraClusterSpec) -> Vec<Invalid> {
    use garde::Validate as _;
    let scope = crate::v1alpha1::Scope::new(name, spec.resources.limits.memory.as_ref());
    let Err(report) = spec.validate_with(&scope) else {
        return Vec::new();
    };
    let found = report.into_inner().into_iter();
    found
        .map(|(path, error)| Invalid {
            field: format!("spec.{}", as_written(&path.to_string())),
            problem: error.message().into(),
        })
        .collect()
}

/// A path of Rust's names in those of the object: `storage_class_name` is written `storageClassName`.
#[cfg(feature = "garde")]
fn as_written(path: &str) -> String {
    let mut written = String::with_capacity(path.len());
    let mut upper = false;
    for letter in path.chars() {
        if letter == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            written.extend(letter.to_uppercase());
        } else {
            written.push(letter);
        }
    }
    written
}
