//! Where this process is reached.

use crate::cli::ReplicaArgs;
use crate::commands::failure::usage;
use std::net::{IpAddr, ToSocketAddrs, UdpSocket};
use tf_mnist::session::SessionError;
use tf_mnist::session::cluster::Address;

/// This machine, as workers elsewhere see it.
pub fn own_host(workers: &[Address]) -> String {
    let seen_by = |worker: &Address| -> Option<IpAddr> {
        let peer = (worker.host(), worker.port()).to_socket_addrs().ok()?.next()?;
        let any = if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).ok()?;
        socket.connect(peer).ok()?; // sends nothing
        Some(socket.local_addr().ok()?.ip())
    };
    let seen: Vec<_> = workers.iter().filter_map(seen_by).collect();
    let outside = seen.iter().find(|address| !address.is_loopback()).or(seen.first());
    outside.map_or_else(|| "127.0.0.1".to_owned(), IpAddr::to_string)
}

/// The error of a server at `own`, as the user knows that address.
pub fn of_address(error: SessionError, own: &Address, args: &ReplicaArgs) -> anyhow::Error {
    match &error {
        SessionError::Server { reason, .. } if reason.contains("Could not start gRPC server") => {
            let option = if args.cluster.is_some() { "--cluster" } else { "--address" };
            usage(format!("{option}: port {} is in use on this machine; take another one", own.port()))
        }
        _ => error.into(),
    }
}
