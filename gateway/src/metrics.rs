//! Counters of the gateway: plain atomics, printed in the Prometheus text format by `metrics/print.rs`.

mod jobs;
mod print;
mod requests;
mod running;

use std::sync::atomic::{AtomicU64, Ordering};

use windlass_store::spread::Spread;

pub(crate) use self::jobs::JobCounters;
pub(crate) use self::print::print;
use self::requests::Requests;
pub(crate) use self::running::Running;

/// A number that only counts.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds; what it was before.
    pub(crate) fn add(&self, n: u64) -> u64 {
        // Nothing is read through a counter, so it orders nothing.
        self.0.fetch_add(n, Ordering::Relaxed)
    }

    pub(crate) fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// All counters that are not the store's.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) running: Running,
    pub(crate) requests: Spread<Requests>,
    pub(crate) connections: Connections,
    pub(crate) traffic: Spread<Traffic>,
    pub(crate) jobs: Vec<JobCounters>,
    pub(crate) notifications: Notifications,
    pub(crate) webhooks: Webhooks,
}

/// Counters of files that receivers of webhooks are told of.
#[derive(Debug, Default)]
pub(crate) struct Webhooks {
    pub(crate) delivered: Counter,
    /// Times that a receiver did not take one.
    pub(crate) failures: Counter,
    pub(crate) dead: Counter,
}

/// Counters of events that targets are told.
#[derive(Debug, Default)]
pub(crate) struct Notifications {
    pub(crate) delivered: Counter,
    /// Times that a target did not take one.
    pub(crate) failures: Counter,
    pub(crate) given_up: Counter,
}

/// Counters of connections.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    pub(crate) accepted: Counter,
    pub(crate) open: Counter,
    pub(crate) accept_failures: Counter,
    /// TLS handshakes that failed or took too long.
    pub(crate) handshake_failures: Counter,
}

/// Counters of bytes.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// Bytes off the sockets, headers and framing included.
    pub(crate) received_bytes: Counter,
    /// Bytes into the sockets, headers and framing included.
    pub(crate) sent_bytes: Counter,
}

impl Metrics {
    /// Counters at zero, with one set for each of the named jobs.
    pub(crate) fn new(jobs: &[&'static str]) -> Self {
        Self {
            running: Running::default(),
            requests: Spread::default(),
            connections: Connections::default(),
            traffic: Spread::default(),
            jobs: jobs.iter().map(|name| JobCounters::new(name)).collect(),
            notifications: Notifications::default(),
            webhooks: Webhooks::default(),
        }
    }
}
