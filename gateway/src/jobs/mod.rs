//! Background jobs. The list: adoption, deletion, flush, key-value, lifecycle, notification, request log, scrub, sweep,
//! uploads, webhooks.
//!
//! Each job is idempotent, can be cut at any point, and is isolated: when a run fails or panics, that is logged and
//! counted, and the next one comes.

mod adopt;
mod deletion;
mod flush;
mod key_value;
mod lifecycle;
mod notification;
mod request_log;
mod runner;
mod scrub;
mod sweep;
mod uploads;
mod webhooks;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use windlass_config::Settings;

use self::runner::Job;
use crate::app::App;

/// The names of all jobs, in the order of `list`.
pub(crate) const NAMES: &[&str] = &[
    sweep::NAME,
    scrub::NAME,
    request_log::NAME,
    deletion::NAME,
    adopt::NAME,
    flush::NAME,
    lifecycle::NAME,
    notification::NAME,
    key_value::NAME,
    uploads::NAME,
    webhooks::NAME,
];

/// The list of jobs.
fn list(app: &Arc<App>, settings: &Settings) -> Vec<Job> {
    vec![
        sweep::job(&settings.sweep),
        scrub::job(&settings.scrub),
        request_log::job(&app.logs),
        deletion::job(),
        adopt::job(&settings.adoption),
        flush::job(),
        lifecycle::job(&settings.lifecycle),
        notification::job(app, settings),
        key_value::job(),
        uploads::job(&settings.uploads),
        webhooks::job(app, settings),
    ]
}

/// Starts all jobs. Each ends after the run that `stop` finds it in.
pub(crate) fn start(app: &Arc<App>, settings: &Settings, stop: &watch::Receiver<bool>) -> JoinSet<()> {
    list(app, settings).into_iter().map(|job| runner::run(job, Arc::clone(app), stop.clone())).collect()
}
