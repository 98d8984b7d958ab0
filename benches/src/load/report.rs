//! What a load came to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::histogram::Histogram;

/// A load and its figures. Rates are over the measured time, without the warm-up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) operation: String,
    pub(crate) endpoint: String,
    pub(crate) concurrency: usize,
    pub(crate) size_bytes: usize,
    pub(crate) payload: String,
    /// Whether the bytes that came were compared with those that were sent.
    pub(crate) verified: bool,
    pub(crate) seconds: f64,
    pub(crate) operations: u64,
    pub(crate) per_second: f64,
    /// Of object bytes, in either direction.
    pub(crate) mib_per_second: f64,
    /// Keys listed, for `list`.
    pub(crate) keys_per_second: f64,
    /// Failed operations, those of the warm-up included.
    pub(crate) errors: u64,
    /// Some of them.
    pub(crate) error_samples: Vec<String>,
    /// Connections made beyond one each.
    pub(crate) reconnects: u64,
    pub(crate) latency: Latency,
    /// Each kind of operation of a mixed load.
    pub(crate) kinds: BTreeMap<String, Latency>,
    /// CPU time of this client.
    pub(crate) client_cpu_us: f64,
    /// The server, if its process is known.
    pub(crate) server: Option<Server>,
    pub(crate) seed: u64,
}

/// Milliseconds an operation took, from before it was signed to the last byte of the answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) operations: u64,
    pub(crate) mean_ms: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl From<&Histogram> for Latency {
    fn from(histogram: &Histogram) -> Latency {
        Latency {
            operations: histogram.count(),
            mean_ms: histogram.mean_ms(),
            p50_ms: histogram.at_ms(0.5),
            p90_ms: histogram.at_ms(0.9),
            p99_ms: histogram.at_ms(0.99),
            max_ms: histogram.max_ms(),
        }
    }
}

/// What the server took, descendants included.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Server {
    /// CPU time an operation.
    pub(crate) cpu_us: f64,
    /// Cores kept busy.
    pub(crate) cores: f64,
    /// Resident at the end.
    pub(crate) resident_mib: f64,
    /// Resident at the end and not backed by a file.
    pub(crate) anonymous_mib: f64,
    /// The most that was resident since the process began.
    pub(crate) peak_mib: f64,
}

impl Report {
    /// Prints it for people.
    pub(crate) fn print(&self) {
        println!(
            "{} on {}: {} connections, {} B, payload {}, {:.1} s{}",
            self.operation,
            self.endpoint,
            self.concurrency,
            self.size_bytes,
            self.payload,
            self.seconds,
            if self.verified { ", bytes compared" } else { "" }
        );
        println!("  {:>10.0} operations/s  {:>9.1} MiB/s", self.per_second, self.mib_per_second);
        if self.keys_per_second > 0.0 {
            println!("  {:>10.0} keys/s", self.keys_per_second);
        }
        println!("  {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}", "ms", "count", "mean", "p50", "p90", "p99", "max");
        print_latency("all", &self.latency);
        self.kinds.iter().for_each(|(kind, latency)| print_latency(kind, latency));
        if let Some(server) = &self.server {
            println!(
                "  server: {:.1} us CPU an operation, {:.2} cores; {:.0} MiB resident ({:.0} anonymous), peak {:.0} MiB",
                server.cpu_us, server.cores, server.resident_mib, server.anonymous_mib, server.peak_mib
            );
        }
        println!("  client: {:.1} us CPU an operation; {} reconnects", self.client_cpu_us, self.reconnects);
        if self.errors > 0 {
            println!("  {} ERRORS, such as:", self.errors);
            self.error_samples.iter().for_each(|sample| println!("    {sample}"));
        }
    }
}

fn print_latency(name: &str, l: &Latency) {
    println!(
        "  {name:>10} {:>9} {:>9.3} {:>9.3} {:>9.3} {:>9.3} {:>9.3}",
        l.operations, l.mean_ms, l.p50_ms, l.p90_ms, l.p99_ms, l.max_ms
    );
}
