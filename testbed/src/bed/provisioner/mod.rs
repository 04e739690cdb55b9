//! Makes volumes for the claims of the bed's storage class: a folder of the node that the scheduler
//! has chosen.
//!
//! Whenever a claim or a volume changes, all of them are looked at anew and what is missing is done
//! (`plan` says what that is). An error is told and tried again; the watches come back by
//! themselves after the API server was away. A folder has no limit of size, so growing a volume is
//! a matter of two numbers.

mod act;
mod plan;

use std::pin::pin;
use std::time::Duration;

use anyhow::Result;
use futures::{StreamExt as _, stream};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Config};

use super::layout::Layout;
use crate::cache::Cache;

/// Watches and makes volumes until it is ended.
pub fn run(cache: &Cache) -> Result<()> {
    let layout = Layout::of(cache)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(&layout))
}

async fn serve(layout: &Layout) -> Result<()> {
    let kubeconfig = Kubeconfig::read_from(layout.kubeconfig("admin"))?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    let client = Client::try_from(config)?;
    let claims = changes::<PersistentVolumeClaim>(&client);
    let volumes = changes::<PersistentVolume>(&client);
    // Without an event for that long something may have been tried in vain.
    let again = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Some(((), ()))
    });
    let mut changes = pin!(stream::select_all([claims, volumes, again.boxed()]));
    while changes.next().await.is_some() {
        if let Err(error) = act::pass(&client, layout).await {
            println!("trying again: {error:#}");
        }
    }
    Ok(())
}

fn changes<K>(client: &Client) -> stream::BoxStream<'static, ()>
where
    K: kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + Send + 'static,
    K: serde::de::DeserializeOwned,
{
    watcher(Api::<K>::all(client.clone()), watcher::Config::default())
        .default_backoff()
        .filter_map(async |event| match event {
            Ok(_) => Some(()),
            Err(error) => {
                println!("watching: {error}");
                None
            }
        })
        .boxed()
}
