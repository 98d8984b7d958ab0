//! SIGTERM and SIGINT: the first ends the gateway in an orderly way, the second at once.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::Failure;
use crate::app::App;

/// The exit code when a second signal ends the process. What was acknowledged is on the disk
/// whenever that happens, unless durability is relaxed.
const EXIT_AT_ONCE: i32 = 1;

/// From now on the first signal turns `stop` true.
pub(super) fn listen(stop: watch::Sender<bool>, app: Arc<App>) -> Result<(), Failure> {
    let on = |kind| signal(kind).map_err(|error| Failure::of("signals cannot be received", &error));
    let (mut terminate, mut interrupt) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
    tokio::spawn(async move {
        next(&mut terminate, &mut interrupt).await;
        tracing::info!("stopping: running requests are finished, new ones refused");
        app.drain();
        let _ = stop.send(true);
        next(&mut terminate, &mut interrupt).await;
        std::process::exit(EXIT_AT_ONCE);
    });
    Ok(())
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
