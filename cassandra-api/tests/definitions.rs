//! The generated schema, as an API server would see it.

use cassandra_api::v1alpha1::definitions;

#[test]
fn definitions_are_structural() {
    for definition in definitions() {
        let yaml = serde_saphyr::to_string(&definition).unwrap();
        std::fs::write(format!("/tmp/w/{}.yaml", definition.metadata.name.unwrap()), &yaml).unwrap();
        assert!(!yaml.contains("uint"), "unsigned formats are unknown to Kubernetes");
    }
}
