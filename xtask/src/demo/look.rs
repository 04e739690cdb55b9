//! The end of the demo: what there is, and that the ring keeps what is written to it.

use anyhow::{Result, ensure};
use cassandra_api::names;
use testbed::process::stdout;
use testbed::target::Target;

use super::example::Example;
use super::{NAMESPACE, show};

const KEYSPACE: &str = "demo";

pub(super) fn around(target: &Target, cluster: &Example) -> Result<()> {
    show(
        target,
        &format!("kubectl get cassandraclusters,cassandramembers,pods -n {NAMESPACE} -o wide"),
    )?;
    let pod = names::pod(&names::member(&cluster.name, "r1", 0));
    show(
        target,
        &format!("kubectl exec -n {NAMESPACE} {pod} -c cassandra -- nodetool status"),
    )?;
    write_and_read(target, cluster)
}

/// Written through one rack, read through another with every replica asked.
fn write_and_read(target: &Target, cluster: &Example) -> Result<()> {
    let replication = format!(
        "{{'class': 'NetworkTopologyStrategy', '{}': {}}}",
        cluster.datacenter, cluster.members
    );
    let write = format!(
        "CREATE KEYSPACE IF NOT EXISTS {KEYSPACE} WITH replication = {replication}; \
         CREATE TABLE IF NOT EXISTS {KEYSPACE}.greetings (id int PRIMARY KEY, words text); \
         CONSISTENCY QUORUM; \
         INSERT INTO {KEYSPACE}.greetings (id, words) VALUES (1, 'hello from r1');"
    );
    cqlsh(target, cluster, "r1", &write)?;
    let read = format!("CONSISTENCY ALL; SELECT * FROM {KEYSPACE}.greetings WHERE id = 1;");
    let said = cqlsh(target, cluster, "r3", &read)?;
    ensure!(
        said.contains("hello from r1"),
        "the row that was written is not there: {said}"
    );
    Ok(())
}

fn cqlsh(target: &Target, cluster: &Example, rack: &str, statements: &str) -> Result<String> {
    let pod = names::pod(&names::member(&cluster.name, rack, 0));
    println!("\n$ kubectl exec -n {NAMESPACE} {pod} -c cassandra -- cqlsh -e \"{statements}\"");
    let exec = [
        "exec",
        "-n",
        NAMESPACE,
        &pod,
        "-c",
        "cassandra",
        "--",
        "cqlsh",
        "--request-timeout=60",
        "-e",
    ];
    let said = stdout(target.kubectl().args(exec).arg(statements))?;
    print!("{said}");
    Ok(said)
}
