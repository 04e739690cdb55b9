#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "scratch"
)]
use cassandra_management::*;
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let a: Vec<String> = std::env::args().collect();
    if a[2] == "policy" {
        println!("{POLICY_XML}");
        return;
    }
    let m = Management::new(Config {
        jolokia: Endpoint::parse(&a[1]).unwrap(),
        ..Config::default()
    });
    let t = std::time::Instant::now();
    match a[2].as_str() {
        "facts" => println!("{:#?}", m.facts().await),
        "mode" => println!("{:?}", m.mode().await),
        "drain" => println!("{:?}", m.drain().await),
        "reload" => println!("{:?}", m.reload_seeds().await),
        _ => println!("{:?}", m.is_answering().await),
    }
    println!("{:?}", t.elapsed());
}
