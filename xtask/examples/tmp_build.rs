//! x
fn main() -> anyhow::Result<()> {
    let c = xtask::cache::Cache::at("/tmp/w/tb/iso/c2".as_ref())?;
    xtask::images::cassandra_image(&c, "5.0.9", xtask::progress::Progress).map(drop)
}
