//! `tf-mnist draw MODEL`: a page on this machine to draw digits on.

mod guard;
mod page;
mod reader;
mod routes;
mod server;

use super::failure::usage;
use super::{model, output};
use crate::cli::{DrawArgs, GlobalArgs};
use anyhow::{Context, Result};
use reader::Reader;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// Serves the page until a signal ends the process.
///
/// # Errors
/// The port is in use, or the model cannot be had.
pub fn run(global: &GlobalArgs, args: &DrawArgs) -> Result<()> {
    // Before the model, which takes a while; who comes meanwhile waits.
    let listeners = listen(args.port)?;
    let address = listeners[0].local_addr().context("cannot tell the port")?;
    let reader = Reader::new(model::classifier(global, &args.model)?)?;
    let routes = routes::routes(reader, address.port());
    let url = format!("http://{address}/");
    output::print(&format!("{url}\n"))?;
    log::info!("a page to draw on, until Ctrl-C ends it");
    if !args.no_open
        && let Err(error) = open::that_detached(&url)
    {
        log::warn!("no browser could be started ({error}): open {url} in one");
    }
    server::serve(listeners, routes).context("cannot serve the page")
}

/// Listens on this machine's own addresses alone: 127.0.0.1 and, where there is one, `::1`.
fn listen(port: u16) -> Result<Vec<TcpListener>> {
    let failed = |address: SocketAddr, error: std::io::Error| match error.kind() {
        ErrorKind::AddrInUse => usage(format!(
            "--port {}: another program listens on that port of this machine; name another, or 0 for any that is free",
            address.port()
        )),
        ErrorKind::PermissionDenied => {
            usage(format!("--port {}: only root may listen on it; name one above 1023", address.port()))
        }
        _ => anyhow::Error::new(error).context(format!("cannot listen on {address}")),
    };
    let first = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let first = TcpListener::bind(first).map_err(|error| failed(first, error))?;
    let second = SocketAddr::from((Ipv6Addr::LOCALHOST, first.local_addr()?.port()));
    match TcpListener::bind(second) {
        Ok(second) => Ok(vec![first, second]),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(failed(second, error)),
        Err(error) => {
            log::debug!("not on {second}: {error}");
            Ok(vec![first])
        }
    }
}
