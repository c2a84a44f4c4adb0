//! Connections: many at once, none of them for long.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// Connections that are open at once; others wait to be accepted.
const MAX_CONNECTIONS: usize = 4096;
/// How long a request's head, or the next request, may take to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a request's head may take, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Until connections are accepted again, where the system has no room for one more.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves `routes` on `listeners`, for ever.
pub fn serve(listeners: Vec<TcpListener>, routes: Router) -> io::Result<()> {
    allow_many_files();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut accepting = tokio::task::JoinSet::new();
        for listener in listeners {
            listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            accepting.spawn(accept(listener, Arc::clone(&connections), routes.clone()));
        }
        accepting.join_all().await;
        Ok(())
    })
}

async fn accept(listener: tokio::net::TcpListener, connections: Arc<Semaphore>, routes: Router) {
    while let Ok(place) = Arc::clone(&connections).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = talk(stream, routes.clone());
                tokio::spawn(async {
                    connection.await;
                    drop(place);
                });
            }
            // Such as no file descriptor left, until others end.
            Err(error) => {
                log::debug!("cannot accept a connection: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn talk(stream: TcpStream, routes: Router) {
    // An answer does not wait for more to send with it. Without that it is only later.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    if let Err(error) = connection.await {
        log::debug!("a connection broke off: {error}");
    }
}

/// A connection is a file to the system, which lets a process have 1024 unless it asks.
fn allow_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        log::debug!("no more files than {:?} at once: {error}", limit.current);
    }
}
