//! Where servers of tests listen.

use std::net::TcpListener;

use anyhow::{Context as _, Result};

/// The address.
pub const ADDRESS: &str = "127.0.0.1";

/// Ports that nobody listens on now.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let listeners = (0..N)
        .map(|_| TcpListener::bind((ADDRESS, 0)))
        .collect::<Result<Vec<_>, _>>()?;
    let ports = listeners
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()))
        .collect::<Result<Vec<_>>>()?;
    ports.try_into().ok().context("as many ports as asked for")
}
