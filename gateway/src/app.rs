//! What the doors and the jobs share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use windlass_store::Store;
use windlass_store::log::Logs;

use crate::metrics::Metrics;
use crate::net::Outward;
use crate::site::SiteSettings;
use crate::trace::Access;

/// The parts of a running gateway; made once, in `serve.rs`.
pub(crate) struct App {
    pub(crate) store: Arc<Store>,
    pub(crate) logs: Arc<Logs>,
    pub(crate) metrics: Metrics,
    /// The access log, if it is written.
    pub(crate) access: Option<Access>,
    /// What goes out to addresses that others chose.
    pub(crate) outward: Arc<Outward>,
    /// What the gateway's own pages are told.
    pub(crate) site: SiteSettings,
    draining: AtomicBool,
}

impl App {
    pub(crate) fn new(
        store: Arc<Store>,
        logs: Arc<Logs>,
        metrics: Metrics,
        access: Option<Access>,
        (outward, site): (Arc<Outward>, SiteSettings),
    ) -> Self {
        Self { store, logs, metrics, access, outward, site, draining: AtomicBool::new(false) }
    }

    /// From now on the gateway only finishes what it has begun.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Why no new request should be sent here; `None` if the gateway is ready.
    pub(crate) fn unready(&self) -> Option<&'static str> {
        if self.store.is_latched() {
            return Some("the storage failed; writes are refused");
        }
        self.draining.load(Ordering::Relaxed).then_some("the gateway is stopping")
    }
}
