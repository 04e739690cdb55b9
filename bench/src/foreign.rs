//! Objects of others, of the size that they usually have.

use std::fmt::Debug;

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::api::PostParams;
use kube::{Api, Client, Resource};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::clusters::AT_ONCE;
use super::environment::FOREIGN;

/// Makes as many of each.
pub(super) async fn make(client: &Client, number: usize) -> Result<()> {
    make_all::<Secret>(client, number, |name| {
        json!({ "metadata": { "name": name, "labels": { "app": name } },
            "stringData": { "token": "t".repeat(1024) } })
    })
    .await?;
    make_all::<ConfigMap>(client, number, |name| {
        json!({ "metadata": { "name": name, "labels": { "app": name } },
            "data": { "settings.yaml": "a: b\n".repeat(400) } })
    })
    .await?;
    make_all::<Pod>(client, number, pod).await
}

fn pod(name: &str) -> Value {
    let variables: Vec<_> = (0..20)
        .map(|n| json!({ "name": format!("VARIABLE_{n}"), "value": "v".repeat(24) }))
        .collect();
    let probe = json!({ "httpGet": { "path": "/healthz", "port": 8080 }, "periodSeconds": 10 });
    json!({
        "metadata": { "name": name, "labels": { "app": name, "tier": "web" } },
        "spec": {
            "containers": [{
                "name": "web",
                "image": "registry.invalid/web:1",
                "env": variables,
                "livenessProbe": probe,
                "readinessProbe": probe,
                "resources": { "requests": { "cpu": "10m", "memory": "32Mi" } },
                "volumeMounts": [{ "name": "settings", "mountPath": "/etc/web" }],
            }],
            "volumes": [{ "name": "settings", "configMap": { "name": name } }],
        },
    })
}

async fn make_all<K>(client: &Client, number: usize, object: impl Fn(&str) -> Value) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + Debug + Serialize + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), FOREIGN);
    let posts = stream::iter((0..number).map(|n| object(&format!("foreign-{n}")))).map(|object| {
        let api = api.clone();
        async move {
            let object = serde_json::from_value(object)?;
            api.create(&PostParams::default(), &object).await?;
            anyhow::Ok(())
        }
    });
    posts.buffer_unordered(AT_ONCE).try_collect().await
}
