//! The accept loop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::Tls;
use super::connection::{self, Limits};
use crate::app::App;
use crate::door::Door;

/// Pause after a failure to accept. Most often the process is out of file descriptors, and trying again at once would
/// only spin.
const FAILURE_PAUSE: Duration = Duration::from_millis(50);

/// How draining went.
pub(crate) struct Drained {
    /// Connections that had not finished in time and were cut.
    pub(crate) cut: usize,
}

/// What connections are served with.
pub(crate) struct Served {
    pub(crate) app: Arc<App>,
    pub(crate) door: Arc<Door>,
    pub(crate) limits: Limits,
    /// Without it only plain HTTP is spoken, with it only TLS.
    pub(crate) tls: Option<Tls>,
}

/// Serves connections until `stop` turns true, then lets those that run finish for at most `drain`.
pub(crate) async fn serve(
    listener: TcpListener,
    served: Served,
    drain: Duration,
    mut stop: watch::Receiver<bool>,
) -> Drained {
    let Served { app, door, limits, tls } = served;
    let slots = Arc::new(Semaphore::new(limits.connections));
    let http = Arc::new(connection::builder(&limits));
    let mut connections = JoinSet::new();
    loop {
        let (socket, peer, slot) = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            // Reaps connections that have ended, so that their results do not gather.
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
            accepted = accept(&listener, &slots, &app) => accepted,
        };
        let connection = connection::Connection {
            app: Arc::clone(&app),
            door: Arc::clone(&door),
            http: Arc::clone(&http),
            limits,
            tls: tls.clone(),
            stop: stop.clone(),
        };
        connections.spawn(async move {
            connection.run(socket, peer).await;
            drop(slot);
        });
    }
    // Closed before draining, so that clients are refused at once instead of waiting in the backlog.
    drop(listener);
    let drained = tokio::time::timeout(drain, async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    });
    let _ = drained.await;
    let cut = connections.len();
    connections.shutdown().await;
    Drained { cut }
}

/// The next connection, once there is a slot for it. Safe to drop at any point.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    app: &App,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed; if it were, connections would only be uncounted.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => return (socket, peer, slot),
            Err(error) => {
                app.metrics.connections.accept_failures.add(1);
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(FAILURE_PAUSE).await;
            }
        }
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        // What it said is in the log already.
        tracing::error!("a connection was cut by a panic");
    }
}
